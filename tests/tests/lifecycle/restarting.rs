//! A VE that ended by itself and is started again: after which ends, how soon,
//! and that any command may take the matter over while it waits.

use std::fs;

use rustix::process::Signal;
use veld_tests::{Cmd, Host, Ve, alive, eventually, host, signal, status_field, until};

fn with_policy<'h>(host: &'h Host, policy: &str) -> Ve<'h> {
    host.ve("web1")
        .with(["--restart", policy, "--network", "none"])
        .start()
}

/// Kills PID 1 and waits until a start again is waited for.
fn fails(ve: &Ve<'_>) {
    signal(ve.init_pid(), Signal::KILL);
    ve.becomes("restarting");
}

pub(crate) fn is_up_again(ve: &Ve<'_>, init: i32) {
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
}

#[test]
fn a_ve_that_fails_is_started_again_by_the_same_process_later_each_time() {
    let host = host!();
    let ve = with_policy(&host, "on-failure");
    let shim = ve.shim_pid();
    for number in 1..=3 {
        let init = ve.init_pid();
        fails(&ve);
        let shown = ve.show();
        assert_eq!(shown["restarts_in_a_row"], number);
        assert_eq!(shown["shim_pid"], shim);
        let due = shown["restart_due_unix_seconds"].as_f64().unwrap();
        let waits = due - shown["last_end"]["at_unix_seconds"].as_f64().unwrap();
        let expected = f64::from(1 << (number - 1));
        assert!((expected..expected + 1.0).contains(&waits), "{waits} s");
        is_up_again(&ve, init);
        assert_eq!(ve.shim_pid(), shim);
        assert_eq!(ve.show()["restarts_in_a_row"], number);
    }
    ve.stop();
    host.nothing_remains();
}

#[test]
fn one_that_waits_is_listed_and_takes_no_lock_and_little_memory() {
    let host = host!();
    let ve = with_policy(&host, "always");
    let shim = ve.shim_pid();
    fails(&ve);
    let listed = host.veld(["list", "-o", "name,status"]).ok().stdout;
    assert_eq!(listed, "NAME  STATUS\nweb1  restarting\n");
    let lock = ve.run_directory().join("lock");
    let lock = lock.to_str().unwrap();
    Cmd::program("flock", ["-n", lock, "true"]).run().ok();
    assert_eq!(status_field(shim, "Name"), "veld-shim");
    let memory = private_memory(shim);
    assert!(memory < 256, "{memory} kB");
    let left = host.remains();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with(&format!("process {shim} ")), "{left:?}");
    let shown = ve.veld("show", [""; 0]).ok().stdout;
    assert!(shown.contains("\nstarts again in "), "{shown}");
    assert!(shown.contains("s, number 1 in a row\n"), "{shown}");
    ve.stop();
    assert!(!alive(shim));
    host.nothing_remains();
}

#[test]
fn each_command_takes_one_that_waits_over_at_once() {
    let host = host!();
    let ve = with_policy(&host, "always");
    let waiting = || {
        // The second wait is long enough for any command to come before its end.
        let (shim, init) = (ve.shim_pid(), ve.init_pid());
        fails(&ve);
        is_up_again(&ve, init);
        fails(&ve);
        shim
    };
    let shim = waiting();
    let stopped = ve.veld("stop", [""; 0]);
    assert_eq!((stopped.status, stopped.line()), (0, "web1: stopped"));
    until("nobody waits", || !alive(shim));
    assert_eq!(ve.status(), "stopped");
    host.nothing_remains();

    ve.start();
    let shim = waiting();
    ve.start();
    assert!(!alive(shim));
    assert_eq!(ve.show()["restarts_in_a_row"], 0);

    let shim = waiting();
    ve.veld("restart", ["--wait"]).done();
    assert!(!alive(shim));

    let shim = waiting();
    ve.destroy();
    assert!(!alive(shim));
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn one_whose_waiting_process_was_killed_is_stopped() {
    let host = host!();
    let ve = with_policy(&host, "always");
    let shim = ve.shim_pid();
    fails(&ve);
    signal(shim, Signal::KILL);
    ve.becomes("stopped");
    ve.veld("stop", [""; 0])
        .fails(1, "veld: web1: is not running");
    host.nothing_remains();
    ve.start();
}

#[test]
fn a_power_off_is_followed_by_a_start_under_always_alone() {
    let host = host!();
    let ve = with_policy(&host, "on-failure");
    let _ = ve.exec(["poweroff", "-f"]);
    ve.becomes("stopped");
    host.nothing_remains();
    set_policy(&ve, "on-failure", "always");
    ve.start();
    let init = ve.init_pid();
    let _ = ve.exec(["poweroff", "-f"]);
    is_up_again(&ve, init);
    // What an administrator sets counts from the next end on.
    set_policy(&ve, "always", "no");
    ve.veld("kill", [""; 0]).ok();
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "its PID 1 was killed by signal 9");
    host.nothing_remains();
}

#[test]
fn a_stop_counts_though_its_command_was_killed() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--restart", "always", "--network", "none"])
        .create();
    // It takes its time to go down.
    let etc = ve.directory().join("private/upper/etc");
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("inittab"), "::shutdown:/bin/sleep 2\n").unwrap();
    ve.start();
    let mut stop = ve.cmd("stop", [""; 0]).spawn();
    let run = ve.run_directory();
    until("it goes down", || run.join("stopping-inside").exists());
    stop.kill();
    let _ = stop.output();
    assert_eq!(ve.status(), "stopping");
    ve.becomes("stopped");
    until("it was swept", || !run.join("record").exists());
    assert_eq!(ve.status(), "stopped");
    host.nothing_remains();
}

