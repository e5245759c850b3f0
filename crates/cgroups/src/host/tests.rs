//! What a host can enforce, on trees of plain files.

use super::*;
use crate::error::ErrorKind;
use crate::limits::Effective;
use crate::plain::Plain;

/// A host whose v2 tree is a directory of plain files, with 4 CPUs online.
fn host_v2(plain: &Plain) -> Host {
    let table = format!(
        "30 1 0:1 / {} rw - cgroup2 cgroup2 rw\n",
        plain.dir.path().display()
    );
    Host::from_mounts(&mountinfo::parse(&table), "0-3\n").unwrap()
}

fn everything() -> Limits {
    Limits {
        memory: Some(1 << 20),
        swap: Some(1 << 19),
        cpu_units: Some(500),
        cpu_quota_percent: Some(25),
        cpus: Some(2),
        processes: Some(64),
        ..Limits::default()
    }
}

#[test]
fn a_host_without_cgroups_is_refused() {
    let table = "30 1 0:1 / / rw - ext4 /dev/vda rw\n";
    let error = Host::from_mounts(&mountinfo::parse(table), "0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "cannot make groups: no cgroup hierarchy is mounted for writing"
    );
}

#[test]
fn missing_controllers_and_all_refusals_are_told() {
    let plain = Plain::new(Version::V2, &[("cgroup.controllers", "cpu pids\n")]);
    let host = host_v2(&plain);
    assert_eq!(host.missing(), [Controller::Memory, Controller::Cpuset]);
    assert_eq!(host.cpus(), 4);
    let Err(Error::Unsupported(refusals)) = host.check(&everything()) else {
        panic!("memory and cpuset are missing");
    };
    let limits: Vec<&str> = refusals
        .iter()
        .map(|refusal| refusal.limit.name())
        .collect();
    assert_eq!(limits, ["memory", "swap", "CPUs"]);
    host.check(&Limits::default()).unwrap();
}

/// A v2 tree in which `parent/name/ve` is made and nothing is enabled yet.
fn laid_out() -> Plain {
    let plain = Plain::new(
        Version::V2,
        &[
            ("cgroup.controllers", "cpuset cpu io memory pids\n"),
            ("cgroup.subtree_control", ""),
            ("parent/cgroup.subtree_control", ""),
            ("parent/name/cgroup.controllers", ""),
            ("parent/name/cgroup.subtree_control", ""),
            ("parent/name/cgroup.max.descendants", ""),
            ("parent/name/ve/cgroup.procs", ""),
            ("parent/name/ve/cgroup.threads", ""),
            ("parent/name/ve/cgroup.subtree_control", ""),
        ],
    );
    for knob in [
        "memory.max",
        "memory.swap.max",
        "cpu.weight",
        "cpu.max",
        "cpuset.cpus",
        "ve/pids.max",
    ] {
        plain.put(&format!("parent/name/{knob}"), "");
    }
    plain
}

/// The uid that the files of the test have, so that no root is needed to give
/// them away.
fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

#[test]
fn v2_is_furnished_from_the_root_down() {
    let plain = laid_out();
    let group = host_v2(&plain).group("parent", "name");
    group.furnish(&everything(), 1, me()).unwrap();
    let all = "+cpu +cpuset +io +memory +pids";
    assert_eq!(plain.text("cgroup.subtree_control"), all);
    assert_eq!(plain.text("parent/cgroup.subtree_control"), all);
    assert_eq!(
        plain.text("parent/name/cgroup.subtree_control"),
        "+cpu +pids"
    );
    assert_eq!(plain.text("parent/name/cgroup.max.descendants"), "10000");
    assert_eq!(plain.text("parent/name/memory.max"), "1048576");
    assert_eq!(plain.text("parent/name/memory.swap.max"), "524288");
    assert_eq!(plain.text("parent/name/cpu.weight"), "50");
    assert_eq!(plain.text("parent/name/cpu.max"), "25000 100000");
    assert_eq!(plain.text("parent/name/cpuset.cpus"), "2,3");
    assert_eq!(plain.text("parent/name/ve/pids.max"), "64");
}

