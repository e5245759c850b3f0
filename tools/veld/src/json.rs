//! JSON for programs: one stable schema per command, units in the names of keys.
//! A value that there is not is null; a key is never left out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use veld_config::Key;
use veld_protocol::limit::Unit;
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::Counts;
use veld_state::Account;
use veld_supervisor::{Detail, Refusals, Summary};
use veld_sys::Failure;

use crate::output;
use crate::refusal;
use crate::report::Failed;

/// A VE in `list` and `show`.
#[derive(Debug, Serialize)]
pub(crate) struct Ve {
    name: String,
    id: Option<u32>,
    status: &'static str,
    status_since_unix_seconds: Option<f64>,
    failed_services: Vec<String>,
    watched: bool,
    init_pid: Option<i32>,
    shim_pid: Option<i32>,
    started_unix_seconds: Option<f64>,
    ready_unix_seconds: Option<f64>,
    init_status: Option<String>,
    init: Option<Init>,
    last_end: Option<End>,
    start_error: Option<String>,
    template: Option<String>,
    hostname: Option<String>,
    uuid: Option<String>,
    onboot: Option<bool>,
    snapshots: usize,
    disk_used_bytes: Option<u64>,
    disk_limit_bytes: Option<u64>,
    inodes_used: Option<u64>,
    inodes_limit: Option<u64>,
    bootorder: Option<i32>,
    restart: Option<String>,
    restart_due_unix_seconds: Option<f64>,
    restarts_in_a_row: u32,
    addresses: Vec<IpAddr>,
    config_error: Option<String>,
}

/// The init of a VE that runs.
#[derive(Debug, Serialize)]
struct Init {
    kind: &'static str,
    is_pid_1: bool,
    stop_signal: i32,
}

/// How a run ended.
#[derive(Debug, Serialize)]
struct End {
    text: String,
    at_unix_seconds: f64,
}

impl Ve {
    pub(crate) fn new(ve: &Summary) -> Self {
        let config = ve.config.as_ref().ok();
        Self {
            name: ve.name.to_string(),
            id: ve.id,
            status: ve.phase.word(),
            status_since_unix_seconds: ve.since.map(seconds),
            failed_services: ve.failed.clone(),
            watched: ve.watched,
            init_pid: ve.pid,
            shim_pid: ve.shim_pid,
            started_unix_seconds: ve.started.map(seconds),
            ready_unix_seconds: ve.ready.map(seconds),
            init_status: ve.status.clone(),
            init: ve.init.map(|found| Init {
                kind: found.kind.as_str(),
                is_pid_1: found.hands_over,
                stop_signal: found.stop_signal,
            }),
            last_end: ve.ended.map(|ended| End {
                text: ended.how(),
                at_unix_seconds: seconds(ended.at),
            }),
            start_error: ve
                .failure
                .as_deref()
                .map(|reason| reason.trim_end().to_owned()),
            template: config.map(|config| config.template.to_string()),
            hostname: config.map(|config| config.hostname.to_string()),
            uuid: config.map(|config| config.uuid.to_string()),
            onboot: config.map(|config| config.onboot),
            snapshots: ve.snapshots,
            disk_used_bytes: ve.disk.disk,
            disk_limit_bytes: ve.disk.disk_limit,
            inodes_used: ve.disk.inodes,
            inodes_limit: ve.disk.inode_limit,
            bootorder: config.map(|config| config.bootorder),
            restart: config.map(|config| config.restart.to_string()),
            restart_due_unix_seconds: ve.restart_due.map(seconds),
            restarts_in_a_row: ve.restarts,
            addresses: ve.addresses().to_vec(),
            config_error: ve.config.as_ref().err().cloned(),
        }
    }
}

/// A VE in `show`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    ve: Ve,
    health_unknown: Option<String>,
    first_host_id: Option<u32>,
    directory: String,
    limits: Limits,
    /// Every setting in the words of `set`, by its word.
    settings: BTreeMap<&'static str, String>,
    /// Those that were set for this run alone.
    settings_of_this_run: BTreeMap<&'static str, Option<String>>,
    devices: Option<Vec<String>>,
    mounts: Option<Vec<String>>,
    kernel: Option<Kernel>,
    refusals: Vec<Refused>,
    links: Vec<Link>,
    traffic: Option<Traffic>,
}

