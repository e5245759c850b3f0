//! Lists of devices, by the devices controller of v1 and by BPF on v2, whichever
//! of them the machine has.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::io::Errno;
use veld_cgroups::{DeviceRule, ErrorKind, Host};
use veld_kernfs::mountinfo;
use veld_sys::bpf;

use crate::scene::{End, Member, OWNER, Scene, limits, parent, read};

/// Rules for devices of /dev, as `null rw`.
fn rules(lines: &[&str]) -> Vec<DeviceRule> {
    let numbers = |name: &str| match name {
        "null" => "c:1:3",
        "zero" => "c:1:5",
        "memory" => "c:1:*",
        "loops" => "b:7:*",
        other => panic!("no numbers of {other}"),
    };
    let parse = |line: &&str| {
        let (name, rights) = line.split_once(' ').unwrap();
        DeviceRule {
            numbers: numbers(name).parse().unwrap(),
            rights: rights.parse().unwrap(),
        }
    };
    lines.iter().map(parse).collect()
}

/// A group on a host that has only the hierarchies that `fits` says of, by type
/// and super options; nothing where the machine has none of them.
fn scene(name: &str, fits: impl Fn(&str, &str) -> bool) -> Option<Scene> {
    let table = mountinfo::parse(&read("/proc/self/mountinfo".as_ref()));
    let mounts: Vec<_> = table
        .into_iter()
        .filter(|mount| fits(&mount.fs_type, &mount.super_options))
        .collect();
    let host = Host::from_mounts(&mounts, "0").ok()?;
    let group = host.group(&parent(), name);
    group.create(&limits(), 0, OWNER).unwrap();
    Some(Scene { host, group })
}

fn has_devices(options: &str) -> bool {
    options.split(',').any(|option| option == "devices")
}

/// A group for each way of holding a list that there is here.
fn scenes(name: &str) -> Vec<Scene> {
    let v1 = scene(&format!("{name}-v1"), |kind, options| {
        kind == "cgroup" && has_devices(options)
    });
    let v2 = scene(&format!("{name}-v2"), |kind, _| kind == "cgroup2");
    let able = v2.filter(|scene| {
        let able = scene.group.allow_devices(&rules(&["null rw"])).unwrap();
        if !able {
            println!("left out: this kernel has no BPF programs for devices");
        }
        able
    });
    let all: Vec<Scene> = v1.into_iter().chain(able).collect();
    if all.is_empty() {
        println!("skipped: nothing holds devices back here");
    }
    all
}

fn open(name: &str, write: bool) -> i32 {
    let opened = File::options()
        .read(true)
        .write(write)
        .open(Path::new("/dev").join(name));
    opened.map_or_else(|error: io::Error| error.raw_os_error().unwrap_or(-1), |_| 0)
}

/// What a member of the group is told when it opens a device.
fn opened(scene: &Scene, name: &'static str, write: bool) -> i32 {
    match scene.child(move || open(name, write)).end() {
        End::Exited(status) => status,
        killed @ End::Killed(_) => panic!("{killed:?}"),
    }
}

const REFUSED: i32 = Errno::PERM.raw_os_error();

pub(crate) fn what_is_not_on_the_list_is_refused() {
    for scene in scenes("list") {
        let allow = |lines: &[&str]| assert!(scene.group.allow_devices(&rules(lines)).unwrap());
        allow(&["null rw", "zero r"]);
        assert_eq!(opened(&scene, "null", true), 0);
        assert_eq!(opened(&scene, "zero", false), 0);
        assert_eq!(opened(&scene, "zero", true), REFUSED);
        assert_eq!(opened(&scene, "full", false), REFUSED);
        // Root of the host, and the node's mode, would allow all of it.
        assert_eq!(open("full", true), 0);
        allow(&["null rw", "memory rw"]);
        assert_eq!(opened(&scene, "full", true), 0);
        allow(&["null rw"]);
        assert_eq!(opened(&scene, "null", true), 0);
        assert_eq!(opened(&scene, "full", false), REFUSED);
        assert_eq!(opened(&scene, "zero", false), REFUSED);
    }
}

pub(crate) fn nodes_are_made_only_where_that_is_allowed() {
    for scene in scenes("nodes") {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = dir.path().join(name);
            let member = scene.child(move || {
                let kind = rustix::fs::FileType::BlockDevice;
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                let number = rustix::fs::makedev(7, 0);
                let made = rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, number);
                made.map_or_else(Errno::raw_os_error, |()| 0)
            });
            member.end()
        };
        scene.group.allow_devices(&rules(&["loops rw"])).unwrap();
        assert_eq!(make("refused"), End::Exited(REFUSED));
        scene.group.allow_devices(&rules(&["loops rwm"])).unwrap();
        assert_eq!(make("allowed"), End::Exited(0));
    }
}

pub(crate) fn what_stays_allowed_is_never_refused_while_the_list_changes() {
    for scene in scenes("change") {
        let (short, long) = (rules(&["null rw"]), rules(&["null rw", "zero rw"]));
        scene.group.allow_devices(&short).unwrap();
        let (ended, end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
        let member: Member = scene.child(move || {
            let mut byte = [0];
            // Until the parent has changed it often enough.
            while rustix::io::read(&ended, &mut byte) == Err(Errno::AGAIN) {
                if open("null", true) != 0 {
                    return 1;
                }
            }
            0
        });
        for _ in 0..200 {
            scene.group.allow_devices(&long).unwrap();
            scene.group.allow_devices(&short).unwrap();
        }
        rustix::io::write(&end, b"!").unwrap();
        assert_eq!(member.end(), End::Exited(0));
        assert_eq!(opened(&scene, "zero", false), REFUSED);
    }
}

pub(crate) fn one_program_replaces_the_other() {
    let Some(scene) = scene("replace", |kind, _| kind == "cgroup2") else {
        println!("skipped: there is no v2 tree");
        return;
    };
    if !scene.group.allow_devices(&rules(&["null rw"])).unwrap() {
        println!("skipped: this kernel has no BPF programs for devices");
        return;
    }
    let dir = File::open(scene.v2("").unwrap()).unwrap();
    let programs = || bpf::device_programs(dir.as_fd()).unwrap();
    let first = programs();
    assert_eq!(first.len(), 1);
    scene.group.allow_devices(&rules(&["zero rw"])).unwrap();
    let second = programs();
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    // It is above what the owner has: groups there come under it, and can have
    // none of their own.
    let below = File::open(scene.v2("ve").unwrap()).unwrap();
    let pass = [
        bpf::Instruction::new(0xb4, [0, 0], 0, 1),
        bpf::Instruction::new(0x95, [0, 0], 0, 0),
    ];
    let pass = bpf::load_device_program(&pass).unwrap();
    let refused = bpf::attach_device_program(below.as_fd(), pass.as_fd()).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(REFUSED));
}

pub(crate) fn a_host_that_can_hold_nothing_back_says_so() {
    let neither = |kind: &str, options: &str| kind == "cgroup" && !has_devices(options);
    let Some(scene) = scene("open", neither) else {
        println!("skipped: there is no other hierarchy of v1");
        return;
    };
    assert!(!scene.group.allow_devices(&rules(&["null rw"])).unwrap());
    assert_eq!(opened(&scene, "zero", true), 0);
}

pub(crate) fn a_list_for_a_group_that_is_not_there_is_refused() {
    let scene = Scene::bare("nowhere");
    let refused = scene.group.allow_devices(&rules(&["null rw"])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}
