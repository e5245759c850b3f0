//! What a start is going to do: a value, made of config and host facts alone.

use std::ffi::CString;
use std::fmt;

use veld_cgroups::Limits;
use veld_config::{Cgroup, HostConfig, InitWay, Mount, VeConfig, VeId, VeName};
use veld_launch::{Names, Resolver};
use veld_namespaces::{IDS, IdRange, Table};
use veld_privileges::Bounds;
use veld_protocol::init;
use veld_protocol::restart::Policy;
use veld_rootfs::{CgroupTree, Sizes};
use veld_units::Bytes;

use crate::devices::Devices;
use crate::files::Files;
use crate::mounts;
use crate::net::NetPlan;
use crate::tuning::{self, Tuning};

/// Everything that a start does, before any of it is done.
#[derive(Debug, Clone)]
pub struct StartPlan {
    /// Which VE.
    pub name: VeName,
    /// Its config.
    pub config: VeConfig,
    /// Its number.
    pub id: VeId,
    /// What its root file system is made of.
    pub files: Files,
    /// Host ids behind its users and groups.
    pub ids: IdRange,
    /// What it may use.
    pub limits: Limits,
    /// What it finds of cgroups.
    pub cgroup_tree: CgroupTree,
    /// Devices that it may use.
    pub devices: Devices,
    /// Sizes of its file systems in memory.
    pub sizes: Sizes,
    /// Host name, resolver.
    pub names: Names,
    /// How it is connected.
    pub net: NetPlan,
    /// What is mounted in it, in this order.
    pub mounts: Vec<Mount>,
    /// How much memory it may have, in bytes.
    pub memory: u64,
    /// Arguments of veld-init, less its name.
    pub arguments: Vec<CString>,
    /// Environment of PID 1.
    pub environment: Vec<CString>,
    /// How much memory may be guaranteed to all VEs together, in bytes.
    pub guarantees: u64,
    /// What each of its processes may have, and its badness.
    pub bounds: Bounds,
    /// How far each of its users may fill tables of the kernel.
    pub tables: Vec<Table>,
    /// The how manyeth start in a row it is after ends that came soon.
    pub restarts: u32,
    /// After which ends it is started again.
    pub policy: Policy,
}

/// What is known of the host and its parts when a plan is made.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) config: &'a HostConfig,
    pub(crate) id: VeId,
    pub(crate) ids: IdRange,
    pub(crate) files: Files,
    pub(crate) devices: Devices,
    /// Memory of the host, in bytes.
    pub(crate) memory: u64,
    pub(crate) tuning: Tuning,
    pub(crate) resolver: Resolver,
}

impl StartPlan {
    /// The plan for a VE of this config on this host.
    pub(crate) fn new(name: &VeName, config: &VeConfig, facts: Facts<'_>) -> Self {
        let Tuning {
            limits,
            tables,
            oom_score_adj: _,
            devices: _,
            net,
            mounts: _,
            disk: _,
        } = facts.tuning;
        let memory = limits
            .memory
            .map_or(facts.memory, |limit| limit.min(facts.memory));
        Self {
            name: name.clone(),
            config: config.clone(),
            id: facts.id,
            files: facts.files,
            ids: facts.ids,
            limits,
            devices: facts.devices,
            // As distributions size them: a fifth of memory for /run, half for /dev/shm.
            sizes: Sizes {
                run: memory / 5,
                shm: memory / 2,
            },
            cgroup_tree: match config.cgroup {
                Cgroup::Unified => CgroupTree::Unified,
                Cgroup::Legacy => CgroupTree::Legacy,
            },
            names: Names {
                hostname: config.hostname.as_str().to_owned(),
                resolver: Some(facts.resolver).filter(|resolver| !resolver.servers.is_empty()),
            },
            net,
            mounts: mounts::in_order(&config.storage.mounts),
            memory,
            arguments: arguments(config),
            environment: environment(config),
            guarantees: guarantees(facts.config, facts.memory),
            bounds: tuning::bounds(config),
            tables,
            restarts: 0,
            policy: config.restart,
        }
    }
}

/// Bytes of the smallest page of any machine.
const PAGE: u64 = 4096;

/// How many bytes may be guaranteed on a host of so much memory.
pub(crate) fn guarantees(host: &HostConfig, memory: u64) -> u64 {
    let percent = u64::from(host.overcommit_percent);
    let bytes = (memory / 100).saturating_mul(percent);
    // The kernel counts in pages.
    bytes - bytes % PAGE
}

