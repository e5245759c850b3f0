//! The limits of a VE as `show` tells them: as set, as the kernel has them, and
//! what is in use.

use veld_config::{Key, VeConfig};
use veld_supervisor::{Detail, DiskUsage, Limits};
use veld_units::Bytes;

/// One key: the words of a person's table, or of a program's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The key's word.
    pub(crate) word: &'static str,
    /// What the config says.
    pub(crate) set: Option<String>,
    /// What is set for this run alone; the inner nothing where it is unset.
    pub(crate) this_run: Option<Option<String>>,
    /// What the kernel has; nothing of a key that it is not asked for.
    pub(crate) held: Option<Option<String>>,
    /// What is in use.
    pub(crate) used: Option<String>,
}

/// Limits that every VE has a line for, set or not.
const USUAL: [&str; 6] = ["ram", "swap", "cpus", "cpuunits", "cpulimit", "processes"];

/// Limits that hold whether the VE runs or not.
const DISK: [&str; 2] = ["disk", "inodes"];

/// A row for each key of a resource that is set, or that every VE has.
pub(crate) fn rows(detail: &Detail) -> Vec<Row> {
    let config = detail.summary.config.as_ref().ok();
    let said = |key: Key| config.and_then(|config| said(key, config));
    let this_run = |key: Key| {
        let (keys, config) = detail.this_run.as_ref()?;
        let of_this_run = keys.contains(&key);
        of_this_run.then(|| self::said(key, config))
    };
    Key::all()
        .filter(|key| {
            matches!(key.section(), "resources" | "rlimits" | "kernel")
                || DISK.contains(&key.word())
        })
        .map(|key| Row {
            word: key.word(),
            set: said(key),
            this_run: this_run(key),
            held: detail
                .kernel
                .as_ref()
                .and_then(|kernel| held(key, kernel, detail))
                .or_else(|| held_on_disk(key, &detail.summary.disk)),
            used: detail
                .kernel
                .as_ref()
                .and_then(|kernel| used(key, kernel))
                .or_else(|| used_on_disk(key, &detail.summary.disk)),
        })
        .filter(|row| {
            let is_usual = USUAL.contains(&row.word);
            is_usual || row.set.is_some() || row.this_run.is_some() || row.used.is_some()
        })
        .collect()
}

/// As a person reads it: sizes with a rounded number beside a long one.
fn said(key: Key, config: &VeConfig) -> Option<String> {
    let text = key.said_by(config)?;
    match text.parse::<Bytes>() {
        Ok(bytes) if key.placeholder() == "SIZE" => Some(format!("{bytes:#}")),
        _ => Some(text),
    }
}

fn held(key: Key, kernel: &Limits, detail: &Detail) -> Option<Option<String>> {
    let size = |bytes: Option<u64>| bytes.map(size);
    let count = |count: Option<u64>| count.map(|count| count.to_string());
    Some(match key.word() {
        "ram" => size(kernel.memory),
        "ram-guarantee" => size(kernel.memory_min),
        "ram-low" => size(kernel.memory_low),
        "ram-high" => size(kernel.memory_high),
        "swap" => size(kernel.swap),
        "swap-high" => size(kernel.swap_high),
        "cpus" => count(kernel.cpus.map(u64::from)),
        "cpumask" => kernel.cpu_list.as_ref().map(|list| {
            let numbers: Vec<String> = list.iter().map(u32::to_string).collect();
            numbers.join(",")
        }),
        "cpuunits" => count(kernel.cpu_units),
        "cpulimit" => kernel
            .cpu_quota_percent
            .map(|percent| format!("{percent}%")),
        "processes" => count(kernel.processes),
        "ioweight" => count(kernel.io_weight.map(u64::from)),
        "iolimit" => size(kernel.io_bytes),
        "iopslimit" => count(kernel.io_operations),
        "hugepages" => size(kernel.huge_pages),
        "oom-score-adj" => Some(detail.oom_score_adj?.to_string()),
        word if key.section() == "kernel" => detail.tables.get(word).map(u32::to_string),
        _ => return None,
    })
}

/// Only of what somebody counts.
fn held_on_disk(key: Key, disk: &DiskUsage) -> Option<Option<String>> {
    match key.word() {
        "disk" => disk.disk.map(|_| disk.disk_limit.map(size)),
        "inodes" => disk
            .inodes
            .map(|_| disk.inode_limit.map(|limit| limit.to_string())),
        _ => None,
    }
}

fn used_on_disk(key: Key, disk: &DiskUsage) -> Option<String> {
    match key.word() {
        "disk" => disk.disk.map(size),
        "inodes" => disk.inodes.map(|count| count.to_string()),
        _ => None,
    }
}

fn size(bytes: u64) -> String {
    format!("{:#}", Bytes::new(bytes))
}

fn used(key: Key, kernel: &Limits) -> Option<String> {
    match key.word() {
        "ram" => kernel.memory_used.map(size),
        "swap" => kernel.swap_used.map(size),
        "processes" => kernel.processes_now.map(|count| count.to_string()),
        _ => None,
    }
}
