//! The v2 tree: delegation, and what its owner may leave behind.

use std::io;
use std::path::Path;

use rustix::fs::{Gid, Mode, OFlags, Uid};
use veld_cgroups::ErrorKind;

use crate::scene::{End, KILLED, OWNER, PATIENCE, Scene, limits, read, until};

/// Leaves root for good.
fn become_owner() {
    let (uid, gid) = (Uid::from_raw(OWNER), Gid::from_raw(OWNER));
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
    rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
}

fn denied<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}

fn write(path: &Path, value: &str) -> io::Result<()> {
    veld_kernfs::write(path, value).map_err(|failure| io::Error::from(failure.kind()))
}

pub(crate) fn the_owner_rules_below_and_not_above() {
    let scene = Scene::new("owner", &limits());
    let Some(above) = scene.v2("") else { return };
    let ve = above.join("ve");
    let member = scene.child(move || {
        become_owner();
        let below = ve.join("below");
        std::fs::create_dir(&below).unwrap();
        write(&below.join("cgroup.procs"), "0").unwrap();
        write(&ve.join("cgroup.procs"), "0").unwrap();
        write(&ve.join("cgroup.subtree_control"), "\n").unwrap();
        write(&below.join("cgroup.freeze"), "1").unwrap();
        for file in [
            "cgroup.procs",
            "cgroup.kill",
            "cgroup.freeze",
            "cgroup.subtree_control",
        ] {
            denied(write(&above.join(file), "0"));
        }
        for file in [
            "cgroup.kill",
            "cgroup.freeze",
            "cgroup.max.descendants",
            "cgroup.type",
        ] {
            denied(write(&ve.join(file), "1"));
        }
        denied(std::fs::create_dir(above.join("beside")));
        denied(std::fs::remove_dir(&ve));
        0
    });
    assert_eq!(member.end(), End::Exited(0));
    let held = scene.v2("cgroup.max.descendants").unwrap();
    assert_eq!(read(&held), "10000");
    // Of the controllers on v2 the cheap ones are handed on, memory is not.
    let controllers = |dir: &str| read(&scene.v2(dir).unwrap().join("cgroup.controllers"));
    let (limited, owned) = (controllers(""), controllers("ve"));
    for name in ["cpu", "cpuset", "memory", "pids"] {
        let on_v2 = controllers("../..").split(' ').any(|there| there == name);
        assert_eq!(limited.split(' ').any(|there| there == name), on_v2);
        let handed_on = on_v2 && matches!(name, "cpu" | "pids");
        assert_eq!(owned.split(' ').any(|there| there == name), handed_on);
    }
}

pub(crate) fn groups_of_the_owner_go_with_the_group() {
    let scene = Scene::new("below", &limits());
    let Some(ve) = scene.v2("ve") else { return };
    let member = scene.child(move || {
        become_owner();
        for dir in ["a/b/c", "a/d", "e"] {
            std::fs::create_dir_all(ve.join(dir)).unwrap();
        }
        // A group of threads does not list its process; the one above does.
        write(&ve.join("e/cgroup.type"), "threaded").unwrap();
        write(&ve.join("e/cgroup.threads"), "0").unwrap();
        crate::scene::sleep_on()
    });
    let threads = scene.v2("ve/e/cgroup.threads").unwrap();
    until("the member is in its group of threads", || {
        std::fs::read_to_string(&threads).is_ok_and(|threads| !threads.is_empty())
    });
    assert_eq!(scene.group.processes().unwrap(), [member.pid()]);
    let busy = scene.group.remove(std::time::Duration::ZERO).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Busy);
    scene.group.kill().unwrap();
    scene.group.remove(PATIENCE).unwrap();
    assert!(!scene.group.exists());
    assert_eq!(member.end(), KILLED);
}

pub(crate) fn groups_nested_past_any_path_go_too() {
    let scene = Scene::new("deep", &limits());
    let Some(ve) = scene.v2("ve") else { return };
    let member = scene.child(move || {
        become_owner();
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut here = rustix::fs::open(&ve, flags, Mode::empty()).unwrap();
        let name = "n".repeat(200);
        for _ in 0..60 {
            rustix::fs::mkdirat(&here, name.as_str(), Mode::from_raw_mode(0o755)).unwrap();
            here = rustix::fs::openat(&here, name.as_str(), flags, Mode::empty()).unwrap();
        }
        let file = OFlags::WRONLY;
        let procs = rustix::fs::openat(&here, "cgroup.procs", file, Mode::empty()).unwrap();
        rustix::io::write(&procs, b"0").unwrap();
        // It ends here, so that the group is empty again.
        0
    });
    assert_eq!(member.end(), End::Exited(0));
    scene.group.thaw().unwrap();
    assert_eq!(scene.group.processes().unwrap(), []);
    scene.group.remove(PATIENCE).unwrap();
    assert!(!scene.group.exists());
}

pub(crate) fn a_group_frozen_by_its_owner_dies() {
    let scene = Scene::new("ice", &limits());
    let Some(below) = scene.v2("ve/below") else {
        return;
    };
    let dir = below.clone();
    let member = scene.child(move || {
        become_owner();
        std::fs::create_dir(&dir).unwrap();
        write(&dir.join("cgroup.procs"), "0").unwrap();
        // Freezes itself: nothing after this runs.
        write(&dir.join("cgroup.freeze"), "1").unwrap();
        crate::scene::sleep_on()
    });
    let events = below.join("cgroup.events");
    until("the group is frozen", || {
        events.exists() && veld_kernfs::keyed(&read(&events), "frozen") == Some("1")
    });
    scene.group.thaw().unwrap();
    assert_eq!(read(&below.join("cgroup.freeze")), "0");
    veld_kernfs::write(&below.join("cgroup.freeze"), 1).unwrap();
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
}