#[test]
fn a_stop_that_was_killed_long_ago_does_not_count() {
    let host = host!();
    let ve = with_policy(&host, "always");
    // No process has the highest number there can be.
    fs::write(
        ve.run_directory().join("stopping"),
        "4194304 1 1000000000.0\n",
    )
    .unwrap();
    assert_eq!(ve.status(), "up");
    let init = ve.init_pid();
    signal(init, Signal::KILL);
    is_up_again(&ve, init);
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_stop_in_the_moment_of_an_end_is_a_stop_of_what_would_follow() {
    let host = host!();
    let ve = host.ve("web1").with(["--network", "none"]).create();
    for (policy, follows) in [("on-failure", true), ("no", false)] {
        let config = fs::read_to_string(ve.config()).unwrap();
        let config: String = config
            .lines()
            .map(|line| match line.split_once(" = ") {
                Some(("restart", _)) => format!("restart = \"{policy}\"\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        fs::write(ve.config(), config).unwrap();
        ve.start();
        let (shim, init) = (ve.shim_pid(), ve.init_pid());
        signal(shim, Signal::STOP);
        signal(init, Signal::KILL);
        ve.becomes("stopped");
        let stopped = ve.veld("stop", [""; 0]);
        if follows {
            assert_eq!((stopped.status, stopped.line()), (0, "web1: stopped"));
        } else {
            stopped.fails(1, "veld: web1: is not running");
        }
        signal(shim, Signal::CONT);
        until("the shim is gone", || !alive(shim));
        assert_eq!(ve.status(), "stopped");
        host.nothing_remains();
    }
}

#[test]
fn a_policy_that_is_changed_during_the_wait_counts_at_its_end() {
    let host = host!();
    let ve = with_policy(&host, "always");
    let shim = ve.shim_pid();
    fails(&ve);
    set_policy(&ve, "always", "no");
    until("nobody waits", || !alive(shim));
    assert_eq!(ve.status(), "stopped");
    host.nothing_remains();
}

#[test]
fn a_ve_that_is_locked_when_it_ends_is_started_again_later() {
    let host = host!();
    let ve = with_policy(&host, "always");
    let (shim, init) = (ve.shim_pid(), ve.init_pid());
    make_old(&ve);
    let lock = fs::File::options()
        .write(true)
        .open(ve.run_directory().join("lock"))
        .unwrap();
    lock.lock().unwrap();
    signal(init, Signal::KILL);
    let name = || status_field(shim, "Name");
    until("a command waits for the lock", || name() == "veld");
    until("and gives up for now", || name() == "veld-shim");
    drop(lock);
    is_up_again(&ve, init);
    assert_eq!(ve.shim_pid(), shim);
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_signal_of_an_administrators_is_an_end_as_any() {
    let host = host!();
    let ve = with_policy(&host, "on-failure");
    let init = ve.init_pid();
    make_old(&ve);
    ve.veld("kill", [""; 0]).ok();
    // It was up for long, so it does not wait.
    is_up_again(&ve, init);
    assert_eq!(ve.show()["restarts_in_a_row"], 0);
    ve.veld("stop", ["--force"]).done();
    assert_eq!(ve.status(), "stopped");
}

#[test]
fn a_start_again_that_fails_says_why_and_is_tried_again() {
    let host = host!();
    let ve = with_policy(&host, "on-failure");
    let config = fs::read_to_string(ve.config()).unwrap();
    let broken = config.replace("version = 1", "version = 1\ncolour = \"red\"");
    fs::write(ve.config(), broken).unwrap();
    let init = ve.init_pid();
    signal(init, Signal::KILL);
    let why = eventually("why it did not start again", || {
        let shown = ve.show();
        let why = shown["start_error"].as_str()?.to_owned();
        (shown["status"] == "restarting").then_some(why)
    });
    assert!(why.contains("unknown key colour"), "{why}");
    fs::write(ve.config(), config).unwrap();
    is_up_again(&ve, init);
    assert_eq!(ve.show()["start_error"], serde_json::Value::Null);
}

#[test]
fn a_loop_of_reboots_waits_and_a_few_do_not() {
    let host = host!();
    let ve = with_policy(&host, "no");
    for number in 1..=5 {
        let init = ve.init_pid();
        let _ = ve.exec(["reboot", "-f"]);
        is_up_again(&ve, init);
        assert_eq!(ve.show()["restarts_in_a_row"], number);
    }
    let init = ve.init_pid();
    let _ = ve.exec(["reboot", "-f"]);
    ve.becomes("restarting");
    is_up_again(&ve, init);
    assert_eq!(ve.show()["restarts_in_a_row"], 6);
}

/// What a process has of its own, in kB: the rest is the program's file, which
/// all shims share.
pub(crate) fn private_memory(pid: i32) -> u32 {
    let memory = status_field(pid, "RssAnon");
    memory.trim_end_matches(" kB").parse().unwrap()
}

fn set_policy(ve: &Ve<'_>, old: &str, new: &str) {
    let config = fs::read_to_string(ve.config()).unwrap();
    let line = |policy: &str| format!("restart = \"{policy}\"");
    assert!(config.contains(&line(old)), "{config}");
    fs::write(ve.config(), config.replace(&line(old), &line(new))).unwrap();
}

/// Puts the last start long ago: what follows the end does not wait then.
pub(crate) fn make_old(ve: &Ve<'_>) {
    let record = ve.run_directory().join("record");
    let text = fs::read_to_string(&record).unwrap();
    let old = text.lines().map(|line| match line.split_once(' ') {
        Some(("started", _)) => "started 1000000000.0\n".to_owned(),
        _ => format!("{line}\n"),
    });
    fs::write(&record, old.collect::<String>()).unwrap();
}
