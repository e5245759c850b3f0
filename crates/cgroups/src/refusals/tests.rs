//! Counters in plain files, and what of them is watched.

use super::*;
use crate::hierarchy::Hierarchy;
use crate::host::Host;
use crate::plain::Plain;

/// A group `veld/web1` in hierarchies of plain files.
fn group(hierarchies: Vec<Hierarchy>) -> Group {
    let host = Host {
        hierarchies,
        cpus: vec![0],
        delegate: Vec::new(),
        parents_stay: false,
    };
    host.group("veld", "web1")
}

fn plain(version: Version, files: &[(&str, &str)]) -> Plain {
    let plain = Plain::new(version, &[]);
    for (name, text) in files {
        plain.put(&format!("veld/web1/{name}"), text);
    }
    plain
}

#[test]
fn v2_counts_in_files_of_events() {
    let plain = plain(
        Version::V2,
        &[
            ("ve/pids.events", "max 12\n"),
            ("ve/pids.max", "2000\n"),
            (
                "memory.events",
                "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n",
            ),
            ("memory.max", "67108864\n"),
            ("memory.high", "max\n"),
            ("memory.swap.events", "high 0\nmax 0\nfail 3\n"),
            ("memory.swap.max", "0\n"),
            ("hugetlb.2MB.events", "max 5\n"),
            ("hugetlb.2MB.events.local", "max 5\n"),
            ("hugetlb.2MB.max", "4194304\n"),
            ("cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\n"),
        ],
    );
    let group = group(vec![plain.hierarchy(&["cpu", "memory", "pids", "hugetlb"])]);
    let found: Vec<_> = group
        .refusals()
        .unwrap()
        .iter()
        .map(|refused| (refused.limit, refused.value, refused.times))
        .collect();
    let expected = [
        (Limit::Memory, Some(64 << 20), 7),
        (Limit::OutOfMemory, None, 1),
        (Limit::CpuTime, None, 4),
        (Limit::Processes, Some(2000), 12),
        (Limit::HugePages(2048), Some(4 << 20), 5),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        words(&group, 10),
        [
            "events:max=memory,high=memory-high,oom_kill=out-of-memory",
            "events:max=swap",
            "events:max=processes",
            "events:max=huge-pages-2048K",
            "value:memory",
            "value:memory-high",
            "value:swap",
            "value:processes",
            "value:huge-pages-2048K",
        ]
    );
    assert_eq!(words(&group, 5).len(), 5);
}

#[test]
fn v1_counts_in_numbers_and_one_alarm_is_for_all_of_memory() {
    let pids = plain(
        Version::V1,
        &[("pids.events", "max 3\n"), ("pids.max", "40\n")],
    );
    let memory = plain(
        Version::V1,
        &[
            ("cgroup.event_control", ""),
            ("memory.failcnt", "175\n"),
            ("memory.limit_in_bytes", "20971520\n"),
            ("memory.memsw.failcnt", "1\n"),
            ("memory.memsw.limit_in_bytes", "9223372036854771712\n"),
            (
                "memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            ),
            ("memory.pressure_level", ""),
        ],
    );
    let group = group(vec![
        memory.hierarchy(&["memory"]),
        pids.hierarchy(&["pids"]),
    ]);
    let found: Vec<_> = group
        .refusals()
        .unwrap()
        .iter()
        .map(|refused| (refused.limit, refused.value, refused.times))
        .collect();
    let expected = [
        (Limit::Memory, Some(20 << 20), 175),
        (Limit::MemoryAndSwap, None, 1),
        (Limit::OutOfMemory, None, 2),
        (Limit::Processes, Some(40), 3),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        words(&group, 10),
        [
            "alarm",
            "count:memory",
            "count:memory-and-swap",
            "count:oom_kill=out-of-memory",
            "look:max=processes",
            "value:memory",
            "value:memory-and-swap",
            "value:processes",
        ]
    );
    let control = memory.text("veld/web1/cgroup.event_control");
    assert!(control.ends_with(" low"), "{control}");
}

#[test]
fn a_group_that_is_gone_has_no_refusals_and_an_old_kernel_fewer() {
    let none = plain(Version::V2, &[]);
    let group = group(vec![none.hierarchy(&["memory", "pids"])]);
    assert_eq!(
        group.refusals().unwrap_err().to_string(),
        "cannot read refusals of group veld/web1"
    );
    assert_eq!(words(&group, 10), [""; 0]);
    none.put("veld/web1/memory.events", "low 0\nmax 2\n");
    assert_eq!(group.refusals().unwrap().len(), 1);
}

#[test]
fn sizes_of_pages_are_numbers() {
    for (size, expected) in [
        ("64KB", Some(64)),
        ("2MB", Some(2048)),
        ("1GB", Some(1 << 20)),
        ("2TB", None),
        ("MB", None),
    ] {
        assert_eq!(kib(size), expected, "{size}");
    }
}

fn words(group: &Group, most: usize) -> Vec<String> {
    let watched = group.watched(most).unwrap();
    watched.iter().map(|(what, _)| what.to_string()).collect()
}
