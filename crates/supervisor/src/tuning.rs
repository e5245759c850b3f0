//! What of a config the kernel is told: of it a VE has as much while it runs as
//! from its start.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use veld_cgroups::{Device, Group, Limits};
use veld_config::{Mount, VeConfig};
use veld_namespaces::{NESTED, Table};
use veld_privileges::{Bounds, Rlimit};
use veld_state::Running;
use veld_storage::Wish;

use crate::devices::{self, Devices};
use crate::disk;
use crate::error::Source;
use crate::guarantee;
use crate::layout;
use crate::mounts;
use crate::net::{self, NetPlan};
use crate::ve::Ve;

/// Open files of a VE's processes, as systemd sets them for its services.
const NOFILE: Rlimit = Rlimit {
    name: "nofile",
    soft: Some(1024),
    hard: Some(524_288),
    at_most: true,
};

/// Nested namespaces of each kind: plenty for containers in a VE, and no way to
/// use up the host's.
const NESTING: u32 = 4096;

/// The names of kernel tables in a config, and of their files.
const TABLES: [(&str, &str); 12] = [
    ("inotify-instances", "inotify_instances"),
    ("inotify-watches", "inotify_watches"),
    ("fanotify-groups", "fanotify_groups"),
    ("fanotify-marks", "fanotify_marks"),
    ("user-namespaces", "user_namespaces"),
    ("pid-namespaces", "pid_namespaces"),
    ("mnt-namespaces", "mnt_namespaces"),
    ("net-namespaces", "net_namespaces"),
    ("uts-namespaces", "uts_namespaces"),
    ("ipc-namespaces", "ipc_namespaces"),
    ("cgroup-namespaces", "cgroup_namespaces"),
    ("time-namespaces", "time_namespaces"),
];

/// What a kernel without a limit of ours has in a new namespace.
const UNLIMITED: u32 = i32::MAX.cast_unsigned();

/// What can be changed while the VE runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tuning {
    /// Limits of all of it.
    pub(crate) limits: Limits,
    /// How far each of its users may fill tables of the kernel.
    pub(crate) tables: Vec<Table>,
    /// What is added to the badness of its processes.
    pub(crate) oom_score_adj: i32,
    /// Devices that it may use.
    pub(crate) devices: Devices,
    /// How it is connected.
    pub(crate) net: NetPlan,
    /// What is mounted in it.
    pub(crate) mounts: Vec<Mount>,
    /// What it may have on disk.
    pub(crate) disk: Wish,
}

impl Tuning {
    /// What a config asks for.
    ///
    /// # Errors
    /// The devices of the VE's files could not be found out.
    pub(crate) fn new(ve: &Ve<'_>, config: &VeConfig) -> Result<Self, Source> {
        Ok(Self {
            limits: limits(ve, config)?,
            tables: tables(config),
            oom_score_adj: config.resources.oom_score_adj.unwrap_or_default(),
            devices: Devices::present(config),
            net: NetPlan::new(config, ve.host.config(), ve.id()?),
            mounts: config.storage.mounts.clone(),
            disk: layout::wish(ve.host, config),
        })
    }
}

/// The limits that a config asks for.
///
/// # Errors
/// The devices of the VE's files could not be found out.
pub(crate) fn limits(ve: &Ve<'_>, config: &VeConfig) -> Result<Limits, Source> {
    let wanted = &config.resources;
    // Asked for only where it counts.
    let io_devices = if wanted.iolimit.is_some() || wanted.iopslimit.is_some() {
        disks(ve)?
    } else {
        Vec::new()
    };
    let bytes = |size: Option<veld_units::Bytes>| size.map(|size| size.get());
    Ok(Limits {
        memory: bytes(wanted.ram),
        memory_min: bytes(wanted.ram_guarantee),
        memory_low: bytes(wanted.ram_low),
        memory_high: bytes(wanted.ram_high),
        swap: bytes(wanted.swap),
        swap_high: bytes(wanted.swap_high),
        cpu_units: wanted.cpuunits.map(|units| u64::from(units.get())),
        cpu_quota_percent: wanted.cpulimit.map(|percent| percent.get()),
        cpus: wanted.cpus.map(|cpus| cpus.get()),
        cpu_list: wanted.cpumask.as_ref().map(|list| list.numbers().collect()),
        processes: wanted.processes.map(|processes| u64::from(processes.get())),
        io_weight: wanted.ioweight.map(|weight| weight.get()),
        io_bytes: bytes(wanted.iolimit),
        io_operations: wanted.iopslimit.map(|count| u64::from(count.get())),
        io_devices,
        huge_pages: bytes(wanted.hugepages),
    })
}

