//! The VE prints: into a bounded log, to everybody, and never slower for it.

use std::time::Duration;

use veld_protocol::console::{MAX_CLIENTS, SCROLLBACK};
use veld_protocol::shim::{CONSOLE_LOG, CONSOLE_LOG_BEFORE, LOG_LIMIT};

use crate::boot::{read_all, read_until, script, shipped, size_of_file};

/// Waits for `touch go`, so that a test can look before it starts.
const WAIT: &str = r#"cd "${NOTIFY_SOCKET%/*}"; until [ -e go ]; do sleep 0.02; done;"#;

#[test]
fn fifty_megabytes_leave_a_bounded_log_and_the_memory_as_it_was() {
    let Some(boot) = script(&format!(
        "echo BEGIN; {WAIT} head -c 52428800 /dev/zero | tr '\\0' x; echo DONE; sleep 1000"
    )) else {
        return;
    };
    boot.until_log_has("BEGIN");
    let mut watcher = boot.attach();
    read_until(&mut watcher, "BEGIN");
    let before = boot.private_kib();
    boot.touch("go");
    boot.until_log_has("DONE");
    let after = boot.private_kib();
    println!("private memory: {before} KiB before, {after} KiB after");
    assert!(after <= before + 8, "{before} KiB grew to {after} KiB");
    assert!(!shipped() || after <= 100, "{after} KiB");
    let most = LOG_LIMIT + 4096;
    assert!(size_of_file(&boot.path(CONSOLE_LOG)) <= most);
    let kept = size_of_file(&boot.path(CONSOLE_LOG_BEFORE));
    assert!((LOG_LIMIT..=most).contains(&kept), "{kept} bytes");
}

#[test]
fn all_watchers_see_the_same() {
    let Some(boot) = script(&format!("{WAIT} seq 2000; echo DONE; sleep 1000")) else {
        return;
    };
    let (mut one, mut other) = (boot.attach(), boot.attach());
    boot.touch("go");
    let seen = read_until(&mut one, "DONE");
    assert!(seen.starts_with("1\r\n2\r\n"), "{seen:.40}");
    assert_eq!(seen, read_until(&mut other, "DONE"));
}

#[test]
fn who_comes_late_is_shown_the_last_of_it() {
    let Some(boot) = script("seq 5000; echo DONE; sleep 1000") else {
        return;
    };
    boot.until_log_has("DONE");
    let mut late = boot.attach();
    let seen = read_until(&mut late, "DONE");
    assert!((SCROLLBACK - 2..=SCROLLBACK).contains(&seen.len()));
    assert!(seen.contains("\r\n4999\r\n5000\r\nDONE"));
}

#[test]
fn a_watcher_that_does_not_read_stalls_nobody() {
    let Some(boot) = script(&format!(
        "{WAIT} head -c 10000000 /dev/zero | tr '\\0' x; echo DONE; sleep 1000"
    )) else {
        return;
    };
    let stuck = boot.attach();
    boot.touch("go");
    boot.until_log_has("DONE");
    drop(stuck);
    // It is noticed at the next output at the latest, and nothing spins on it.
    let ticks = boot.ticks();
    std::thread::sleep(Duration::from_millis(500));
    assert!(boot.ticks() <= ticks + 2);
}

#[test]
fn one_more_than_the_seats_is_told_so() {
    let Some(boot) = script("echo BEGIN; sleep 1000") else {
        return;
    };
    let mut seated: Vec<_> = (0..MAX_CLIENTS).map(|_| boot.attach()).collect();
    for client in &mut seated {
        read_until(client, "BEGIN");
    }
    let told = read_all(&mut boot.attach());
    assert_eq!(told, "veld: this console has 16 clients already\r\n");
    seated.pop();
    // The seat is free once the shim has seen its client go.
    crate::boot::until("a seat is free", || {
        let mut client = boot.attach();
        let mut first = [0; 4];
        std::io::Read::read_exact(&mut client, &mut first).is_ok() && first != *b"veld"
    });
}
