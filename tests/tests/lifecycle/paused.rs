//! A VE that an administrator pauses, and what may be done to it then.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use veld_tests::{Ve, host, until};

/// What a process does in a tenth of it, it would do if it were not frozen.
const A_WHILE: Duration = Duration::from_millis(300);

#[test]
fn a_paused_ve_stands_still_and_goes_on() {
    let host = host!();
    let ve = host.ve("web1").start();
    work(&ve);
    ve.veld("pause", [""; 0]).done();
    let length = worked(&ve);
    std::thread::sleep(A_WHILE);
    assert_eq!(worked(&ve), length);
    let shown = ve.show();
    assert_eq!(shown["status"], "paused");
    assert_eq!(shown["health_unknown"], "it is paused");
    let since = shown["status_since_unix_seconds"].as_f64().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    assert!(
        (0.0..30.0).contains(&(now.as_secs_f64() - since)),
        "{since}"
    );
    let listed = host.veld(["list", "-H", "-o", "name,status"]).ok();
    assert_eq!(listed.line(), "web1  paused");
    ve.veld("resume", [""; 0]).done();
    until("it works again", || worked(&ve) > length);
    assert_eq!(ve.status(), "up");
    ve.stop();
    host.nothing_remains();
}

#[test]
fn what_makes_no_sense_of_a_paused_ve_is_said_in_a_line() {
    let host = host!();
    let ve = host.ve("web1").start();
    let stopped = host.ve("web2").create();
    for verb in ["pause", "resume"] {
        let said = "veld: web2: is not running";
        stopped.veld(verb, [""; 0]).fails(1, said);
        host.veld([verb, "nosuch"])
            .fails(1, "veld: nosuch: no such VE");
    }
    ve.veld("resume", [""; 0])
        .fails(1, "veld: web1: is not paused");
    let paused = ve.veld("pause", [""; 0]).ok();
    assert_eq!(paused.line(), "web1: paused");
    ve.veld("pause", [""; 0])
        .fails(1, "veld: web1: is already paused");
    ve.exec(["true"]).fails(125, "veld: web1: is paused");
    ve.veld("enter", [""; 0])
        .fails(125, "veld: web1: is paused");
    // Of all VEs those that are paused, or do not run, are passed over.
    assert_eq!(host.veld(["pause", "--all"]).ok().stdout, "");
    let resumed = host.veld(["resume", "--all"]).ok();
    assert_eq!(resumed.line(), "web1: resumed");
    assert_eq!(host.veld(["resume", "--all"]).ok().stdout, "");
    ve.exec(["true"]).done();
}

#[test]
fn a_paused_ve_is_stopped_killed_restarted_and_destroyed() {
    let host = host!();
    let ve = host.ve("web1").start();
    let pause = || ve.veld("pause", [""; 0]).done();
    pause();
    let begun = Instant::now();
    // Which would be warned of if it had to be killed.
    ve.stop();
    assert!(begun.elapsed() < Duration::from_secs(20));
    let went_down = ve.directory().join("private/upper/var/went-down");
    fs::remove_file(went_down).unwrap();
    ve.start();
    assert_eq!(ve.status(), "up");
    pause();
    ve.veld("restart", ["--wait"]).done();
    assert_eq!(ve.status(), "up");
    pause();
    let sent = ve.veld("kill", ["--signal", "USR2"]).ok();
    assert_eq!(
        sent.line(),
        "web1: sent signal 12, which waits until it is resumed"
    );
    ve.veld("kill", [""; 0]).done();
    ve.becomes("stopped");
    ve.start();
    pause();
    ve.veld("destroy", ["--force"]).done();
    host.nothing_remains();
}

#[test]
fn a_process_that_cannot_be_frozen_is_named_and_the_ve_goes_on() {
    let host = host!();
    let ve = host.ve("web1").start();
    work(&ve);
    hang(&ve);
    let begun = Instant::now();
    let refused = ve.veld("pause", ["--timeout", "1"]);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    let said = refused.stderr.trim_end();
    let head = "veld: web1: cannot pause: not all processes froze within 1 s: ";
    let named = said.strip_prefix(head).unwrap_or_else(|| panic!("{said}"));
    assert_eq!(refused.status, 1);
    let (pid, what) = named.split_once(' ').unwrap();
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name, "probe\n");
    assert!(what.starts_with("(probe) "), "{said}");
    assert!(what.ends_with(", state D"), "{said}");
    assert_eq!(named.matches("state").count(), 1, "only it: {said}");
    let length = worked(&ve);
    until("it works on", || worked(&ve) > length);
    assert_eq!(ve.status(), "up");
    ve.exec(["true"]).done();
}

#[test]
fn a_pause_that_was_killed_can_be_undone() {
    let host = host!();
    let ve = host.ve("web1").start();
    work(&ve);
    hang(&ve);
    let mut pause = ve.cmd("pause", ["--timeout", "1000"]).spawn();
    until("it has begun", || ve.status() == "paused");
    pause.kill();
    let _ = pause.output();
    assert_eq!(ve.status(), "paused");
    ve.exec(["true"]).fails(125, "veld: web1: is paused");
    ve.veld("resume", [""; 0]).done();
    let length = worked(&ve);
    until("it works again", || worked(&ve) > length);
    assert_eq!(ve.status(), "up");
}

#[test]
fn groups_that_the_ve_froze_itself_are_not_a_pause() {
    let host = host!();
    let ve = host.ve("web1").start();
    let own = ve
        .group()
        .present()
        .into_iter()
        .map(|group| group.join("ve"))
        .find(|group| group.join("cgroup.freeze").exists());
    let Some(own) = own else {
        return;
    };
    work(&ve);
    let nested = own.join("nested");
    fs::create_dir(&nested).unwrap();
    fs::write(nested.join("cgroup.freeze"), "1").unwrap();
    assert_eq!(ve.status(), "up");
    ve.exec(["true"]).done();
    ve.veld("pause", [""; 0]).done();
    ve.veld("resume", [""; 0]).done();
    let knob = |group: &PathBuf| fs::read_to_string(group.join("cgroup.freeze")).unwrap();
    assert_eq!((knob(&own), knob(&nested)), ("0\n".into(), "1\n".into()));
    // And what somebody froze by hand is resumed as well.
    fs::write(own.join("cgroup.freeze"), "1").unwrap();
    ve.exec(["true"]).fails(125, "veld: web1: is frozen");
    assert_eq!(ve.show()["status"], json!("up"));
    ve.veld("resume", [""; 0]).done();
    ve.exec(["true"]).done();
}

/// A process that leaves a trace a hundred times a second.
fn work(ve: &Ve<'_>) {
    ve.sh("(while :; do echo >>/var/work; usleep 10000; done) </dev/null >/dev/null 2>&1 &")
        .done();
    until("it works", || worked(ve) > 1);
}

/// How much it has done.
fn worked(ve: &Ve<'_>) -> u64 {
    let trace = ve.directory().join("private/upper/var/work");
    fs::metadata(trace).map_or(0, |file| file.len())
}

/// A process of the VE's waits in the kernel for an answer that nobody will give.
fn hang(ve: &Ve<'_>) {
    ve.bring_probe();
    ve.sh("mkdir /var/served && /var/probe hang /var/served </dev/null >/var/said 2>&1 &")
        .done();
    let said = ve.directory().join("private/upper/var/said");
    until("the file system was asked", || {
        fs::read_to_string(&said).is_ok_and(|said| said == "asked\n")
    });
}
