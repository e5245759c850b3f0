//! A VE that somebody has frozen, from outside or inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use veld_tests::{Host, Ve, host, until};

#[test]
fn a_ve_that_was_frozen_as_a_whole_goes_down_in_its_own_way() {
    let host = host!();
    with_each_freezer(&host, |_, group, freezer| freeze(group, freezer));
}

#[test]
fn a_ve_with_frozen_groups_of_its_own_goes_down_in_its_own_way() {
    let host = host!();
    with_each_freezer(&host, |ve, group, freezer| {
        let deep = if group.join("ve").is_dir() {
            group.join("ve/a/b")
        } else {
            group.join("a/b")
        };
        fs::create_dir_all(&deep).unwrap();
        // Its shutdown waits for this one.
        let service = service(ve);
        fs::write(deep.join("cgroup.procs"), service.to_string()).unwrap();
        freeze(&deep, freezer);
        freeze(deep.parent().unwrap(), freezer);
    });
}

/// Freezes something of a running VE by each kind of freezer that this machine has,
/// and stops it.
fn with_each_freezer(host: &Host, freeze: impl Fn(&Ve<'_>, &Path, &str)) {
    let ve = host.ve("web1").create();
    let mut tried = 0;
    for freezer in ["freezer.state", "cgroup.freeze"] {
        ve.start();
        match group_with(&ve, freezer) {
            Some(group) => {
                freeze(&ve, &group, freezer);
                goes_down(&ve);
                tried += 1;
            }
            None => ve.stop(),
        }
    }
    assert!(tried > 0, "this machine has no freezer");
    host.nothing_remains();
}

#[test]
fn a_frozen_ve_is_shown_at_once_and_killed_at_once() {
    let host = host!();
    let ve = host.ve("web1").start();
    // As of an init that would have to be asked.
    fs::write(ve.run_directory().join("init"), "systemd hand-over 38").unwrap();
    let freezer = ["freezer.state", "cgroup.freeze"]
        .into_iter()
        .find_map(|name| Some((group_with(&ve, name)?, name)));
    let (group, name) = freezer.unwrap();
    freeze(&group, name);
    let begun = Instant::now();
    assert_eq!(ve.show()["health_unknown"], "it is frozen");
    ve.veld("stop", ["--force"]).done();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(ve.last_end(), "was killed");
    host.nothing_remains();
}

fn goes_down(ve: &Ve<'_>) {
    let upper = ve.directory().join("private/upper/var/went-down");
    let begun = Instant::now();
    // Which would be warned of if it had to be killed.
    ve.stop();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    fs::remove_file(upper).unwrap();
}

/// The group of a VE in the hierarchy that has this file.
fn group_with(ve: &Ve<'_>, file: &str) -> Option<PathBuf> {
    let group = ve.group();
    let mut present = group.present().into_iter();
    present
        .find(|directory| directory.join(file).exists())
        .map(Path::to_owned)
}

fn freeze(group: &Path, file: &str) {
    let v1 = file == "freezer.state";
    fs::write(group.join(file), if v1 { "FROZEN" } else { "1" }).unwrap();
    until("it is frozen", || {
        if v1 {
            fs::read_to_string(group.join(file)).unwrap() == "FROZEN\n"
        } else {
            let events = fs::read_to_string(group.join("cgroup.events")).unwrap();
            events.contains("frozen 1")
        }
    });
}

/// The syslogd of a VE, as the machine numbers it.
fn service(ve: &Ve<'_>) -> i32 {
    let is_it = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "syslogd\n")
    };
    ve.group().processes().into_iter().find(is_it).unwrap()
}