/// What it has moved over its links, by months of UTC.
#[derive(Debug, Serialize)]
pub(crate) struct Traffic {
    month: Option<String>,
    used_up: bool,
    this_month: Moved,
    last_month: Moved,
    total: Moved,
}

/// Both ways, as the VE counts.
#[derive(Debug, Serialize)]
struct Moved {
    received_bytes: u64,
    received_packets: u64,
    sent_bytes: u64,
    sent_packets: u64,
}

impl Traffic {
    pub(crate) fn new(account: &Account) -> Self {
        let moved = |counts: Counts| Moved {
            received_bytes: counts.received_bytes,
            received_packets: counts.received_packets,
            sent_bytes: counts.sent_bytes,
            sent_packets: counts.sent_packets,
        };
        Self {
            month: account.month.map(|month| month.to_string()),
            used_up: account.held,
            this_month: moved(account.this_month),
            last_month: moved(account.last_month),
            total: moved(account.total),
        }
    }
}

/// What the config says.
#[derive(Debug, Default, Serialize)]
struct Limits {
    ram_bytes: Option<u64>,
    swap_bytes: Option<u64>,
    cpus: Option<u32>,
    cpuunits: Option<u32>,
    cpulimit_percent: Option<u32>,
    processes: Option<u32>,
}

/// What the kernel says.
#[derive(Debug, Serialize)]
struct Kernel {
    memory_limit_bytes: Option<u64>,
    memory_used_bytes: Option<u64>,
    memory_cache_bytes: Option<u64>,
    memory_min_bytes: Option<u64>,
    memory_low_bytes: Option<u64>,
    memory_high_bytes: Option<u64>,
    swap_limit_bytes: Option<u64>,
    swap_used_bytes: Option<u64>,
    swap_high_bytes: Option<u64>,
    cpus: Option<u32>,
    cpu_numbers: Option<Vec<u32>>,
    cpu_units: Option<u64>,
    cpu_quota_percent: Option<u32>,
    processes_limit: Option<u64>,
    processes: Option<u64>,
    io_weight: Option<u32>,
    io_limit_bytes_per_second: Option<u64>,
    io_limit_operations_per_second: Option<u64>,
    huge_pages_limit_bytes: Option<u64>,
    oom_score_adj: Option<i32>,
    /// Entries that each user may have of tables that are limited, by their words.
    tables: BTreeMap<&'static str, u32>,
}

/// What a limit has refused.
#[derive(Debug, Serialize)]
struct Refused {
    limit: String,
    limit_bytes: Option<u64>,
    limit_processes: Option<u64>,
    times: u64,
    last_unix_seconds: Option<f64>,
    text: String,
}

impl Refused {
    fn new(refusals: &Refusals) -> Self {
        let value_in = |unit| {
            refusals
                .value
                .filter(|_| refusals.limit.unit() == Some(unit))
        };
        Self {
            limit: refusals.limit.to_string(),
            limit_bytes: value_in(Unit::Bytes),
            limit_processes: value_in(Unit::Processes),
            times: refusals.times,
            last_unix_seconds: refusals.last.map(seconds),
            text: refusal::row(refusals),
        }
    }
}

/// A link inside.
#[derive(Debug, Serialize)]
struct Link {
    name: String,
    up: bool,
    addresses: Vec<String>,
}