#[test]
fn v2_enables_only_what_is_missing() {
    let plain = laid_out();
    plain.put("cgroup.subtree_control", "cpuset cpu io memory\n");
    group_furnished(&plain);
    // Plain files are written over from their beginning.
    assert_eq!(
        plain.text("cgroup.subtree_control"),
        "+pidst cpu io memory\n",
        "only pids was missing"
    );
    let plain = laid_out();
    plain.put(
        "parent/name/cgroup.controllers",
        "cpuset cpu io memory pids\n",
    );
    group_furnished(&plain);
    assert_eq!(plain.text("cgroup.subtree_control"), "");
    assert_eq!(plain.text("parent/cgroup.subtree_control"), "");
}

fn group_furnished(plain: &Plain) {
    let group = host_v2(plain).group("parent", "name");
    group.furnish(&Limits::default(), 0, me()).unwrap();
    assert_eq!(plain.text("parent/name/memory.max"), "");
}

#[test]
fn v2_limits_are_applied_and_read_back() {
    let plain = laid_out();
    let group = host_v2(&plain).group("parent", "name");
    group.apply(&everything(), 0).unwrap();
    let expected = Effective {
        memory: Some(1 << 20),
        swap: Some(1 << 19),
        cpu_units: Some(500),
        cpu_quota_percent: Some(25),
        cpus: Some(2),
        cpu_list: Some(vec![0, 1]),
        processes: Some(64),
        ..Effective::default()
    };
    assert_eq!(group.effective().unwrap(), expected);
    assert!(group.exists());
}

#[test]
fn what_is_not_there_is_said_to_be_so() {
    let plain = Plain::new(
        Version::V2,
        &[("cgroup.controllers", "cpuset cpu memory pids\n")],
    );
    let group = host_v2(&plain).group("parent", "name");
    assert!(!group.exists());
    let error = group.effective().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "cannot read limits of group parent/name");
    let error = group.apply(&everything(), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(group.entry().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(group.processes().unwrap(), []);
    assert!(!group.populated().unwrap());
    group.thaw().unwrap();
    group.kill().unwrap();
    group.remove(std::time::Duration::ZERO).unwrap();
}

#[test]
fn members_are_read_from_the_whole_subtree() {
    let plain = laid_out();
    plain.put("parent/name/ve/cgroup.events", "populated 1\nfrozen 0\n");
    plain.put("parent/name/shim/cgroup.procs", "5\n");
    plain.put("parent/name/ve/cgroup.procs", "7\n0\n");
    plain.put("parent/name/ve/sub/cgroup.procs", "12\n7\n");
    plain.put("parent/other/cgroup.procs", "99\n");
    let group = host_v2(&plain).group("parent", "name");
    assert!(group.populated().unwrap());
    assert_eq!(group.processes().unwrap(), [7, 12]);
    let entry = group.entry().unwrap();
    assert!(entry.v2().is_some());
    entry.join_v1().unwrap();
}

#[test]
fn a_busy_v2_group_is_not_removed() {
    let plain = laid_out();
    plain.put("parent/name/ve/cgroup.events", "populated 1\n");
    plain.put("parent/name/ve/cgroup.procs", "7\n");
    plain.put("parent/name/shim/cgroup.procs", "5\n");
    let group = host_v2(&plain).group("parent", "name");
    let error = group
        .remove(std::time::Duration::from_millis(3))
        .unwrap_err();
    let Error::Busy { pids, .. } = error else {
        panic!("{error} should say busy");
    };
    assert_eq!(pids, [7, 5]);
    assert!(group.exists());
}

#[test]
fn a_hierarchy_without_a_controller_leaves_the_tree_unified() {
    let plain = Plain::new(Version::V2, &[("cgroup.controllers", "cpu\n")]);
    let mut host = host_v2(&plain);
    let named = Plain::new(Version::V1, &[]);
    host.hierarchies.insert(0, named.hierarchy(&[]));
    assert!(host.is_unified());
    assert!(!host.is_ready("unit"));
    for dir in [&plain, &named] {
        std::fs::create_dir(dir.dir.path().join("unit")).unwrap();
    }
    assert!(!host.is_ready("unit"), "nothing says that it is empty");
    plain.put("unit/.veld/cgroup.procs", "7\n");
    assert!(host.is_ready("unit"));
    // The parent in the tree is somebody else's, that beside it is ours.
    let group = host.clone().with_parents_of_others().group("unit", "web1");
    group.remove_parents().unwrap();
    assert!(host.is_ready("unit"));
    assert!(!named.dir.path().join("unit").exists());
    host.hierarchies.insert(0, named.hierarchy(&["memory"]));
    assert!(!host.is_unified());
}
