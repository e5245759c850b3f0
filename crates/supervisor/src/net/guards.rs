//! What keeps VEs on bridges honest, for all VEs together.

use veld_config::HostConfig;
use veld_network::{Interface, Rules};
use veld_state::Observed;

use super::NetPlan;
use super::links::interface;
use crate::error::{Source, chain};
use crate::host::Host;
use crate::set::in_force;
use crate::ve::Ve;

/// Puts in what those VEs may send that run already, where the table was loaded just
/// now: at the first start, or after somebody has flushed it.
pub(super) fn rebuild_if(
    rules: Rules,
    host: &Host,
    warnings: &mut Vec<String>,
) -> Result<(), Source> {
    if rules == Rules::Kept {
        return Ok(());
    }
    let ves = host
        .ves()
        .map_err(|error| Source::Reported(chain(&error)))?;
    for ve in &ves {
        warnings.extend(put_back(ve).err().map(|source| of(ve, &source)));
    }
    Ok(())
}

/// Makes the table hold what the VEs that run may send and nothing else.
pub(super) fn rebuild(host: &Host) -> Result<(), Source> {
    let ves = host
        .ves()
        .map_err(|error| Source::Reported(chain(&error)))?;
    let all: Vec<Interface> = ves.iter().flat_map(of_running).collect();
    let prefix = prefix(host.config());
    Ok(veld_network::guards_again(prefix, all.iter())?)
}

/// Puts in what a VE may send, if it runs.
pub(super) fn put_back(ve: &Ve<'_>) -> Result<(), Source> {
    let prefix = prefix(ve.host.config());
    for interface in of_running(ve) {
        veld_network::guard(prefix, &interface)?;
    }
    Ok(())
}

fn of(ve: &Ve<'_>, source: &Source) -> String {
    format!("{}: {}", ve.name, chain(source))
}

fn prefix(host: &HostConfig) -> &str {
    &host.network.link_prefix
}

/// The interfaces of a VE that runs, by what it was told last.
fn of_running(ve: &Ve<'_>) -> Vec<Interface> {
    let Observed::Running(_) = ve.observe() else {
        return Vec::new();
    };
    let (Ok(config), Ok(id)) = (in_force(ve), ve.id()) else {
        return Vec::new();
    };
    let plan = NetPlan::new(&config, ve.host.config(), id);
    plan.interfaces
        .iter()
        .filter_map(|it| interface(&plan, it, &mut Vec::new()).ok())
        .collect()
}
