//! Readiness: PID 1 is believed, others are not, and nobody can flood.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use veld_protocol::shim::{READY, STATUS, STOPPING_INSIDE};
use veld_protocol::stamp::Stamp;

use crate::boot::{launcher, script, until};

fn notify(text: &str) -> String {
    format!("{} notify '{text}'", launcher().display())
}

#[test]
fn ready_is_believed_from_pid_1_alone() {
    let fake = notify("READY=1\nSTOPPING=1\nSTATUS=fake");
    let real = notify("READY=1\nSTATUS=up");
    // The last of the script takes the place of PID 1.
    let Some(mut boot) = script(&format!(
        "{fake}; echo FAKED; cd \"${{NOTIFY_SOCKET%/*}}\"
         until [ -e go ]; do sleep 0.02; done; exec {real}"
    )) else {
        return;
    };
    boot.until_log_has("FAKED");
    std::thread::sleep(Duration::from_millis(300));
    for name in [READY, STOPPING_INSIDE, STATUS] {
        assert!(!boot.path(name).exists(), "{name}");
    }
    boot.touch("go");
    boot.ended();
    let ready: Stamp = boot.text(READY).parse().unwrap();
    assert!(ready <= Stamp::now());
    assert_eq!(boot.text(STATUS), "up");
    assert!(!boot.path(STOPPING_INSIDE).exists());
}

#[test]
fn a_status_is_cleaned_and_a_stop_is_noted() {
    let real = notify("STOPPING=1\nSTATUS=a\u{1b}[2Jb");
    let Some(mut boot) = script(&format!("exec {real}")) else {
        return;
    };
    boot.ended();
    assert_eq!(boot.text(STATUS), "a?[2Jb");
    assert!(boot.text(STOPPING_INSIDE).parse::<Stamp>().is_ok());
    assert!(!boot.path(READY).exists());
}

#[test]
fn the_last_status_is_written_when_many_come_at_once() {
    let program = launcher();
    let program = program.to_str().unwrap();
    let Some(boot) = crate::boot::boot(&[], &[program, "notify-often", "50000"]) else {
        return;
    };
    let mut seen = std::collections::BTreeSet::new();
    until("the last status", || {
        seen.insert(boot.text(STATUS));
        seen.contains("status 50000")
    });
    assert!(seen.len() < 20, "written once a second: {seen:?}");
    let written = std::fs::metadata(boot.path(STATUS)).unwrap();
    assert_eq!(written.mode() & 0o777, 0o600);
}
