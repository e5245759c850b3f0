//! What running VEs use: one look at all of them, with no lock and no wait.
//!
//! Counters are absolute and begin with the VE's start, so whoever wants to know how
//! much was used in a while looks twice: see [`Rates`].

mod rates;

use std::collections::BTreeMap;
use std::time::Instant;

use veld_cgroups::Usage;
use veld_config::{VeId, VeName};
use veld_network::{Counters, all_counters};
use veld_protocol::stamp::Stamp;
use veld_state::{Account, glance};
use veld_storage::Usage as DiskUsage;

pub use rates::Rates;
pub(crate) use rates::per_second;

use crate::disk;
use crate::error::Error;
use crate::host::Host;
use crate::inspect::{Phase, phase};
use crate::net::account_now;
use crate::ve::Ve;

/// A running VE at one moment.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its name.
    pub name: VeName,
    /// Its number, where it can be read.
    pub id: Option<u32>,
    /// What it is doing.
    pub phase: Phase,
    /// PID 1 as the host numbers it.
    pub init_pid: i32,
    /// When it was started.
    pub started: Stamp,
    /// When this was read.
    pub at: Stamp,
    /// The same by a clock that nobody sets.
    pub clock: Instant,
    /// What it uses of the host.
    pub usage: Usage,
    /// What it has on disk, as far as somebody counts it.
    pub disk: DiskUsage,
    /// What went over its link, if it has one.
    pub network: Option<Counters>,
    /// The same this month, and since it was created.
    pub traffic: Option<Account>,
}

/// Looks at those of `ves` that run.
///
/// The counters of all links are asked for at once; where the kernel does not tell
/// them, none are known.
///
/// # Errors
/// The host has no cgroups.
pub fn sample(host: &Host, ves: &[Ve<'_>]) -> Result<Vec<Sample>, Error> {
    let cgroups = host.cgroups();
    cgroups.map_err(|error| Error::action("VEs", "measure", error))?;
    let links = all_counters(&host.config().network.link_prefix).unwrap_or_default();
    let mut buffer = Vec::new();
    let samples = ves.iter().filter_map(|ve| {
        let running = glance(&ve.run)?;
        let id = ve.id().ok();
        let usage = ve.group().ok()?.usage(&mut buffer);
        let network = id.and_then(|id| of_all_links(ve, id, &links));
        let started = running.record.started;
        Some(Sample {
            name: ve.name.clone(),
            id: id.map(VeId::get),
            phase: phase(ve, &running).0,
            init_pid: running.record.init.pid,
            started,
            at: Stamp::now(),
            clock: Instant::now(),
            usage,
            disk: disk::usage(ve).unwrap_or_default(),
            network,
            traffic: account_now(ve, Some((started, network.unwrap_or_default()))),
        })
    });
    Ok(samples.collect())
}

/// What went over all links of a VE; nothing where it has none.
fn of_all_links(ve: &Ve<'_>, id: VeId, links: &BTreeMap<String, Counters>) -> Option<Counters> {
    let all = ve.links(id).filter_map(|name| links.get(&name).copied());
    all.reduce(|all, link| all + link)
}

/// All memory of the host, in bytes: what a VE without a limit may use.
#[must_use]
pub fn host_memory() -> Option<u64> {
    veld_kernfs::memory_total().ok()
}

impl Sample {
    /// How much memory it may use: its limit, or what the host has if that is less.
    #[must_use]
    pub fn memory_at_most(&self, host_memory: Option<u64>) -> Option<u64> {
        let limits = self.usage.memory.limit.into_iter().chain(host_memory);
        limits.min()
    }
}
