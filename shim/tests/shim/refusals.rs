//! Refusals: told at once, then once a second, and all of them.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use veld_protocol::event::{Event, Hit, What};
use veld_protocol::limit::Limit;
use veld_protocol::refused::{self, Refused};
use veld_protocol::shim::{EVENTS, REFUSALS, WATCHED};

use crate::boot::{Boot, boot, shipped, until};

fn watched() -> Option<Boot> {
    boot(&["--watched"], &["/bin/sleep", "1000"])
}

/// What was told of refusals.
fn hits(boot: &Boot) -> Vec<Hit> {
    let text = boot.text(EVENTS);
    let events = text.lines().filter_map(Event::parse);
    events
        .filter_map(|event| {
            if let What::Hit(hit) = event.what {
                Some(hit)
            } else {
                None
            }
        })
        .collect()
}

/// The eventfd that the shim has.
fn alarm(boot: &Boot) -> OwnedFd {
    let shim = i32::try_from(boot.shim_pid()).unwrap();
    let shim = Pid::from_raw(shim).unwrap();
    let pidfd = pidfd_open(shim, PidfdFlags::empty()).unwrap();
    pidfd_getfd(&pidfd, WATCHED, PidfdGetfdFlags::empty()).unwrap()
}

/// As the kernel does when the limit has refused something so often in all.
fn refuse(boot: &Boot, times: u64) {
    let mut count = std::fs::File::options()
        .write(true)
        .open(boot.path("count"))
        .unwrap();
    writeln!(count, "max {times:010}").unwrap();
    let alarm = alarm(boot);
    rustix::io::write(&alarm, &1_u64.to_ne_bytes()).unwrap();
}

#[test]
fn what_happens_often_is_told_at_once_and_then_once_a_second() {
    let Some(boot) = watched() else { return };
    refuse(&boot, 3);
    until("it is told", || !hits(&boot).is_empty());
    let first = Hit {
        limit: Limit::Processes,
        value: Some(2000),
        times: 3,
        total: 3,
    };
    assert_eq!(hits(&boot), [first]);
    let begun = Instant::now();
    let ticks = boot.ticks();
    let mut times = 3;
    while begun.elapsed() < Duration::from_millis(3500) {
        times += 1;
        refuse(&boot, times);
        std::thread::sleep(Duration::from_micros(100));
    }
    until("the last is told", || {
        hits(&boot).last().unwrap().total == times
    });
    let told = hits(&boot);
    assert!((4..=6).contains(&told.len()), "{told:?}");
    assert_eq!(told.iter().map(|hit| hit.times).sum::<u64>(), times);
    assert!(boot.ticks() - ticks <= 2, "{} ticks", boot.ticks() - ticks);
    let text = boot.text(REFUSALS);
    let recorded: Vec<Refused> = refused::parse(&text).collect();
    assert_eq!(recorded.len(), 1, "{text:?}");
    assert_eq!(
        (recorded[0].limit, recorded[0].times),
        (Limit::Processes, times)
    );
    // Quiet again, it is told at once again.
    std::thread::sleep(Duration::from_millis(2100));
    refuse(&boot, times + 1);
    let told_at = Instant::now();
    until("one more is told", || {
        hits(&boot).last().unwrap().times == 1
    });
    assert!(told_at.elapsed() < Duration::from_millis(500));
    if shipped() {
        assert!(boot.private_kib() <= 100, "{} KiB", boot.private_kib());
    }
}

#[test]
fn what_nobody_tells_of_is_looked_at_every_few_seconds() {
    let Some(boot) = watched() else { return };
    let mut looked = std::fs::File::options()
        .write(true)
        .open(boot.path("looked"))
        .unwrap();
    writeln!(looked, "4").unwrap();
    let begun = Instant::now();
    until("it is told", || !hits(&boot).is_empty());
    assert!(begun.elapsed() > Duration::from_secs(2), "it was no alarm");
    let hit = hits(&boot)[0];
    assert_eq!((hit.limit, hit.times, hit.value), (Limit::Swap, 4, None));
}

#[test]
fn what_was_refused_last_is_told_before_the_end() {
    let Some(mut boot) = watched() else { return };
    refuse(&boot, 1);
    until("it is told", || !hits(&boot).is_empty());
    // Within the second in which nobody looks.
    refuse(&boot, 7);
    crate::boot::kill(boot.init_pid(), rustix::process::Signal::KILL);
    boot.ended();
    let told: Vec<u64> = hits(&boot).iter().map(|hit| hit.times).collect();
    assert_eq!(told, [1, 6]);
    let text = boot.text(EVENTS);
    let last = text.lines().last().and_then(Event::parse).unwrap();
    assert!(matches!(last.what, What::Stopped(_)), "{text}");
}
