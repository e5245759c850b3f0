//! What neighbours on the host's networks are told of a VE's addresses.
//!
//! A routed address out of a network that the host is in is answered for by the host, on
//! the link that it is in: for as long as the VE runs, and by a note in the run directory
//! that is written before, so that whoever sweeps knows where. An interface that is on a
//! network itself answers for itself. Either is announced, for it may have been elsewhere
//! before.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use veld_config::Mode;
use veld_durable::Life;

use super::NetPlan;
use super::addresses::OnLink;
use crate::error::{Source, chain};
use crate::ve::Ve;

/// Notes that the host is going to answer for these.
pub(super) fn note(ve: &Ve<'_>, new: &[OnLink]) -> Result<(), Source> {
    if new.is_empty() {
        return Ok(());
    }
    let mut all = noted(ve);
    all.retain(|(address, _)| new.iter().all(|(it, _)| it != address));
    all.extend(new.iter().cloned());
    write(ve, &all)
}

/// Has the host answer for those that were noted and that a plan has, and for no others;
/// without a plan for none.
pub(super) fn answer(ve: &Ve<'_>, plan: Option<&NetPlan>) -> Result<(), Source> {
    let noted = noted(ve);
    if noted.is_empty() {
        return Ok(());
    }
    let routed: Vec<IpAddr> = plan.into_iter().flat_map(routed).collect();
    let (keep, drop): (Vec<_>, Vec<_>) = noted
        .into_iter()
        .partition(|(address, _)| routed.contains(address));
    for (address, link) in &keep {
        ve.step("answer for an address");
        veld_network::answer_for(*address, link)?;
        veld_network::announce(*address, link)?;
    }
    for (address, link) in &drop {
        ve.step("stop answering for an address");
        veld_network::stop_answering_for(*address, link)?;
    }
    if drop.is_empty() {
        return Ok(());
    }
    write(ve, &keep)
}

/// Tells the neighbours of interfaces that are on a network themselves where they are,
/// from inside; what could not be told.
pub(super) fn announce(guest: BorrowedFd<'_>, old: Option<&NetPlan>, new: &NetPlan) -> Vec<String> {
    let mut warnings = Vec::new();
    for interface in &new.interfaces {
        let is_old = old.and_then(|old| old.interface(interface.slot)) == Some(interface);
        if is_old || interface.set.mode == Mode::Routed {
            continue;
        }
        for address in interface.set.addresses() {
            let told = veld_network::announce_inside(guest, address.ip(), &interface.guest_name());
            warnings.extend(told.err().map(|error| chain(&error)));
        }
    }
    warnings
}

fn routed(plan: &NetPlan) -> impl Iterator<Item = IpAddr> {
    let routed = plan.interfaces.iter();
    let routed = routed.filter(|interface| interface.set.mode == Mode::Routed);
    let addresses = routed.flat_map(|interface| interface.set.addresses());
    addresses.map(|network| network.ip())
}

fn noted(ve: &Ve<'_>) -> Vec<OnLink> {
    let text = std::fs::read_to_string(ve.run.answered()).unwrap_or_default();
    let note = |line: &str| {
        let (address, link) = line.split_once(' ')?;
        Some((address.parse().ok()?, link.to_owned()))
    };
    text.lines().filter_map(note).collect()
}

fn write(ve: &Ve<'_>, noted: &[OnLink]) -> Result<(), Source> {
    let lines: String = noted
        .iter()
        .map(|(address, link)| format!("{address} {link}\n"))
        .collect();
    let file = ve.run.answered();
    Ok(veld_durable::replace(
        &file,
        lines.as_bytes(),
        Life::Volatile,
    )?)
}
