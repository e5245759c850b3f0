//! Groups that stand still and run on, by each freezer that this machine has.

use std::time::Duration;

use veld_cgroups::{Freezing, Group, Host};
use veld_kernfs::mountinfo;

use crate::scene::{KILLED, PATIENCE, Scene, limits, parent, read};

/// The group of a scene as a host has it that has mounted one version alone.
fn seen_through(scene: &Scene, fs_type: &str) -> Option<Group> {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut mounts = mountinfo::parse(&table);
    mounts.retain(|mount| mount.fs_type == fs_type);
    let host = Host::from_mounts(&mounts, "0").ok()?;
    let name = scene.group.label();
    let (_, name) = name.split_once('/').unwrap();
    Some(host.group(&parent(), name))
}

pub(crate) fn each_freezer_freezes_and_thaws() {
    let scene = Scene::new("freezing", &limits());
    let member = scene.sleeper();
    let mut tried = 0;
    for fs_type in ["cgroup", "cgroup2"] {
        let Some(group) = seen_through(&scene, fs_type) else {
            continue;
        };
        assert_eq!(group.freezing(), Freezing::No, "{fs_type}");
        match group.freeze(PATIENCE) {
            Ok(state) => assert_eq!(state, Freezing::Frozen, "{fs_type}"),
            Err(error) => {
                println!("left out: {error}");
                continue;
            }
        }
        assert!(scene.group.is_frozen());
        assert!(!group.thaws(Duration::from_millis(30)));
        group.unfreeze().unwrap();
        assert!(group.thaws(PATIENCE));
        assert_eq!(scene.group.freezing(), Freezing::No);
        tried += 1;
    }
    assert!(tried > 0, "this machine has no freezer");
    assert_eq!(scene.group.freeze(PATIENCE).unwrap(), Freezing::Frozen);
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
    let gone = scene.host.group(&parent(), "gone");
    assert!(gone.freeze(Duration::ZERO).is_err());
    assert_eq!(gone.freezing(), Freezing::No);
    gone.unfreeze().unwrap();
}

pub(crate) fn the_part_above_the_members_runs_on() {
    let scene = Scene::new("above", &limits());
    let Some(knob) = scene.v2("cgroup.freeze") else {
        return;
    };
    let member = scene.sleeper();
    scene.group.freeze(PATIENCE).unwrap();
    assert_eq!(read(&knob), "0");
    // Frozen by hand, the members stand still as well.
    veld_kernfs::write(&knob, "1").unwrap();
    scene.group.thaw().unwrap();
    veld_kernfs::write(&knob, "1").unwrap();
    assert!(!scene.group.thaws(Duration::from_millis(30)));
    scene.group.unfreeze().unwrap();
    assert_eq!(read(&knob), "0");
    assert!(scene.group.thaws(PATIENCE));
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
}
