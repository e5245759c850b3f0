//! Looking and typing.

use std::process::Stdio;

use rustix::process::Signal;
use veld_tests::{Ve, host, signal, until};

/// Starts a shell on the console, as an inittab would.
fn shell_on_console(ve: &Ve<'_>) {
    let script = "setsid -c sh -i </dev/console >/dev/console 2>&1 &";
    ve.sh(&format!("({script}) >/dev/null 2>&1")).ok();
}

#[test]
fn what_is_typed_reaches_the_ve_and_what_it_answers_is_shown() {
    let host = host!();
    let ve = host.ve("web1").start();
    shell_on_console(&ve);
    let mut console = host.terminal(["console", "web1"]);
    console.type_in("echo $((6 * 7)) of $(hostname)\r");
    console.shows("42 of web1");
    console.type_in("stty size\r");
    console.shows("30 100");
    console.resize(120, 40);
    console.clear();
    console.type_in("\r");
    until("the console has the new size", || {
        ve.sh("stty size </dev/console").line() == "40 120"
    });
}

#[test]
fn two_who_watch_see_the_same_and_either_may_leave() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut one = host.terminal(["console", "web1"]);
    let mut two = host.terminal(["console", "web1"]);
    until("both are there", || {
        ve.sh("echo anybody there >/dev/console").done();
        one.is_raw() && two.is_raw()
    });
    ve.sh("echo for both >/dev/console").done();
    one.shows("for both\r\n");
    two.shows("for both\r\n");
    one.type_in("\u{1d}\u{1d}\u{1d}");
    let (status, shown) = one.ended();
    assert_eq!(status, 0);
    assert!(shown.ends_with("\r\nweb1: detached\r\n"), "{shown:?}");
    ve.sh("echo for one >/dev/console").done();
    two.shows("for one\r\n");
    two.type_in("\r~.");
    let (status, shown) = two.ended();
    assert_eq!(status, 0);
    assert!(shown.ends_with("\r\nweb1: detached\r\n"), "{shown:?}");
    assert_eq!(ve.status(), "up");
}

#[test]
fn who_comes_late_is_shown_what_was_last_written() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("echo written before >/dev/console").done();
    let mut console = host.terminal(["console", "web1"]);
    console.shows("written before\r\n");
}

#[test]
fn who_watches_is_told_when_the_ve_ends() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mut console = host.terminal(["console", "web1"]);
    ve.sh("echo last words >/dev/console").done();
    console.shows("last words");
    ve.stop();
    let (status, shown) = console.ended();
    assert_eq!(status, 0);
    assert!(shown.ends_with("\r\nweb1: console closed\r\n"), "{shown:?}");
}

#[test]
fn the_terminal_is_as_before_however_the_watcher_ends() {
    let host = host!();
    let ve = host.ve("web1").start();
    let console = host.terminal(["console", "web1"]);
    until("the terminal is raw", || console.is_raw());
    signal(console.pid(), Signal::TERM);
    until("the terminal is as before", || !console.is_raw());
    let (status, _) = console.ended();
    assert_eq!(status, 143);
    assert_eq!(ve.status(), "up");
}

#[test]
fn without_a_terminal_one_watches_and_every_byte_is_typed() {
    let host = host!();
    let ve = host.ve("web1").start();
    shell_on_console(&ve);
    let mut watch = ve.cmd("console", [""; 0]);
    watch
        .inner()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut watch = watch.spawn_as_it_is();
    let mut stdin = watch.child().stdin.take().unwrap();
    let mut stdout = watch.child().stdout.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"\x1d\x1d\x1d\recho $((40 + 2))\r").unwrap();
    drop(stdin);
    // The end of the input ends nothing; the end of the VE does.
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("\n42") {
        let length = std::io::Read::read(&mut stdout, &mut buffer).unwrap();
        assert_ne!(length, 0, "{seen}");
        seen += &String::from_utf8_lossy(&buffer[..length]);
    }
    ve.veld("stop", ["--force"]).done();
    std::io::Read::read_to_string(&mut stdout, &mut seen).unwrap();
    assert!(seen.ends_with("\nweb1: console closed\n"), "{seen:?}");
    assert_eq!(watch.output().status, 0);
}

#[test]
fn a_watcher_that_does_not_look_holds_up_nobody() {
    let host = host!();
    let ve = host.ve("web1").start();
    let console = host.terminal(["console", "web1"]);
    until("the terminal is raw", || console.is_raw());
    signal(console.pid(), Signal::STOP);
    ve.sh("head -c 2000000 /dev/zero | tr '\\0' x >/dev/console; echo done")
        .ok();
    let mut other = host.terminal(["console", "web1"]);
    ve.sh("echo still here >/dev/console").done();
    other.shows("still here");
    ve.stop();
    signal(console.pid(), Signal::CONT);
}

#[test]
fn a_console_survives_a_reboot_for_who_comes_again() {
    let host = host!();
    let ve = host.ve("web1").start();
    let init = ve.init_pid();
    let _ = ve.exec(["reboot"]);
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    let mut console = host.terminal(["console", "web1"]);
    ve.sh("echo of the second boot >/dev/console").done();
    console.shows("of the second boot");
}
