//! How VEs are connected: what is set, or in force where one runs, and what has gone
//! over their links.

use std::collections::BTreeMap;

use veld_config::{Slot, VeName};
use veld_network::{Counters, all_counters, counters};
use veld_state::glance;

use super::NetPlan;
use crate::error::{Error, Source, chain};
use crate::host::Host;
use crate::set::in_force;
use crate::ve::Ve;

/// How a VE is connected.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its name.
    pub name: VeName,
    /// Whether it runs: then the plan is in force, else it is that of the next start.
    pub is_running: bool,
    /// What is set.
    pub plan: NetPlan,
    /// What went over those interfaces that have an end on the host, as the VE counts.
    pub counters: BTreeMap<Slot, Counters>,
}

/// How each VE is connected, by name, and why it is not known of some.
///
/// # Errors
/// The VEs cannot be listed.
pub fn connections(host: &Host) -> Result<(Vec<Connection>, Vec<Error>), Error> {
    let links = all_counters(&host.config().network.link_prefix).unwrap_or_default();
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for ve in host.ves()? {
        match of(&ve, |link| links.get(link).copied()) {
            Ok(connection) => found.push(connection),
            // It was destroyed since it was listed.
            Err(_) if !ve.area.exists() => {}
            Err(source) => wrong.push(Error::action(&ve.name, "inspect", source)),
        }
    }
    Ok((found, wrong))
}

/// How a VE is connected.
///
/// # Errors
/// Its config or its number makes no sense, or there is no such VE.
pub fn connection(ve: &Ve<'_>) -> Result<Connection, Error> {
    ve.must_be_there()?;
    let counted = |link: &str| {
        counters(link).unwrap_or_else(|error| {
            tracing::debug!(ve = %ve.name, error = chain(&error));
            None
        })
    };
    of(ve, counted).map_err(|source| Error::action(&ve.name, "inspect", source))
}

/// By what `counted` says of links of the host's.
fn of(ve: &Ve<'_>, counted: impl Fn(&str) -> Option<Counters>) -> Result<Connection, Source> {
    let is_running = glance(&ve.run).is_some();
    let config = if is_running {
        in_force(ve)?
    } else {
        ve.config()?
    };
    let plan = NetPlan::new(&config, ve.host.config(), ve.id()?);
    let counters = plan
        .interfaces
        .iter()
        .filter_map(|interface| Some((interface.slot, counted(&interface.host_name)?)));
    Ok(Connection {
        name: ve.name.clone(),
        is_running,
        counters: counters.collect(),
        plan,
    })
}
