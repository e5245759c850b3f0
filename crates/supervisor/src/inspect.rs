//! Looking at VEs: no lock, no change, and no wait for any of them, but for the
//! answer of the one that is looked at closely.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use veld_cgroups::Effective;
use veld_config::{Key, VeConfig, VeName};
use veld_network::ObservedLink;
use veld_protocol::ending::Ended;
use veld_protocol::init::Found;
use veld_protocol::stamp::Stamp;
use veld_state::{Account, Observed, Running, ended};
use veld_storage::Usage as DiskUsage;

use crate::disk;
use crate::error::{Error, chain};
use crate::health::{Health, health};
use crate::host::Host;
use crate::net::{account_now, moved};
use crate::refusals::{self, Refusals};
use crate::set::{in_force, keys_of_this_run, settle};
use crate::tuning::held_tables;
use crate::ve::Ve;

/// What a VE is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It does not run.
    Stopped,
    /// Its services are coming up.
    Booting,
    /// Its services are up.
    Up,
    /// Its services are up, but for some that do not run as they should.
    Degraded,
    /// All of it stands still until it is resumed.
    Paused,
    /// It is going down.
    Stopping,
    /// It does not run, and waits to be started again.
    Restarting,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Phase::Stopped => "stopped",
            Phase::Booting => "booting",
            Phase::Up => "up",
            Phase::Degraded => "degraded",
            Phase::Paused => "paused",
            Phase::Stopping => "stopping",
            Phase::Restarting => "restarting",
        }
    }
}

/// A VE in a line.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its name.
    pub name: VeName,
    /// Its number, where it can be read.
    pub id: Option<u32>,
    /// What it is doing.
    pub phase: Phase,
    /// Since when it is doing that, where that is known.
    pub since: Option<Stamp>,
    /// Services that do not run as they should, as far as files tell.
    pub failed: Vec<String>,
    /// Which init it has, once that is known.
    pub init: Option<Found>,
    /// Whether its shim lives; true for one that is stopped.
    pub watched: bool,
    /// PID 1 as the host numbers it.
    pub pid: Option<i32>,
    /// The shim.
    pub shim_pid: Option<i32>,
    /// When it was started.
    pub started: Option<Stamp>,
    /// When its services were up.
    pub ready: Option<Stamp>,
    /// What it last said that it is doing.
    pub status: Option<String>,
    /// How the last run ended.
    pub ended: Option<Ended>,
    /// Why its last start failed.
    pub failure: Option<String>,
    /// Until when it waits to be started again.
    pub restart_due: Option<Stamp>,
    /// The how manyeth start in a row this is, or the next one, after ends that
    /// came soon.
    pub restarts: u32,
    /// How many snapshots of it there are.
    pub snapshots: usize,
    /// What it has on disk, as far as somebody counts it.
    pub disk: DiskUsage,
    /// Its config, or what is wrong with it.
    pub config: Result<VeConfig, String>,
}

impl Summary {
    /// The addresses of its config.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let interfaces = self.config.iter().flat_map(|it| it.network.interfaces());
        let all = interfaces.flat_map(|(_, interface)| interface.addresses());
        all.map(|network| network.ip()).collect()
    }
}

/// A VE in full.
#[derive(Debug, Clone)]
pub struct Detail {
    /// What fits in a line, and what the VE had to say about its services.
    pub summary: Summary,
    /// Why it is not known whether all services run as they should.
    pub health_unknown: Option<String>,
    /// Limits and use, as the kernel has them; none where it does not run.
    pub kernel: Option<Limits>,
    /// What is added to the badness of PID 1; none where it does not run.
    pub oom_score_adj: Option<i32>,
    /// How far users may fill those tables of the kernel that a setting limits.
    pub tables: BTreeMap<&'static str, u32>,
    /// The keys that were set for this run alone, and the config with them.
    pub this_run: Option<(Vec<Key>, VeConfig)>,
    /// What limits have refused.
    pub refusals: Vec<Refusals>,
    /// Links and addresses that it really has.
    pub links: Vec<ObservedLink>,
    /// What it has moved over its links; none where that cannot be read.
    pub traffic: Option<Account>,
    /// The first of its host ids.
    pub first_host_id: Option<u32>,
    /// Where its own files are.
    pub area: std::path::PathBuf,
}

/// Limits and use of a running VE.
pub type Limits = Effective;

/// All VEs, by name.
///
/// # Errors
/// Where the directory of VEs cannot be read.
pub fn all(host: &Host) -> Result<Vec<Summary>, Error> {
    Ok(host.ves()?.iter().map(summary).collect())
}

/// Looks at one VE.
#[must_use]
pub fn summary(ve: &Ve<'_>) -> Summary {
    summary_of(ve, &ve.observe())
}

