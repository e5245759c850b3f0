//! The network of a VE: what it is to be, making it so at a start, changing it while
//! the VE runs, and taking away what a run leaves.
//!
//! ```text
//! config ──> NetPlan ──connect──> the kernel ──change──> … ──disconnect──> nothing
//! ```
//!
//! All of a plan follows from the config and the VE's number: names on the host,
//! MAC addresses, names of chains. So what is in the kernel can be taken away, or put
//! right, by whoever knows the name of the VE.

pub(crate) mod addresses;
mod guards;
mod inspect;
mod links;
pub(crate) mod names;
mod neighbours;
pub(crate) mod nics;
mod plan;
mod rates;
mod rules;
mod traffic;

use std::os::fd::{AsFd, BorrowedFd};

use veld_network::Rules;
use veld_state::Running;

use crate::error::{Source, chain};
use crate::host::Host;
use crate::undo::Undo;
use crate::ve::Ve;
pub use inspect::{Connection, connection, connections};
pub(crate) use plan::host_name;
pub use plan::{InterfacePlan, NetPlan};
pub use rules::{RulesPlan, repair};
pub use traffic::account;
pub(crate) use traffic::{account_now, moved};

/// Connects a VE that has not begun to run, in the network namespace `guest`.
pub(crate) fn connect<'a>(
    ve: &'a Ve<'a>,
    plan: &'a NetPlan,
    guest: BorrowedFd<'_>,
    undo: &mut Undo<'a>,
    warnings: &mut Vec<String>,
) -> Result<(), Source> {
    plan.rules.check()?;
    if plan.interfaces.is_empty() {
        return Ok(veld_network::loopback_up(guest)?);
    }
    warnings.extend(prepare_host(ve.host, plan)?);
    // Before it is routed: then it is the VE's for whoever asks.
    addresses::claim(ve, &plan.addresses())?;
    let answered = addresses::must_be_vacant(ve, None, plan)?;
    links::attach(ve, plan, guest, undo, warnings)?;
    undo.push(|| rates::remove(ve, plan.id));
    traffic::begin(ve, plan, warnings)?;
    ve.step("admit to rules");
    rules::admit(ve.host, plan, undo)?;
    undo.push(|| neighbours::answer(ve, None));
    neighbours::note(ve, &answered)?;
    neighbours::answer(ve, Some(plan))?;
    warnings.extend(neighbours::announce(guest, None, plan));
    names::tell(ve, plan)
}

/// Makes a VE that runs be connected as `new` says, which was as `old` says. May be
/// called where some of it is so already, as after one that was killed.
pub(crate) fn change(
    ve: &Ve<'_>,
    running: &Running,
    old: &NetPlan,
    new: &NetPlan,
) -> Result<Vec<String>, Source> {
    if old == new {
        return Ok(Vec::new());
    }
    new.rules.check()?;
    ve.step("change network");
    let pid = running.record.init.pid;
    let guest = veld_namespaces::open(pid, "net", running.init.as_fd())?;
    let mut warnings = Vec::new();
    if !new.interfaces.is_empty() {
        warnings.extend(prepare_host(ve.host, new)?);
    }
    let answered = addresses::must_be_vacant(ve, Some(old), new)?;
    neighbours::note(ve, &answered)?;
    let before = traffic::links(old)?;
    let mut of_links = Vec::new();
    rules::change(ve.host, old, new, || {
        let plans = [&old.without_rates(), &new.without_rates()];
        links::change(ve, guest.as_fd(), plans, &mut of_links)
    })?;
    warnings.append(&mut of_links);
    let started = running.record.started;
    warnings.extend(traffic::look(ve, new, started, &before)?);
    neighbours::answer(ve, Some(new))?;
    warnings.extend(neighbours::announce(guest.as_fd(), Some(old), new));
    names::tell(ve, new)?;
    Ok(warnings)
}

/// Takes away what the run of a VE that has ended has left of its network.
///
/// The kernel takes links away with the VE's namespace, unless somebody keeps that; this
/// is for the rest.
pub(crate) fn disconnect(ve: &Ve<'_>) -> Result<(), Source> {
    if traffic::is_said(ve) {
        traffic::close(ve);
        rates::remove(ve, ve.id()?)?;
    }
    nics::give_all_back(ve)?;
    let plans = rules::plans(ve);
    plans.iter().try_for_each(links::forget)?;
    rules::withdraw(&plans)?;
    neighbours::answer(ve, None)?;
    names::withdraw(ve)
}

/// What all VEs need of the host; warnings where it cannot have all of it.
fn prepare_host(host: &Host, plan: &NetPlan) -> Result<Vec<String>, Source> {
    match veld_network::ensure_host(&plan.host) {
        Ok(Rules::Kept) => Ok(Vec::new()),
        // At the first start, or after somebody has flushed them.
        Ok(Rules::Loaded) => Ok(rules::rebuild(host)?.1),
        Err(error @ veld_network::Error::NoNftables(_)) if plan.rules.guest.is_empty() => {
            Ok(vec![format!(
                "{}: addresses are neither checked nor masqueraded",
                chain(&error)
            )])
        }
        Err(error @ veld_network::Error::NoNftables(_)) => Err(Source::Refused(format!(
            "{}: without it no port is published, no policy holds and no group is isolated",
            chain(&error)
        ))),
        Err(error) => Err(error.into()),
    }
}
