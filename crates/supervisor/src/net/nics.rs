//! Links of the host's that a VE has as long as it runs.
//!
//! What each was is said in the run directory before it is moved, and until it is
//! back. While the VE runs its namespace can be entered; once it has ended, whoever
//! saw it end holds the namespace. Where nobody does, since the shim was killed, the
//! kernel has brought hardware back, under another name.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use veld_config::Slot;
use veld_network::{Error, Nic};
use veld_state::Running;

use crate::error::Source;
use crate::ve::Ve;

/// How long the kernel may take to come to a namespace whose last process is dead.
const CLEANUP: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(10);

/// A link that the VE has, and which of its interfaces it is.
type Noted = (Slot, Nic);

/// Notes what a link is that is about to become an interface.
pub(super) fn note(ve: &Ve<'_>, slot: Slot, name: &str) -> Result<(), Source> {
    let mut all = noted(ve)?;
    all.retain(|(other, _)| *other != slot);
    all.push((slot, veld_network::nic(name)?));
    ve.step("note link of the host");
    say(ve, &all)
}

/// Whether the VE has the link of this interface already.
pub(super) fn has(
    ve: &Ve<'_>,
    slot: Slot,
    guest: BorrowedFd<'_>,
    name: &str,
) -> Result<bool, Source> {
    let all = noted(ve)?;
    let Some((_, nic)) = all.iter().find(|(other, _)| *other == slot) else {
        return Ok(false);
    };
    Ok(veld_network::is_inside(guest, nic, name)?)
}

/// Gives the host back the link of an interface that the VE calls `name`, if it is
/// noted; `guest` is the VE's namespace, where anybody has it. What has not come back, if
/// anything: it is looked for again when the VE has ended.
pub(super) fn give_back(
    ve: &Ve<'_>,
    slot: Slot,
    guest: Option<BorrowedFd<'_>>,
    name: &str,
) -> Result<Option<String>, Source> {
    let mut all = noted(ve)?;
    let Some(at) = all.iter().position(|(other, _)| *other == slot) else {
        return Ok(None);
    };
    let (_, nic) = all.remove(at);
    ve.step("give link back to the host");
    let back = take_back(ve, &nic, guest, name);
    // One whose name is another's by now is back as well, and not to be looked for again.
    if let Ok(true) | Err(Source::Network(Error::LinkExists { .. })) = back {
        say(ve, &all)?;
    }
    Ok((!back?).then_some(nic.name))
}

fn take_back(
    ve: &Ve<'_>,
    nic: &Nic,
    guest: Option<BorrowedFd<'_>>,
    name: &str,
) -> Result<bool, Source> {
    if let Some(guest) = guest
        && veld_network::release(guest, nic, name)?
    {
        return Ok(true);
    }
    find(ve, nic)
}

/// Gives the host back all that the VE has, which has ended.
pub(super) fn give_all_back(ve: &Ve<'_>) -> Result<(), Source> {
    let guest = ve.take_network();
    let guest = guest.as_ref().map(AsFd::as_fd);
    for (slot, _) in noted(ve)? {
        // What it was called inside helps only where the namespace is there still.
        let name = name_inside(ve, slot);
        give_back(ve, slot, guest, &name)?;
    }
    Ok(())
}

/// Holds the namespace of a VE that is about to end, if it has a link of the host's.
pub(crate) fn hold(ve: &Ve<'_>, running: &Running) {
    if !has_any(ve) {
        return;
    }
    // One whose PID 1 is dead by now cannot be entered.
    let opened = veld_namespaces::open(running.record.init.pid, "net", running.init.as_fd());
    if let Ok(namespace) = opened {
        ve.hold_network(namespace);
    }
}

/// Whether the VE has a link of the host's.
pub(crate) fn has_any(ve: &Ve<'_>) -> bool {
    matches!(ve.run.nics(), Ok(lines) if !lines.is_empty())
}

/// Waits until the kernel has brought a link back, and whether it has. A virtual one is
/// gone, and so may be one that somebody has pulled out; or a VE that runs has it in a
/// namespace of its own making.
fn find(ve: &Ve<'_>, nic: &Nic) -> Result<bool, Source> {
    let deadline = Instant::now() + CLEANUP;
    while !veld_network::recover(nic)? {
        if !nic.is_hardware() || Instant::now() >= deadline {
            tracing::warn!(ve = %ve.name, "link {} has not come back", nic.name);
            return Ok(false);
        }
        std::thread::sleep(POLL);
    }
    Ok(true)
}

fn name_inside(ve: &Ve<'_>, slot: Slot) -> String {
    let config = crate::set::in_force(ve).ok();
    let mut interfaces = config.iter().flat_map(|config| config.network.interfaces());
    let found = interfaces.find(|(other, _)| *other == slot);
    found.map_or_else(|| slot.to_string(), |(slot, it)| it.name_inside(slot))
}

fn noted(ve: &Ve<'_>) -> Result<Vec<Noted>, Source> {
    let lines = ve.run.nics()?;
    // What is no note is nothing that could be acted on.
    let parse = |line: &String| {
        let (slot, nic) = line.split_once(' ')?;
        Some((slot.parse().ok()?, nic.parse().ok()?))
    };
    Ok(lines.iter().filter_map(parse).collect())
}

fn say(ve: &Ve<'_>, all: &[Noted]) -> Result<(), Source> {
    let lines: Vec<String> = all
        .iter()
        .map(|(slot, nic)| format!("{slot} {nic}"))
        .collect();
    Ok(ve.run.say_nics(&lines)?)
}
