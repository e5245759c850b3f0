//! Groups are made, entered, killed and removed.

use std::time::Duration;

use veld_cgroups::{Controller, ErrorKind};
use veld_sys::process::{self, Forked, Namespaces};

use crate::scene::{
    KILLED, Member, OWNER, PATIENCE, Scene, left, limits, mounts, parent, read, sleep_on, until,
    wait_for_byte,
};

pub(crate) fn a_group_is_in_every_hierarchy_and_leaves_none() {
    let scene = Scene::bare("everywhere");
    assert!(!scene.group.exists());
    scene.group.create(&limits(), 0, OWNER).unwrap();
    assert!(scene.group.exists());
    assert_eq!(scene.dirs().len(), mounts().len());
    assert!(!scene.group.populated().unwrap());
    scene.group.remove(PATIENCE).unwrap();
    assert!(!scene.group.exists());
    for (_, mount) in mounts() {
        assert!(!mount.join(parent()).exists());
    }
    scene.group.remove(PATIENCE).unwrap();
    assert_eq!(
        scene.group.effective().unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(scene.group.entry().unwrap_err().kind(), ErrorKind::NotFound);
}

pub(crate) fn a_failed_creation_leaves_what_it_found() {
    let scene = Scene::bare("found");
    let (_, mount) = mounts().pop().unwrap();
    let found = mount.join(scene.group.label());
    std::fs::create_dir_all(&found).unwrap();
    let error = scene.group.create(&limits(), 0, OWNER).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert_eq!(
        error.to_string(),
        format!("cannot create group {}", found.display())
    );
    assert_eq!(scene.dirs(), [found]);
    scene.group.remove(PATIENCE).unwrap();
    scene.group.create(&limits(), 0, OWNER).unwrap();
}

pub(crate) fn members_and_their_children_are_counted_once() {
    let scene = Scene::new("members", &limits());
    let (ready, tell) = rustix::pipe::pipe().unwrap();
    let member = scene.child(move || {
        let Forked::Parent(_) = process::fork().unwrap() else {
            rustix::io::write(&tell, b"!").unwrap();
            return sleep_on();
        };
        sleep_on()
    });
    wait_for_byte(&ready);
    let processes = scene.group.processes().unwrap();
    assert_eq!(processes.len(), 2, "{processes:?}");
    assert!(processes.contains(&member.pid()));
    assert!(scene.group.populated().unwrap());
    let groups = read(format!("/proc/{}/cgroup", member.pid()).as_ref());
    for line in groups.lines() {
        assert!(line.contains(&scene.group.label()), "{line}");
    }
    let now = scene.group.effective().unwrap();
    assert_eq!(now.processes_now, Some(2));
    assert!(now.memory_used.is_some());
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
}

pub(crate) fn a_member_of_another_user_namespace_joins() {
    let scene = Scene::new("userns", &limits());
    let entry = scene.group.entry().unwrap();
    let own = Namespaces {
        user: true,
        pid: true,
        cgroup: true,
        ..Namespaces::default()
    };
    let (ready, tell) = rustix::pipe::pipe().unwrap();
    let member = Member::new(own, &entry, move || {
        rustix::io::write(&tell, b"!").unwrap();
        sleep_on()
    });
    wait_for_byte(&ready);
    assert_eq!(scene.group.processes().unwrap(), [member.pid()]);
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
}

pub(crate) fn a_frozen_group_dies() {
    let scene = Scene::new("frozen", &limits());
    let Some(state) = scene.v1("freezer", "freezer.state") else {
        return;
    };
    // One more group below, frozen by itself.
    let below = state.with_file_name("below");
    std::fs::create_dir(&below).unwrap();
    let member = scene.sleeper();
    veld_kernfs::write(&below.join("freezer.state"), "FROZEN").unwrap();
    veld_kernfs::write(&state, "FROZEN").unwrap();
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
    assert_eq!(read(&below.join("freezer.state")), "THAWED");
}

pub(crate) fn a_member_of_v1_alone_dies() {
    let scene = Scene::new("alone", &limits());
    let entry = scene.group.entry().unwrap();
    let (ready, tell) = rustix::pipe::pipe().unwrap();
    let member = match process::fork().unwrap() {
        Forked::Parent(child) => Member(child),
        Forked::Child => {
            let joined = entry.join_v1();
            rustix::io::write(&tell, b"!").unwrap();
            process::exit_now(if joined.is_ok() { sleep_on() } else { 101 })
        }
    };
    wait_for_byte(&ready);
    if scene.v1("pids", "").is_some() {
        assert_eq!(scene.group.processes().unwrap(), [member.pid()]);
        assert!(scene.group.populated().unwrap());
        scene.group.kill().unwrap();
        assert_eq!(member.end(), KILLED);
    }
}

/// On a host whose only hierarchies are v1, processes are killed one by one.
pub(crate) fn every_fork_dies_without_cgroup_kill() {
    let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let v1: Vec<_> = veld_kernfs::mountinfo::parse(&table)
        .into_iter()
        .filter(|mount| mount.fs_type == "cgroup")
        .collect();
    let host = veld_cgroups::Host::from_mounts(&v1, "0").ok();
    // Without a limit of processes this would be a danger to the machine.
    let Some(host) = host.filter(|host| !host.missing().contains(&Controller::Pids)) else {
        println!("skipped: there is no v1 hierarchy with pids");
        return;
    };
    let scene = Scene {
        group: host.group(&parent(), "forks"),
        host,
    };
    let few = veld_cgroups::Limits {
        processes: Some(50),
        ..limits()
    };
    scene.group.create(&few, 0, OWNER).unwrap();
    assert!(scene.group.entry().unwrap().v2().is_none());
    let member = scene.child(|| {
        // Every process goes on making more, up to the limit.
        loop {
            if process::fork().is_err() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    until("the group is crowded", || {
        scene.group.processes().unwrap().len() >= 40
    });
    scene.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
    scene.group.remove(PATIENCE).unwrap();
    assert!(!scene.group.exists());
}

pub(crate) fn a_process_that_is_left_is_named() {
    let scene = Scene::new("left", &limits());
    let member = scene.sleeper();
    let before = scene.dirs();
    let error = scene.group.remove(Duration::from_millis(30)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let text = error.to_string();
    let start = format!(
        "cannot remove group {}: process {} is still in it after ",
        scene.group.label(),
        member.pid()
    );
    assert!(text.starts_with(&start), "{text}");
    assert_eq!(left(error), [member.pid()]);
    assert_eq!(scene.dirs(), before, "nothing is removed while it is used");
    scene.group.kill().unwrap();
    // Not waited for: the dying process is what the removal waits for.
    scene.group.remove(PATIENCE).unwrap();
    assert!(!scene.group.exists());
    assert_eq!(member.end(), KILLED);
}

pub(crate) fn the_parent_stays_as_long_as_it_is_used() {
    let first = Scene::new("first", &limits());
    let second = Scene::new("second", &limits());
    first.group.remove(PATIENCE).unwrap();
    assert!(second.group.exists());
    assert_eq!(second.dirs().len(), mounts().len());
    let member = second.sleeper();
    second.group.kill().unwrap();
    assert_eq!(member.end(), KILLED);
}

pub(crate) fn neighbours_come_and_go_at_once() {
    // The parent of all of them appears and disappears under their feet.
    let children: Vec<_> = (0..4)
        .map(|number| {
            let name = format!("neighbour-{number}");
            let scene = Scene::bare("nobody");
            let group = scene.host.group(&parent(), &name);
            match process::fork().unwrap() {
                Forked::Parent(child) => child,
                Forked::Child => {
                    let done = (0..60).try_for_each(|_| {
                        group.create(&limits(), number, OWNER)?;
                        let entry = group.entry()?;
                        let Forked::Parent(child) =
                            process::clone_into(Namespaces::default(), entry.v2()).unwrap()
                        else {
                            let joined = entry.join_v1();
                            process::exit_now(i32::from(joined.is_err()));
                        };
                        let flags = rustix::process::WaitOptions::empty();
                        let ended = rustix::process::waitpid(Some(child.pid), flags).unwrap();
                        assert_eq!(ended.unwrap().1.exit_status(), Some(0));
                        group.remove(PATIENCE)
                    });
                    if let Err(error) = &done {
                        println!("{error}: {:?}", std::error::Error::source(error));
                    }
                    process::exit_now(i32::from(done.is_err()))
                }
            }
        })
        .collect();
    for child in children {
        let flags = rustix::process::WaitOptions::empty();
        let (_, status) = rustix::process::waitpid(Some(child.pid), flags)
            .unwrap()
            .unwrap();
        assert_eq!(status.exit_status(), Some(0));
    }
    for (_, mount) in mounts() {
        assert!(!mount.join(parent()).exists());
    }
}
