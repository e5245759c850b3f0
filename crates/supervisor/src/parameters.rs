//! Every key of a VE's config with what of the kernel holds it, and when a new
//! value counts: the list that help, README and `set` go by.

use veld_cgroups::Limit;
use veld_config::Key;

/// When a new value of a key counts in a VE that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As soon as it is set.
    Live,
    /// After its next start.
    NextStart,
}

impl When {
    /// The words for it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            When::Live => "live",
            When::NextStart => "next start",
        }
    }
}

/// A key and what holds it.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The key.
    pub key: Key,
    /// When a new value counts.
    pub when: When,
    /// The file or call of the kernel that holds it on a host with cgroup v2;
    /// nothing where no kernel knows of it.
    pub v2: Option<String>,
    /// The same with cgroup v1, or why there is none.
    pub v1: Option<Result<String, &'static str>>,
}

/// What holds a key.
enum Holder {
    Cgroup(Limit),
    /// On either version.
    Kernel(String, When),
    /// The list of devices.
    Devices,
    /// Links and rules.
    Network,
    /// The VE's mount namespace.
    Mounts,
    /// The file system that its files are on.
    Disk,
    /// Veld itself.
    Us(When),
}

/// All keys, in the order of a new file.
#[must_use]
pub fn parameters() -> Vec<Parameter> {
    Key::all().map(parameter).collect()
}

pub(crate) fn when(key: Key) -> When {
    match holder(key) {
        Holder::Cgroup(_) | Holder::Devices | Holder::Network | Holder::Mounts | Holder::Disk => {
            When::Live
        }
        Holder::Kernel(_, when) | Holder::Us(when) => when,
    }
}

/// Why a key cannot be set for one run alone, where it cannot.
pub(crate) fn no_runtime(key: Key) -> Option<&'static str> {
    match (when(key), holder(key)) {
        (When::NextStart, _) => Some("counts from the next start"),
        (When::Live, Holder::Disk) => Some("is a fact of its files"),
        (When::Live, Holder::Us(_)) => Some("is read from the config alone"),
        (
            When::Live,
            Holder::Cgroup(_)
            | Holder::Kernel(..)
            | Holder::Devices
            | Holder::Network
            | Holder::Mounts,
        ) => None,
    }
}

fn parameter(key: Key) -> Parameter {
    let (v2, v1) = match holder(key) {
        Holder::Cgroup(limit) => {
            let files = limit.files();
            (Some(files.v2.to_owned()), Some(files.v1.map(str::to_owned)))
        }
        Holder::Kernel(file, _) => (Some(file.clone()), Some(Ok(file))),
        Holder::Devices => (
            Some("a BPF program".to_owned()),
            Some(Ok("devices.allow".to_owned())),
        ),
        Holder::Network | Holder::Mounts | Holder::Disk | Holder::Us(_) => (None, None),
    };
    let when = when(key);
    Parameter { key, when, v2, v1 }
}

fn holder(key: Key) -> Holder {
    let limit = match key.name() {
        "resources.ram" => Limit::Memory,
        "resources.ram-guarantee" => Limit::MemoryMin,
        "resources.ram-low" => Limit::MemoryLow,
        "resources.ram-high" => Limit::MemoryHigh,
        "resources.swap" => Limit::Swap,
        "resources.swap-high" => Limit::SwapHigh,
        "resources.cpus" => Limit::Cpus,
        "resources.cpumask" => Limit::CpuList,
        "resources.cpuunits" => Limit::CpuUnits,
        "resources.cpulimit" => Limit::CpuQuota,
        "resources.processes" => Limit::Processes,
        "resources.ioweight" => Limit::IoWeight,
        "resources.iolimit" => Limit::IoBytes,
        "resources.iopslimit" => Limit::IoOperations,
        "resources.hugepages" => Limit::HugePages,
        other => return beside_cgroups(other),
    };
    Holder::Cgroup(limit)
}

fn beside_cgroups(name: &str) -> Holder {
    match (name, name.split_once('.')) {
        ("resources.oom-score-adj", _) => {
            Holder::Kernel("/proc/PID/oom_score_adj".to_owned(), When::Live)
        }
        (_, Some(("rlimits", limit))) => {
            let limit = limit.to_uppercase();
            Holder::Kernel(format!("RLIMIT_{limit}"), When::NextStart)
        }
        (_, Some(("kernel", table))) => {
            let file = table.replace('-', "_");
            Holder::Kernel(format!("/proc/sys/user/max_{file}"), When::Live)
        }
        ("devices", _) => Holder::Devices,
        ("network.dns", _) => Holder::Us(When::NextStart),
        ("net", _) | (_, Some(("network", _))) => Holder::Network,
        ("storage.mounts", _) => Holder::Mounts,
        ("storage.disk" | "storage.inodes", _) => Holder::Disk,
        // They are read when they are needed.
        ("onboot" | "bootorder" | "restart" | "storage.snapshots", _) => Holder::Us(When::Live),
        _ => Holder::Us(When::NextStart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_is_held_by_the_kernel() {
        let unheld: Vec<&str> = parameters()
            .iter()
            .filter(|parameter| parameter.v2.is_none())
            .map(|parameter| parameter.key.name())
            .filter(|name| {
                ["resources.", "rlimits.", "kernel."]
                    .iter()
                    .any(|section| name.starts_with(section))
            })
            .collect();
        assert_eq!(unheld, Vec::<&str>::new());
    }

    #[test]
    fn no_file_holds_two_keys_but_for_those_of_one_file() {
        let mut files: Vec<String> = parameters()
            .into_iter()
            .filter_map(|parameter| parameter.v2)
            .filter(|file| !["io.max", "cpuset.cpus"].contains(&file.as_str()))
            .collect();
        let count = files.len();
        files.sort_unstable();
        files.dedup();
        assert_eq!(files.len(), count);
    }
}
