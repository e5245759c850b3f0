//! Commands that are killed at any moment: the VE is then stopped or runs, and
//! the next command finds its way.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use veld_tests::{Template, host, signal};

/// Moments that are spread over the whole of a command that takes about 100 ms.
fn moments() -> impl Iterator<Item = Duration> {
    (0..24).map(|step| Duration::from_millis(step * 4 + step % 3))
}

#[test]
fn a_start_that_is_killed_leaves_a_ve_that_runs_or_none() {
    let host = host!();
    let ve = host.ve("web1").create();
    for moment in moments() {
        let mut start = ve.cmd("start", ["--wait"]).spawn();
        sleep(moment);
        start.kill();
        let _ = start.output();
        let started = ve.veld("start", ["--wait"]);
        if started.status != 0 {
            started.fails(1, "veld: web1: is already running");
            ve.becomes("up");
        }
        assert_eq!(
            ve.exec(["hostname"]).ok().line(),
            "web1",
            "killed after {moment:?}"
        );
        ve.stop();
        host.nothing_remains();
    }
}

#[test]
fn a_start_that_is_killed_with_its_launcher_leaves_a_ve_that_runs_or_none() {
    let host = host!();
    let ve = host.ve("web1").create();
    for moment in moments() {
        let mut start = ve.cmd("start", ["--wait"]).spawn();
        sleep(moment);
        // The launcher is its child, or the shim already.
        for pid in children(start.pid()) {
            signal(pid, Signal::KILL);
        }
        start.kill();
        let _ = start.output();
        let started = ve.veld("start", ["--wait"]);
        if started.status != 0 {
            started.fails(1, "veld: web1: is already running");
        }
        assert_eq!(
            ve.exec(["hostname"]).ok().line(),
            "web1",
            "killed after {moment:?}"
        );
        ve.veld("stop", [""; 0]).ok();
        host.nothing_remains();
    }
}

/// Processes whose parent this is; none where it has gone.
fn children(pid: i32) -> Vec<i32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

#[test]
fn a_stop_that_is_killed_can_be_asked_for_again() {
    let host = host!();
    let ve = host.ve("web1").create();
    for moment in moments().step_by(2) {
        ve.start();
        let mut stop = ve.cmd("stop", [""; 0]).spawn();
        sleep(moment / 3);
        stop.kill();
        let _ = stop.output();
        let stopped = ve.veld("stop", [""; 0]);
        if stopped.status != 0 {
            stopped.fails(1, "veld: web1: is not running");
        }
        host.nothing_remains();
    }
}

#[test]
fn a_creation_that_is_killed_leaves_a_whole_ve_or_none() {
    let host = host!();
    let template = Template::Busybox.name();
    for step in 0..30 {
        let mut create = host.cmd(["create", "web1", "-t", &template]).spawn();
        sleep(Duration::from_micros(step * 400));
        create.kill();
        let _ = create.output();
        let created = host.veld(["create", "web1", "-t", &template]);
        if created.status != 0 {
            created.fails(1, "veld: web1: exists already");
        }
        let ve = host.existing("web1");
        assert_eq!(ve.status(), "stopped");
        ve.destroy();
        assert_eq!(host.leaks(), Vec::<String>::new(), "killed at step {step}");
    }
}

#[test]
fn a_destroy_that_is_killed_can_be_asked_for_again() {
    let host = host!();
    for step in 0..20 {
        let ve = host.ve("web1").create();
        let mut destroy = ve.cmd("destroy", [""; 0]).spawn();
        sleep(Duration::from_micros(step * 500));
        destroy.kill();
        let _ = destroy.output();
        let destroyed = ve.veld("destroy", [""; 0]);
        if destroyed.status != 0 {
            destroyed.fails(1, "veld: web1: no such VE");
        }
        // What is out of sight is swept by the next creation of that name.
        host.ve("web1").create().destroy();
        assert_eq!(host.leaks(), Vec::<String>::new(), "killed at step {step}");
    }
}

#[test]
fn a_start_of_several_that_is_killed_leaves_each_whole() {
    let host = host!();
    let ves = ["a", "b", "c"].map(|name| host.ve(name).create());
    let mut start = host.cmd(["start", "--wait", "--all"]).spawn();
    sleep(Duration::from_millis(25));
    start.kill();
    let _ = start.output();
    for ve in &ves {
        let started = ve.veld("start", ["--wait"]);
        if started.status != 0 {
            started.fails(1, &format!("veld: {}: is already running", ve.name()));
        }
        assert_eq!(ve.exec(["hostname"]).ok().line(), ve.name());
    }
}
