//! Setting up a new pair: the host end, then the one inside, then waiting until
//! both work.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressFlags, AddressScope};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::link::{PATIENCE, RoutedLink, is_link_local};
use crate::mac::{GATEWAY, link_local};
use crate::message::{self, LOOPBACK, full_length};
use crate::rtnl::Rtnl;
use crate::stale::{self, InTheWay};
use crate::{Error, settle, uplink};

/// The gateway inside, for IPv4: an address of the host's `lo`.
pub const GATEWAY4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
/// The gateway inside, for IPv6: the link-local address of every host end.
pub(crate) const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;
const SET: u16 = NLM_F_CREATE | NLM_F_REPLACE;

/// Makes a pair into a working link.
pub(crate) fn both_ends(
    host: &mut Rtnl,
    inside: &mut Rtnl,
    link: &RoutedLink,
) -> Result<(), Error> {
    let (outer, inner) = (&link.host_name, &link.guest_name);
    set_up_host_end(host, link)?;
    set_up_inside(inside, link)?;
    wait(
        host,
        outer,
        [GATEWAY6.into()].into_iter().filter(|_| has_ipv6(link)),
    )
    .context(|| format!("wait for link {outer}"))?;
    wait(inside, inner, reachable(link)).context(|| format!("wait for link {inner} inside"))?;
    Ok(())
}

/// Up, then where the guest's addresses are, for good.
///
/// The end inside is still down, so there is no carrier and nothing arrives
/// before all is as it should be.
fn set_up_host_end(host: &mut Rtnl, link: &RoutedLink) -> Result<(), Error> {
    let name = &link.host_name;
    let index = host.index(name).context(|| format!("find link {name}"))?;
    let up = match host.change("set link up", message::up_as_router(index, true), 0) {
        // A host without IPv6, or a link whose MTU is too small for it.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::AFNOSUPPORT) => {
            host.change("set link up", message::up_as_router(index, false), 0)
        }
        result => result,
    };
    up.context(|| format!("take link {name} up"))?;
    if has_ipv6(link) {
        let gateway = IpAddr::V6(GATEWAY6);
        // A whole fe80::/64 here would let the guest take any address of it.
        let flags = AddressFlags::Noprefixroute;
        let message = message::address(index, gateway, 128, AddressScope::Link, flags);
        host.change("add address", message, NEW)
            .context(|| format!("add address {gateway} to link {name}"))?;
    }
    for address in reachable(link) {
        claim(host, index, name, address)?;
        host.change(
            "add neighbour",
            message::neighbour(index, address, link.mac),
            SET,
        )
        .context(|| format!("add neighbour {address} on link {name}"))?;
    }
    Ok(())
}

/// Routes an address to the link unless another has it.
fn claim(host: &mut Rtnl, index: u32, name: &str, address: IpAddr) -> Result<(), Error> {
    let what = || format!("route {address} to link {name}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let error = match host.change("add route", message::host_route(index, address), NEW) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if Errno::from_io_error(&error) != Some(Errno::EXIST) || Instant::now() >= deadline {
            return Err(Failure::new(what(), error).into());
        }
        let Some(holder) = uplink::link_to(host, address).context(what)? else {
            continue;
        };
        let request = message::get_link_numbered(holder);
        if let InTheWay::Live(link) = stale::clear(host, request).context(what)? {
            return Err(Error::AddressTaken { address, link });
        }
    }
}

/// Addresses, up, and the way out.
fn set_up_inside(inside: &mut Rtnl, link: &RoutedLink) -> Result<(), Error> {
    let name = &link.guest_name;
    let index = inside
        .index(name)
        .context(|| format!("find link {name} inside"))?;
    for address in reachable(link) {
        // The kernel would make the same link-local address, and look for its
        // duplicate for a second.
        let (length, scope) = if is_link_local(address) {
            (64, AddressScope::Link)
        } else {
            (full_length(address), AddressScope::Universe)
        };
        let message = message::address(index, address, length, scope, AddressFlags::empty());
        inside
            .change("add address inside", message, NEW)
            .context(|| format!("add address {address} to link {name} inside"))?;
    }
    inside
        .change("set link up inside", message::up(index), 0)
        .context(|| format!("take link {name} up inside"))?;
    if link.addresses.iter().any(IpAddr::is_ipv4) {
        let on_link = message::host_route(index, GATEWAY4.into());
        inside
            .change("add route inside", on_link, NEW)
            .context(|| format!("route {GATEWAY4} to link {name} inside"))?;
        lead_out(inside, index, GATEWAY4.into())?;
    }
    if has_ipv6(link) {
        lead_out(inside, index, GATEWAY6.into())?;
    }
    // Last, so that a failed start leaves the namespace as it was.
    inside
        .change("set lo up inside", message::up(LOOPBACK), 0)
        .context(|| "take link lo up inside")?;
    Ok(())
}

fn lead_out(inside: &mut Rtnl, index: u32, gateway: IpAddr) -> Result<(), Failure> {
    inside
        .change(
            "add neighbour inside",
            message::neighbour(index, gateway, GATEWAY),
            SET,
        )
        .and_then(|()| {
            let route = message::default_route(index, gateway);
            inside.change("add route inside", route, NEW)
        })
        .context(|| format!("make {gateway} the gateway inside"))
}

/// Waits until an end sends and receives.
fn wait(rtnl: &mut Rtnl, name: &str, addresses: impl Iterator<Item = IpAddr>) -> io::Result<()> {
    let index = settle::link(rtnl, name)?;
    addresses
        .filter(IpAddr::is_ipv6)
        .try_for_each(|address| settle::address(rtnl, index, address))
}

fn has_ipv6(link: &RoutedLink) -> bool {
    link.addresses.iter().any(IpAddr::is_ipv6)
}

/// The guest's addresses, with the link-local one that IPv6 needs besides.
fn reachable(link: &RoutedLink) -> impl Iterator<Item = IpAddr> + '_ {
    let local = has_ipv6(link).then(|| IpAddr::V6(link_local(link.mac)));
    link.addresses.iter().copied().chain(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_comes_with_ipv6_only() {
        let mut link = RoutedLink {
            host_name: "veld1".into(),
            guest_name: "eth0".into(),
            addresses: vec![[10, 0, 0, 1].into()],
            mac: crate::mac_for(1),
            mtu: None,
        };
        assert_eq!(reachable(&link).count(), 1);
        link.addresses.push("fd77::1".parse().unwrap());
        let last = reachable(&link).last();
        assert_eq!(last, Some("fe80::45:ff:fe00:1".parse().unwrap()));
    }
}
