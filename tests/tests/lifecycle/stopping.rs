//! Asking, waiting, killing.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use veld_tests::{Host, Template, Ve, host, signal, until};

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
    assert_eq!(ve.last_end(), "was stopped");
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
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert!(!ve.directory().join("private/upper/var/went-down").exists());
    assert_eq!(ve.last_end(), "was killed");
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

#[test]
fn many_that_do_not_go_down_are_waited_for_once() {
    let host = host!();
    let names: Vec<String> = (0..24).map(|number| format!("ve{number}")).collect();
    for name in &names {
        let ve = host.ve(name).with(["--network", "none"]).create();
        std::fs::create_dir(ve.directory().join("private/upper/etc")).unwrap();
        let inittab = ve.directory().join("private/upper/etc/inittab");
        std::fs::write(inittab, "::shutdown:/bin/sleep 1000\n").unwrap();
    }
    host.veld(["start", "--wait", "--all"]).done();
    // One that does not run is none of those that are to be stopped.
    host.ve("other").create();
    let begun = Instant::now();
    let stopped = host.veld(["stop", "--all", "--timeout", "6"]);
    let took = begun.elapsed();
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    assert_eq!(stopped.lines().count(), names.len(), "{}", stopped.stdout);
    let warning = "warning: init did not exit within 6 s, killed";
    assert_eq!(stopped.stderr.matches(warning).count(), names.len());
    // In turns of 16 it would be two times as long, and the killing besides.
    assert!(
        took >= Duration::from_secs(6) && took < Duration::from_secs(12),
        "{took:?}"
    );
    host.nothing_remains();
}

#[test]
fn one_that_is_locked_does_not_keep_the_others_from_being_stopped() {
    let host = host!();
    let ves = ["a", "b"].map(|name| host.ve(name).start());
    let lock = std::fs::File::options()
        .write(true)
        .open(ves[0].run_directory().join("lock"))
        .unwrap();
    lock.lock().unwrap();
    let stop = host.cmd(["stop", "a", "b"]).spawn();
    ves[1].becomes("stopped");
    assert_eq!(ves[0].status(), "up");
    drop(lock);
    stop.output().ok();
    assert_eq!(ves[0].status(), "stopped");
    host.nothing_remains();
}

#[test]
fn the_wait_for_a_lock_is_not_taken_from_the_time_to_go_down() {
    let host = host!();
    let ves = ["a", "b"].map(|name| host.ve(name).start());
    for names in [&["a"][..], &["a", "b"]] {
        let lock = std::fs::File::options()
            .write(true)
            .open(ves[0].run_directory().join("lock"))
            .unwrap();
        lock.lock().unwrap();
        let words = ["stop", "--timeout", "2"].iter().chain(names);
        let stop = host.cmd(words).spawn();
        std::thread::sleep(Duration::from_secs(3));
        drop(lock);
        // Which would be warned of if it had been killed.
        let stopped = stop.output().ok();
        assert_eq!(stopped.lines().count(), names.len());
        assert_eq!(ves[0].last_end(), "was stopped");
        ves[0].start();
    }
    host.veld(["stop", "--all"]).ok();
    host.nothing_remains();
}

#[test]
fn an_init_that_does_not_handle_the_signal_is_not_waited_for_to_the_end() {
    let host = host!(Template::NoInit);
    let ve = deaf(&host);
    let begun = Instant::now();
    let stopped = ve.veld("stop", ["--timeout", "60"]);
    assert_eq!(
        stopped.stderr,
        "veld: web1: warning: init does not handle signal 15, killed\n"
    );
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(5) && took < Duration::from_secs(9),
        "{took:?}"
    );
    host.nothing_remains();
}

#[test]
fn an_init_that_may_still_come_to_handle_the_signal_is_waited_for() {
    let host = host!(Template::NoInit);
    let ve = deaf(&host);
    let stop = ve.cmd("stop", ["--timeout", "20"]).spawn();
    std::thread::sleep(Duration::from_millis(300));
    ve.exec(["touch", "/go"]).done();
    let stopped = stop.output();
    assert_eq!((stopped.status, stopped.stderr.as_str()), (0, ""));
    let upper = ve.directory().join("private/upper");
    assert!(upper.join("told").exists());
    host.nothing_remains();
}

#[test]
fn the_signal_is_the_one_that_the_init_takes() {
    let host = host!(Template::NoInit);
    let ve = deaf(&host);
    // As veld-init tells of an init like this, once it has told of this one.
    let found = ve.run_directory().join("init");
    until("PID 1 has told which init it is", || found.exists());
    std::fs::write(&found, "finit hand-over 12").unwrap();
    let shown = ve.show();
    assert_eq!(shown["init"]["kind"], "finit");
    assert_eq!(shown["init"]["stop_signal"], 12);
    ve.stop();
    assert!(ve.directory().join("private/upper/told-12").exists());
    host.nothing_remains();
}

/// Starts a VE whose init is a script that listens to signal 12 and, from when
/// there is a file `/go`, to the one for inits that nobody knows.
fn deaf(host: &Host) -> Ve<'_> {
    const SCRIPT: &str = "#!/bin/sh\ntrap 'touch /told-12; exit 0' 12\n\
        while :; do sleep 0.1; [ -e /go ] && trap 'touch /told; exit 0' TERM; done\n";
    let ve = host.ve("web1").template(Template::NoInit).create();
    let sbin = ve.directory().join("private/upper/sbin");
    std::fs::create_dir(&sbin).unwrap();
    let init = sbin.join("init");
    std::fs::write(&init, SCRIPT).unwrap();
    std::fs::set_permissions(&init, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = std::fs::read_to_string(ve.config()).unwrap();
    let config = config.replace("init = \"auto\"", "init = \"hand-over\"");
    std::fs::write(ve.config(), config).unwrap();
    ve.veld("start", [""; 0]).done();
    ve
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