fn arguments(config: &VeConfig) -> Vec<CString> {
    let mode = match config.init.way {
        InitWay::Auto => init::Mode::Auto,
        InitWay::HandOver => init::Mode::HandOver,
        InitWay::Supervise => init::Mode::Supervise,
    };
    let options = init::Options {
        mode,
        init: config.init.command.clone().map(Into::into),
        getty: config.getty,
    };
    let words = options.to_args().into_iter();
    words
        .filter_map(|word| CString::new(std::os::unix::ffi::OsStringExt::into_vec(word)).ok())
        .collect()
}

/// # Kernel
/// None of the kernel's; systemd's "Container Interface" names these variables.
fn environment(config: &VeConfig) -> Vec<CString> {
    let variables = [
        "container=veld".to_owned(),
        format!("container_uuid={}", config.uuid),
        format!("NOTIFY_SOCKET={}", init::NOTIFY_SOCKET),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        "TERM=vt220".to_owned(),
        "HOME=/".to_owned(),
    ];
    variables
        .into_iter()
        .filter_map(|variable| CString::new(variable).ok())
        .collect()
}

impl StartPlan {
    /// Limits by their words: those that every VE has an answer to, and those that
    /// are set.
    fn tuned(&self) -> Vec<(&'static str, String)> {
        let limits = &self.limits;
        let usual = [
            ("ram", limits.memory.map(size)),
            ("swap", limits.swap.map(size)),
            ("cpus", limits.cpus.map(|cpus| cpus.to_string())),
            ("cpuunits", limits.cpu_units.map(|units| units.to_string())),
            (
                "cpulimit",
                limits.cpu_quota_percent.map(|most| format!("{most}%")),
            ),
            ("processes", limits.processes.map(|most| most.to_string())),
        ];
        let usual =
            usual.map(|(word, value)| (word, value.unwrap_or_else(|| "not limited".to_owned())));
        let devices: Vec<String> = limits.io_devices.iter().map(ToString::to_string).collect();
        let rate = |value: String| format!("{value}/s on {}", devices.join(" "));
        let set = [
            ("guaranteed", limits.memory_min.map(size)),
            ("ram-low", limits.memory_low.map(size)),
            ("ram-high", limits.memory_high.map(size)),
            ("swap-high", limits.swap_high.map(size)),
            (
                "cpumask",
                limits.cpu_list.as_ref().map(|list| numbers(list)),
            ),
            (
                "ioweight",
                limits.io_weight.map(|weight| weight.to_string()),
            ),
            ("iolimit", limits.io_bytes.map(|bytes| rate(size(bytes)))),
            (
                "iopslimit",
                limits.io_operations.map(|count| rate(count.to_string())),
            ),
            ("hugepages", limits.huge_pages.map(size)),
        ];
        let set = set
            .into_iter()
            .filter_map(|(word, value)| Some((word, value?)));
        usual.into_iter().chain(set).collect()
    }
}

fn numbers(list: &[u32]) -> String {
    let numbers: Vec<String> = list.iter().map(u32::to_string).collect();
    numbers.join(",")
}

impl fmt::Display for StartPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "name       {}", self.name)?;
        writeln!(f, "id         {}", self.id)?;
        write!(f, "{}", self.files)?;
        let first = self.ids.first();
        writeln!(f, "host ids   {first} to {}", first + (IDS - 1))?;
        for (word, value) in self.tuned() {
            writeln!(f, "{word:<10} {value}")?;
        }
        let tree = match self.cgroup_tree {
            CgroupTree::Unified => "v2",
            CgroupTree::Legacy => "v1, the hierarchy of systemd",
        };
        writeln!(f, "cgroup     {tree}")?;
        writeln!(f, "devices    {}", self.devices)?;
        writeln!(f, "/run       {}", size(self.sizes.run))?;
        writeln!(f, "/dev/shm   {}", size(self.sizes.shm))?;
        writeln!(f, "hostname   {}", self.names.hostname)?;
        let servers = self
            .names
            .resolver
            .iter()
            .flat_map(|resolver| &resolver.servers);
        let servers: Vec<String> = servers.map(ToString::to_string).collect();
        let servers = if servers.is_empty() {
            "none".to_owned()
        } else {
            servers.join(" ")
        };
        writeln!(f, "dns        {servers}")?;
        write!(f, "{}", self.net)?;
        for mount in &self.mounts {
            writeln!(f, "mount      {mount}")?;
        }
        let shown: Vec<_> = self
            .arguments
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        // Without arguments it finds out what the distribution has.
        let shown = if shown.is_empty() {
            "found out at start".to_owned()
        } else {
            shown.join(" ")
        };
        write!(f, "init       {shown}")
    }
}

fn size(bytes: u64) -> String {
    format!("{:#}", Bytes::new(bytes))
}
