//! Looking at VEs: no lock, no change, no wait for any of them.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use veld_cgroups::Effective;
use veld_config::{VeConfig, VeName};
use veld_network::ObservedLink;
use veld_protocol::ending::Ended;
use veld_protocol::stamp::Stamp;
use veld_state::{Observed, Running, ended};

use crate::error::{Error, chain};
use crate::host::Host;
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
    /// Its config, or what is wrong with it.
    pub config: Result<VeConfig, String>,
}

impl Summary {
    /// The addresses of its config.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        self.config
            .as_ref()
            .map_or(&[], |config| &config.network.ip)
    }
}

/// A VE in full.
#[derive(Debug, Clone)]
pub struct Detail {
    /// What fits in a line.
    pub summary: Summary,
    /// Limits and use, as the kernel has them; none where it does not run.
    pub kernel: Option<Limits>,
    /// Links and addresses that it really has.
    pub links: Vec<ObservedLink>,
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
    let mut summary = Summary {
        name: ve.name.clone(),
        id: ve.area.id().ok(),
        phase: Phase::Stopped,
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
        config: ve.config().map_err(|error| chain(&error)),
    };
    match ve.observe() {
        Observed::Running(running) => describe(&running, &mut summary),
        Observed::Stopped(stopped) => {
            summary.ended = stopped.ended;
            summary.failure = stopped.failure;
            if let Some(restarting) = stopped.restarting {
                summary.phase = Phase::Restarting;
                summary.restart_due = Some(restarting.due);
                summary.restarts = restarting.restarts;
                summary.shim_pid = Some(restarting.shim.pid);
            }
        }
    }
    summary
}

fn describe(running: &Running, summary: &mut Summary) {
    summary.phase = match (running.stopping, running.ready) {
        (true, _) => Phase::Stopping,
        (false, Some(_)) => Phase::Up,
        (false, None) => Phase::Booting,
    };
    summary.watched = running.shim.is_some();
    summary.pid = Some(running.record.init.pid);
    summary.shim_pid = running.shim.as_ref().map(|_| running.record.shim.pid);
    summary.started = Some(running.record.started);
    summary.restarts = running.record.restarts;
    summary.ready = running.ready;
    summary.status.clone_from(&running.status);
}

/// Looks at one VE closely.
///
/// # Errors
/// Where the kernel does not tell the limits of a VE that runs.
pub fn detail(ve: &Ve<'_>) -> Result<Detail, Error> {
    let summary = summary(ve);
    let mut detail = Detail {
        kernel: None,
        links: Vec::new(),
        first_host_id: ve.ids().ok().map(veld_namespaces::IdRange::first),
        area: ve.area.path(),
        summary,
    };
    if let Observed::Running(running) = ve.observe() {
        let effective = ve.group().and_then(|group| group.effective());
        detail.kernel = match effective {
            // It ended while it was looked at.
            Err(_) if ended(running.init.as_fd(), Duration::ZERO).unwrap_or(true) => None,
            result => Some(result.map_err(|error| Error::action(&ve.name, "show", error))?),
        };
        let namespace = veld_namespaces::open(running.record.init.pid, "net", running.init.as_fd());
        let observed = namespace
            .ok()
            .and_then(|netns| veld_network::observe(netns.as_fd()).ok());
        detail.links = observed.map(|observed| observed.links).unwrap_or_default();
    }
    Ok(detail)
}