fn summary_of(ve: &Ve<'_>, observed: &Observed) -> Summary {
    let mut summary = Summary {
        name: ve.name.clone(),
        id: ve.area.id().ok(),
        phase: Phase::Stopped,
        since: None,
        failed: Vec::new(),
        init: None,
        watched: true,
        pid: None,
        shim_pid: None,
        started: None,
        ready: None,
        status: None,
        ended: None,
        failure: None,
        restart_due: None,
        restarts: 0,
        snapshots: ve.area.snapshot_ids().map_or(0, |ids| ids.len()),
        disk: disk::usage(ve).unwrap_or_default(),
        config: ve.config().map_err(|error| chain(&error)),
    };
    match observed {
        Observed::Running(running) => {
            (summary.phase, summary.since) = phase(ve, running);
            describe(running, &mut summary);
        }
        Observed::Stopped(stopped) => {
            summary.since = stopped.ended.map(|ended| ended.at);
            summary.ended = stopped.ended;
            summary.failure.clone_from(&stopped.failure);
            if let Some(restarting) = &stopped.restarting {
                summary.phase = Phase::Restarting;
                summary.restart_due = Some(restarting.due);
                summary.restarts = restarting.restarts;
                summary.shim_pid = Some(restarting.shim.pid);
            }
        }
    }
    summary
}

/// What a VE that runs is doing, and since when, as far as files tell.
pub(crate) fn phase(ve: &Ve<'_>, running: &Running) -> (Phase, Option<Stamp>) {
    // Only of one that is said to be: a list asks the kernel for no other.
    if running.paused.is_some() && ve.group().is_ok_and(|group| group.is_frozen()) {
        return (Phase::Paused, running.paused);
    }
    match (running.stopping, running.ready) {
        (true, _) => (Phase::Stopping, running.stopping_since),
        (false, None) => (Phase::Booting, Some(running.record.started)),
        (false, ready) if running.failed.is_empty() => (Phase::Up, ready),
        // What failed while the services were coming up has failed since then.
        (false, ready) => (Phase::Degraded, running.failed_since.max(ready)),
    }
}

fn describe(running: &Running, summary: &mut Summary) {
    summary.failed.clone_from(&running.failed);
    summary.init = running.found;
    summary.watched = running.shim.is_some();
    summary.pid = Some(running.record.init.pid);
    summary.shim_pid = running.shim.as_ref().map(|_| running.record.shim.pid);
    summary.started = Some(running.record.started);
    summary.restarts = running.record.restarts;
    summary.ready = running.ready;
    summary.status.clone_from(&running.status);
}

/// Since when a service has failed that the VE was asked for, nobody knows.
fn add_health(detail: &mut Detail, health: Health) {
    let summary = &mut detail.summary;
    if summary.phase == Phase::Up && !health.failed.is_empty() {
        (summary.phase, summary.since) = (Phase::Degraded, None);
    }
    summary.failed = health.failed;
    detail.health_unknown = health.unknown;
}

/// What the kernel has beside cgroups; nothing of a VE that is going.
fn add_held(detail: &mut Detail, running: &Running) {
    let file = format!("/proc/{}/oom_score_adj", running.record.init.pid);
    let score = veld_kernfs::read(Path::new(&file)).ok();
    detail.oom_score_adj = score.and_then(|score| score.parse().ok());
    let saved = detail.summary.config.as_ref().ok();
    let of_this_run = detail.this_run.as_ref().map(|(_, config)| config);
    let configs: Vec<&VeConfig> = saved.into_iter().chain(of_this_run).collect();
    detail.tables = held_tables(running, &configs).unwrap_or_default();
}

/// Looks at one VE closely. One that is up is asked for its services, for which
/// it has two seconds.
///
/// # Errors
/// Where the kernel does not tell the limits of a VE that runs.
pub fn detail(ve: &Ve<'_>) -> Result<Detail, Error> {
    settle(ve);
    loop {
        let observed = ve.observe();
        let mut detail = Detail {
            summary: summary_of(ve, &observed),
            health_unknown: None,
            kernel: None,
            oom_score_adj: None,
            tables: BTreeMap::new(),
            this_run: None,
            refusals: Vec::new(),
            links: Vec::new(),
            traffic: account_now(ve, None),
            first_host_id: ve.ids().ok().map(veld_namespaces::IdRange::first),
            area: ve.area.path(),
        };
        let Observed::Running(running) = observed else {
            detail.refusals = refusals::of_last_run(ve);
            return Ok(detail);
        };
        match ve.group().and_then(|group| group.effective()) {
            Ok(effective) => detail.kernel = Some(effective),
            // It has ended since it was looked at: it is to be looked at anew.
            Err(_) if ended(running.init.as_fd(), Duration::ZERO).unwrap_or(false) => continue,
            Err(error) => return Err(Error::action(&ve.name, "show", error)),
        }
        let keys = keys_of_this_run(ve);
        let config = in_force(ve).ok().filter(|_| !keys.is_empty());
        detail.this_run = config.map(|config| (keys, config));
        // One that has just ended is told of all the same, as far as it can be.
        detail.refusals = refusals::now(ve).unwrap_or_else(|_| refusals::of_last_run(ve));
        add_held(&mut detail, &running);
        let namespace = veld_namespaces::open(running.record.init.pid, "net", running.init.as_fd());
        let observed = namespace
            .ok()
            .and_then(|netns| veld_network::observe(netns.as_fd()).ok());
        detail.links = observed.map(|observed| observed.links).unwrap_or_default();
        let moved = ve.id().ok().and_then(|id| moved(ve, id).ok());
        detail.traffic =
            moved.and_then(|moved| account_now(ve, Some((running.record.started, moved))));
        if matches!(detail.summary.phase, Phase::Up | Phase::Degraded) {
            add_health(&mut detail, health(ve, &running));
        }
        if detail.summary.phase == Phase::Paused {
            detail.health_unknown = Some("it is paused".to_owned());
        }
        return Ok(detail);
    }
}