impl Shown {
    pub(crate) fn new(detail: &Detail) -> Self {
        let resources = detail
            .summary
            .config
            .as_ref()
            .ok()
            .map(|config| &config.resources);
        Self {
            ve: Ve::new(&detail.summary),
            health_unknown: detail.health_unknown.clone(),
            first_host_id: detail.first_host_id,
            directory: detail.area.display().to_string(),
            limits: resources.map_or_else(Limits::default, |wanted| Limits {
                ram_bytes: wanted.ram.map(|ram| ram.get()),
                swap_bytes: wanted.swap.map(|swap| swap.get()),
                cpus: wanted.cpus.map(|cpus| cpus.get()),
                cpuunits: wanted.cpuunits.map(|units| units.get()),
                cpulimit_percent: wanted.cpulimit.map(|percent| percent.get()),
                processes: wanted.processes.map(|processes| processes.get()),
            }),
            settings: settings(detail),
            settings_of_this_run: settings_of_this_run(detail),
            devices: detail.summary.config.as_ref().ok().map(|config| {
                let devices = config.devices.iter();
                devices.map(ToString::to_string).collect()
            }),
            mounts: detail.summary.config.as_ref().ok().map(|config| {
                let mounts = config.storage.mounts.iter();
                mounts.map(ToString::to_string).collect()
            }),
            kernel: detail
                .kernel
                .as_ref()
                .map(|kernel| Kernel::new(detail, kernel)),
            refusals: detail.refusals.iter().map(Refused::new).collect(),
            traffic: detail.traffic.as_ref().map(Traffic::new),
            links: detail
                .links
                .iter()
                .map(|link| Link {
                    name: link.name.clone(),
                    up: link.up,
                    addresses: link.addresses.iter().map(ToString::to_string).collect(),
                })
                .collect(),
        }
    }
}

impl Kernel {
    fn new(detail: &Detail, kernel: &veld_supervisor::Limits) -> Self {
        Self {
            memory_limit_bytes: kernel.memory,
            memory_used_bytes: kernel.memory_used,
            memory_cache_bytes: kernel.memory_cache,
            memory_min_bytes: kernel.memory_min,
            memory_low_bytes: kernel.memory_low,
            memory_high_bytes: kernel.memory_high,
            swap_limit_bytes: kernel.swap,
            swap_used_bytes: kernel.swap_used,
            swap_high_bytes: kernel.swap_high,
            cpus: kernel.cpus,
            cpu_numbers: kernel.cpu_list.clone(),
            cpu_units: kernel.cpu_units,
            cpu_quota_percent: kernel.cpu_quota_percent,
            processes_limit: kernel.processes,
            processes: kernel.processes_now,
            io_weight: kernel.io_weight,
            io_limit_bytes_per_second: kernel.io_bytes,
            io_limit_operations_per_second: kernel.io_operations,
            huge_pages_limit_bytes: kernel.huge_pages,
            oom_score_adj: detail.oom_score_adj,
            tables: detail.tables.clone(),
        }
    }
}

fn settings(detail: &Detail) -> BTreeMap<&'static str, String> {
    let config = detail.summary.config.as_ref().ok();
    let keys = config.into_iter().flat_map(|config| {
        Key::all().filter_map(move |key| Some((key.word(), key.said_by(config)?)))
    });
    keys.collect()
}

fn settings_of_this_run(detail: &Detail) -> BTreeMap<&'static str, Option<String>> {
    let this_run = detail.this_run.iter();
    let keys = this_run.flat_map(|(keys, config)| {
        keys.iter()
            .map(move |key| (key.word(), key.said_by(config)))
    });
    keys.collect()
}

/// Prints a value and a newline.
pub(crate) fn print(value: &impl Serialize) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|cause| Failure::new("write JSON", std::io::Error::from(cause)))?;
    output::print(&(text + "\n"))
}

/// Seconds since 1970.
/// A moment in seconds since 1970.
pub(crate) fn seconds(stamp: Stamp) -> f64 {
    // Exact to a microsecond for the next thousand years.
    let whole = u32::try_from(stamp.seconds).unwrap_or(u32::MAX);
    f64::from(whole) + f64::from(stamp.nanos) / 1e9
}

/// How long ago a moment was: the two largest units of it.
pub(crate) fn uptime(since: &Stamp) -> String {
    let seconds = Stamp::now().seconds.saturating_sub(since.seconds);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests;
