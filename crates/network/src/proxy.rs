//! Answering on a link for an address that is routed to a guest: the guest's address
//! is one of that link's network, and the neighbours there take it for a neighbour.
//! (OpenVZ's venet did this with all addresses.)
//!
//! What the host answers is the MAC address of its own link, and what comes there is
//! forwarded. Left to itself, the kernel lets a random part of 0.8 seconds pass before
//! it answers in another's name, so that several who do can take turns. Here one does,
//! and who looks for a duplicate does not wait that long: the link is told to answer
//! at once.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::Path;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourMessage};
use rustix::io::Errno;
use veld_sys::Context;

use crate::link::open_host;
use crate::{Error, message, name};

/// Has the host answer on `link` for `address`; that it does already is fine. The
/// host must forward, which [`ensure_host`](crate::ensure_host) sees to.
///
/// # Errors
/// [`Error::BadName`]; [`Error::Failed`] with address and link: ENODEV where there is
/// no such link.
///
/// # Kernel
/// arp(7), `proxy_delay` in hundredths of a second; `RTM_NEWNEIGH` with `NTF_PROXY` of
/// rtnetlink(7); `proxy_ndp` of ip-sysctl.rst, without which such entries for IPv6 count
/// for nothing.
pub fn answer_for(address: IpAddr, link: &str) -> Result<(), Error> {
    name::check_link(link)?;
    let what = || format!("answer for {address} on link {link}");
    let mut host = open_host()?;
    let index = host.index(link).context(what)?;
    if address.is_ipv6() {
        ensure(&format!("/proc/sys/net/ipv6/conf/{link}/proxy_ndp"), 1)?;
        ensure(&format!("/proc/sys/net/ipv6/neigh/{link}/proxy_delay"), 0)?;
    } else {
        ensure(&format!("/proc/sys/net/ipv4/neigh/{link}/proxy_delay"), 0)?;
    }
    let entry = RouteNetlinkMessage::NewNeighbour(entry(index, address));
    Ok(host
        .change("answer for address", entry, NLM_F_CREATE)
        .context(what)?)
}

/// Takes [`answer_for`] back; that it does not answer, or has no such link, is fine.
///
/// # Errors
/// [`Error::BadName`]; [`Error::Failed`] with address and link.
pub fn stop_answering_for(address: IpAddr, link: &str) -> Result<(), Error> {
    name::check_link(link)?;
    let what = || format!("stop answering for {address} on link {link}");
    let mut host = open_host()?;
    let index = match host.index(link) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => return Ok(()),
        result => result.context(what)?,
    };
    let entry = RouteNetlinkMessage::DelNeighbour(entry(index, address));
    match host.change("stop answering for address", entry, 0) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => Ok(result.context(what)?),
    }
}

/// Sets a switch of a link that is set otherwise.
fn ensure(path: &str, value: u32) -> Result<(), Error> {
    let path = Path::new(path);
    if veld_kernfs::read(path)? != value.to_string() {
        veld_kernfs::write(path, value)?;
    }
    Ok(())
}

fn entry(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut entry = NeighbourMessage::default();
    entry.header.family = message::family(address);
    entry.header.ifindex = index;
    entry.header.flags = NeighbourFlags::Proxy;
    entry.attributes = vec![NeighbourAttribute::Destination(address.into())];
    entry
}
