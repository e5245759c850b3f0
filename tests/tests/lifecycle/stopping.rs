//! Asking, waiting, killing.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use veld_tests::{host, signal, until};

#[test]
fn a_stop_lets_the_distribution_go_down_in_its_own_way() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.stop();
    // What the inittab's shutdown line leaves.
    let upper = ve.directory().join("private/upper/var/went-down");
    assert!(
        upper.exists(),
        "the shutdown line of the inittab was not run"
    );
    assert_eq!(ve.last_end(), "was powered off from inside");
}

#[test]
fn a_ve_that_does_not_go_down_in_time_is_killed_with_a_warning() {
    let host = host!();
    let ve = host.ve("web1").create();
    stubborn(&ve);
    let begun = Instant::now();
    let stopped = ve.veld("stop", ["--timeout", "1"]);
    assert_eq!(
        stopped.stderr,
        "veld: web1: warning: init did not exit within 1 s, killed\n"
    );
    assert_eq!(
        (stopped.status, stopped.stdout.as_str()),
        (0, "web1: stopped\n")
    );
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(5),
        "{took:?}"
    );
    host.nothing_remains();
}

#[test]
fn a_stop_by_force_asks_nobody() {
    let host = host!();
    let ve = host.ve("web1").create();
    stubborn(&ve);
    let begun = Instant::now();
    ve.veld("stop", ["--force"]).done();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(!ve.directory().join("private/upper/var/went-down").exists());
    host.nothing_remains();
}

#[test]
fn a_stop_ends_processes_that_ignore_every_signal_but_one() {
    let host = host!();
    let ve = host.ve("web1").start();
    let script =
        "trap '' TERM HUP INT; (trap '' TERM HUP INT; while :; do sleep 1; done) & echo $!";
    ve.sh(&format!("({script}) >/dev/null 2>&1")).ok();
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_ve_whose_processes_are_stopped_by_a_signal_stops() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.sh("for p in $(pidof syslogd sleep); do kill -STOP $p; done")
        .ok();
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_command_that_does_not_wait_for_its_program_does_not_hold_up_a_stop() {
    let host = host!();
    let ve = host.ve("web1").start();
    let command = ve.exec_cmd([""; 0], ["sleep", "1000"]).spawn();
    until("the program runs", || {
        ve.exec(["pidof", "sleep"]).status == 0
    });
    // As Ctrl-Z does: until it goes on, its program stays a zombie in the VE.
    signal(command.pid(), Signal::STOP);
    let begun = Instant::now();
    let stopped = ve.veld("stop", ["--timeout", "5"]);
    signal(command.pid(), Signal::CONT);
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    host.nothing_remains();
}

/// Starts a VE whose last deed lasts.
fn stubborn(ve: &veld_tests::Ve<'_>) {
    ve.start();
    ve.sh("echo '::shutdown:/bin/sleep 1000' >/etc/inittab")
        .done();
    // What is to be done at the end was read at the beginning.
    ve.veld("restart", ["--wait"]).ok();
    ve.exec(["rm", "/var/went-down"]).done();
}
