//! Limits as the kernel's files have them, of whichever cgroup version.

use std::collections::BTreeMap;
use std::fs;

use veld_tests::Ve;

/// What one setting is in the kernel.
pub(crate) struct Live {
    /// The key and a value of it.
    pub(crate) setting: &'static str,
    /// File, the value in it, and what is in it without a limit: of v2, and of v1.
    pub(crate) files: [(&'static str, &'static str, &'static str); 2],
    /// The key in `show --json`, and what it has.
    pub(crate) shown: (&'static str, u64),
}

/// No limit of memory on v1, in whole pages of 4 KiB.
const V1_NONE: &str = "9223372036854771712";

/// All that is held on both versions, each by a file of its own.
pub(crate) const LIVE: [Live; 8] = [
    Live {
        setting: "ram=96M",
        files: [
            ("memory.max", "100663296", "max"),
            ("memory.limit_in_bytes", "100663296", V1_NONE),
        ],
        shown: ("memory_limit_bytes", 96 << 20),
    },
    Live {
        setting: "swap=32M",
        files: [
            ("memory.swap.max", "33554432", "max"),
            ("memory.memsw.limit_in_bytes", "134217728", V1_NONE),
        ],
        shown: ("swap_limit_bytes", 32 << 20),
    },
    Live {
        setting: "ram-low=16M",
        files: [
            ("memory.low", "16777216", "0"),
            ("memory.soft_limit_in_bytes", "16777216", V1_NONE),
        ],
        shown: ("memory_low_bytes", 16 << 20),
    },
    Live {
        setting: "cpuunits=2000",
        files: [("cpu.weight", "200", "100"), ("cpu.shares", "2048", "1024")],
        shown: ("cpu_units", 2000),
    },
    Live {
        setting: "cpulimit=50%",
        files: [
            ("cpu.max", "50000 100000", "max 100000"),
            ("cpu.cfs_quota_us", "50000", "-1"),
        ],
        shown: ("cpu_quota_percent", 50),
    },
    Live {
        setting: "processes=99",
        files: [("pids.max", "99", "max"), ("pids.max", "99", "max")],
        shown: ("processes_limit", 99),
    },
    Live {
        setting: "ioweight=300",
        files: [
            ("io.bfq.weight", "default 300", "default 100"),
            ("blkio.bfq.weight", "300", "100"),
        ],
        shown: ("io_weight", 300),
    },
    Live {
        setting: "hugepages=4M",
        files: [
            ("hugetlb.2MB.max", "4194304", "max"),
            (
                "hugetlb.2MB.limit_in_bytes",
                "4194304",
                "9223372036852678656",
            ),
        ],
        shown: ("huge_pages_limit_bytes", 4 << 20),
    },
];

impl Live {
    /// The word of its key.
    pub(crate) fn word(&self) -> &'static str {
        self.setting.split_once('=').unwrap().0
    }

    /// Of the version that the VE's group has: what is in its file, what is to be
    /// there, and what without a limit. Nothing where the kernel has no such file.
    pub(crate) fn held(&self, ve: &Ve<'_>) -> Option<(String, &'static str, &'static str)> {
        self.files
            .iter()
            .find_map(|(file, set, none)| Some((ve.group().knob(&[file])?, *set, *none)))
    }
}

/// Every limit in every file of the group, and the config to the byte: what a
/// `set` that fails must leave as it was.
pub(crate) fn all(ve: &Ve<'_>) -> BTreeMap<String, String> {
    // What is counted there changes by itself.
    const KNOBS: [&str; 22] = [
        "memory.max",
        "memory.low",
        "memory.min",
        "memory.high",
        "memory.swap.max",
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "cpu.weight",
        "cpu.max",
        "cpu.shares",
        "cpu.cfs_quota_us",
        "cpuset.cpus",
        "pids.max",
        "io.max",
        "io.bfq.weight",
        "blkio.bfq.weight",
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_iops_device",
        "hugetlb.2MB.max",
        "hugetlb.2MB.rsvd.max",
        "hugetlb.2MB.limit_in_bytes",
    ];
    let group = ve.group();
    let knobs = KNOBS.iter();
    let mut all: BTreeMap<String, String> = knobs
        .filter_map(|knob| Some(((*knob).to_owned(), group.knob(&[knob])?)))
        .collect();
    let config = fs::read_to_string(ve.config()).unwrap();
    all.insert("config".to_owned(), config);
    all
}

/// Whether the memory of VEs is held by v1.
pub(crate) fn is_v1(ve: &Ve<'_>) -> bool {
    ve.group().knob(&["memory.limit_in_bytes"]).is_some()
}

/// The lines of the config that set something.
pub(crate) fn config_lines(ve: &Ve<'_>) -> Vec<String> {
    let text = fs::read_to_string(ve.config()).unwrap();
    let lines = text.lines().filter(|line| line.contains(" = "));
    lines.map(str::to_owned).collect()
}