fn disks(ve: &Ve<'_>) -> Result<Vec<Device>, Source> {
    // Its directory is on the file system of all that it will have.
    let devices = veld_storage::devices(&ve.host.config().ves_dir())?.into_iter();
    Ok(devices
        .map(|(major, minor)| Device { major, minor })
        .collect())
}

fn tables(config: &VeConfig) -> Vec<Table> {
    let set = |file| {
        let (word, _) = TABLES.iter().find(|(_, known)| *known == file)?;
        config.kernel.get(word).copied()
    };
    let nested = NESTED.map(|name| Table {
        name,
        most: set(name).unwrap_or(NESTING),
    });
    let others = TABLES.iter().filter(|(_, file)| !NESTED.contains(file));
    let others = others.filter_map(|(_, name)| {
        let most = set(name)?;
        Some(Table { name, most })
    });
    nested.into_iter().chain(others).collect()
}

/// What the kernel has of tables that a config names, by the names of a config.
///
/// # Errors
/// The VE has gone, or the kernel does not say.
pub(crate) fn held_tables(
    running: &Running,
    configs: &[&VeConfig],
) -> Result<BTreeMap<&'static str, u32>, Source> {
    let is_named = |word: &str| {
        configs
            .iter()
            .any(|config| config.kernel.contains_key(word))
    };
    let named: Vec<(&str, &str)> = TABLES
        .into_iter()
        .filter(|(word, _)| is_named(word))
        .collect();
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let files: Vec<&str> = named.iter().map(|(_, file)| *file).collect();
    let held = veld_launch::read_tables(running.init.as_fd(), &files)?;
    let word = |file| named.iter().find(|(_, known)| *known == file);
    let held = held.iter().filter(|table| table.most < UNLIMITED);
    Ok(held
        .filter_map(|table| Some((word(table.name)?.0, table.most)))
        .collect())
}

/// Every table as if it were not limited: what a kernel has of which nothing is known.
pub(crate) fn unknown_tables() -> Vec<Table> {
    let most = UNLIMITED;
    let names = TABLES.iter().map(|(_, name)| *name);
    names.map(|name| Table { name, most }).collect()
}

/// What each process of a VE starts with of which nobody knows what it was told.
pub(crate) fn usual_bounds() -> Bounds {
    Bounds {
        rlimits: vec![NOFILE],
        oom_score_adj: 0,
    }
}

/// What each process of a VE starts with.
pub(crate) fn bounds(config: &VeConfig) -> Bounds {
    let chosen = config.rlimits.iter().map(|(name, limit)| Rlimit {
        name,
        soft: limit.soft(),
        hard: limit.hard(),
        at_most: false,
    });
    let usual = [NOFILE].into_iter();
    let usual = usual.filter(|limit| !config.rlimits.contains_key(limit.name));
    Bounds {
        rlimits: usual.chain(chosen).collect(),
        oom_score_adj: config.resources.oom_score_adj.unwrap_or_default(),
    }
}

/// Tells the kernel of a VE that runs: `new` instead of `old`; what is left for its
/// next start. Where it fails, some of it holds already.
pub(crate) fn apply(
    ve: &Ve<'_>,
    running: &Running,
    group: &Group,
    old: &Tuning,
    new: &Tuning,
) -> Result<Vec<String>, Source> {
    ve.step("set limits");
    guarantee::promise(ve, group, &new.limits)?;
    group.apply(&new.limits, ve.id()?.get())?;
    if old.tables != new.tables {
        ve.step("limit tables of the kernel");
        let is_set = |table: &Table| new.tables.iter().any(|new| new.name == table.name);
        let lifted = old.tables.iter().filter(|table| !is_set(table));
        let lifted = lifted.map(|table| Table {
            most: UNLIMITED,
            ..*table
        });
        let all: Vec<Table> = new.tables.iter().copied().chain(lifted).collect();
        veld_launch::limit_tables(running.init.as_fd(), &all)?;
    }
    if old.oom_score_adj != new.oom_score_adj {
        ve.step("change out-of-memory score");
        group.change_oom_score_adj(old.oom_score_adj, new.oom_score_adj)?;
    }
    mounts::change(ve, running, &new.mounts)?;
    let mut warnings = net::change(ve, running, &old.net, &new.net)?;
    if old.devices != new.devices {
        let lists = [&old.devices, &new.devices];
        warnings.extend(devices::change(ve, running, group, lists)?);
    }
    if old.disk != new.disk {
        disk::apply(ve, &new.disk)?;
    }
    Ok(warnings)
}
