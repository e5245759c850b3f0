//! A host whose controllers are all in cgroup v2, and a VE that hands its own down.

use std::fs;
use std::path::PathBuf;

use veld_tests::{Template, Ve, host, needs_v2, until};

/// Where a VE's processes are, below the group that has its limits.
const DELEGATED: &str = "ve";

/// Puts all processes of a VE into a group of its own and hands controllers to
/// it, as systemd does. From then on nobody can be put where they were.
const HAND_DOWN: &str = "set -e; cd /sys/fs/cgroup; mkdir all; \
     for p in $(cat cgroup.procs); do echo $p >all/cgroup.procs || true; done; \
     echo +cpu +pids >cgroup.subtree_control";

#[test]
fn every_controller_is_in_the_group_and_the_cheap_ones_inside() {
    needs_v2!();
    let host = host!();
    let ve = host.ve("web1").start();
    let words = |text: String| {
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        words.sort();
        words
    };
    let group = ve.group().knob(&["cgroup.controllers"]).unwrap();
    assert_eq!(words(group), ["cpu", "cpuset", "io", "memory", "pids"]);
    let inside = ve.exec(["cat", "/sys/fs/cgroup/cgroup.controllers"]).ok();
    assert_eq!(words(inside.line().to_owned()), ["cpu", "pids"]);
}

#[test]
fn a_ve_limits_its_own_groups_within_what_it_has() {
    needs_v2!();
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "100"]).start();
    hand_down(&ve);
    ve.bring_probe();
    let script = "cd /sys/fs/cgroup; mkdir few; echo 10 >few/pids.max; \
                  echo 0 >few/cgroup.procs; exec /var/probe fork 20";
    assert_eq!(ve.sh(script).lines().collect::<Vec<_>>(), ["9", "EAGAIN"]);
    // What the VE itself has is not the VE's to set.
    let raised = ve.sh("echo max >/sys/fs/cgroup/pids.max");
    assert_ne!(raised.status, 0, "{}", raised.stdout);
    assert_eq!(ve.group().knob(&["pids.max"]).as_deref(), Some("100"));
}

#[test]
fn programs_are_brought_into_a_ve_that_has_handed_its_controllers_down() {
    needs_v2!();
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "60"]).start();
    hand_down(&ve);
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
    let beside = ve.exec(["cat", "/proc/self/cgroup"]).ok();
    assert_eq!(beside.line(), "0::/.veld");
    // They count, and they go with the VE.
    let before = processes(&ve);
    let _running = ve.exec_cmd([""; 0], ["sleep", "1000"]).spawn();
    until("it is counted", || processes(&ve) == before + 1);
    ve.stop();
    host.nothing_remains();
}

#[test]
fn a_ve_that_handed_its_controllers_down_is_frozen_and_killed_as_one() {
    needs_v2!();
    let host = host!();
    let ve = host.ve("web1").start();
    hand_down(&ve);
    let frozen = directory(&ve).join(DELEGATED).join("all/cgroup.freeze");
    fs::write(&frozen, "1").unwrap();
    until("it is frozen", || {
        let events = frozen.with_file_name("cgroup.events");
        fs::read_to_string(events).unwrap().contains("frozen 1")
    });
    ve.veld("stop", ["--force"]).done();
    assert_eq!(ve.last_end(), "was killed");
    host.nothing_remains();
    ve.start();
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
}

#[test]
fn what_is_killed_for_memory_is_counted_in_the_group() {
    needs_v2!();
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ram", "64M", "--swap", "0"])
        .start();
    hand_down(&ve);
    assert_eq!(ve.probe(["eat", "100"]).status, 137);
    let events = ve.group().knob(&["memory.events"]).unwrap();
    let kills = events.lines().find(|line| line.starts_with("oom_kill "));
    assert_eq!(kills, Some("oom_kill 1"));
    assert_eq!(ve.status(), "up");
}

#[test]
fn a_debian_boots_limits_and_goes_down() {
    needs_v2!();
    let host = host!(Template::Debian);
    let ve = host
        .ve("web1")
        .template(Template::Debian)
        .with(["--ram", "256M", "--processes", "200"])
        .create();
    ve.start();
    let running = ve.exec(["systemctl", "is-system-running"]).ok();
    assert_eq!(running.line(), "running");
    // systemd has handed down what it got.
    let handed_down = directory(&ve)
        .join(DELEGATED)
        .join("cgroup.subtree_control");
    let handed_down = fs::read_to_string(handed_down).unwrap();
    assert!(handed_down.contains("pids"), "{handed_down}");
    let unit = [
        "systemd-run",
        "--quiet",
        "--wait",
        "--pipe",
        "-p",
        "TasksMax=7",
    ];
    let script = "cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/pids.max";
    let most = ve.exec(unit.iter().chain(&["sh", "-c", script])).ok();
    assert_eq!(most.line(), "7");
    ve.stop();
    assert_eq!(ve.last_end(), "was stopped");
    host.nothing_remains();
}

/// Makes the VE hand its controllers down, and looks that it has.
fn hand_down(ve: &Ve<'_>) {
    ve.sh(HAND_DOWN).ok();
    let inside = ve.exec(["cat", "/sys/fs/cgroup/cgroup.subtree_control"]);
    assert_eq!(inside.ok().line(), "cpu pids");
}

/// The group of the VE in the one hierarchy that there is.
fn directory(ve: &Ve<'_>) -> PathBuf {
    let group = ve.group();
    let present = group.present();
    let [only] = present.as_slice() else {
        panic!("{present:?}");
    };
    (*only).to_owned()
}

fn processes(ve: &Ve<'_>) -> u64 {
    ve.show()["kernel"]["processes"].as_u64().unwrap()
}

#[test]
fn a_controller_that_vanished_is_enabled_again_by_the_next_set() {
    needs_v2!();
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "64M"]).start();
    let parent = PathBuf::from("/sys/fs/cgroup").join(host.cgroup_parent());
    fs::write(parent.join("cgroup.subtree_control"), "-memory").unwrap();
    let held = || ve.show()["kernel"]["memory_limit_bytes"].clone();
    assert_eq!(held(), serde_json::json!(null), "the file is gone");
    ve.veld("set", ["ram=48M"]).done();
    assert_eq!(held(), 48 << 20);
    assert_eq!(ve.sh("echo well").ok().line(), "well");
}
