//! The link by which this host reaches the world.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::RouteMessage;
use rustix::io::Errno;

use crate::answer;
use crate::message;
use crate::rtnl::Rtnl;

/// Ethernet's, for a host without any uplink.
pub(crate) const FALLBACK: u32 = 1500;

/// Addresses that only a default route leads to. The kernel looks them up;
/// nothing is sent there.
const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 1)),
];

/// The MTU of the link that the default route uses (IPv4's before IPv6's), in
/// bytes: with the same, packets of guests need no fragments.
pub(crate) fn mtu(host: &mut Rtnl) -> io::Result<u32> {
    for address in WORLD {
        let Some(index) = link_to(host, address)? else {
            continue;
        };
        let link = host.link(message::get_link_numbered(index))?;
        return Ok(link.and_then(|link| link.mtu).unwrap_or(FALLBACK));
    }
    Ok(FALLBACK)
}

/// Whether a default route of this host uses link `index`.
pub(crate) fn is(host: &mut Rtnl, index: u32) -> io::Result<bool> {
    for address in WORLD {
        if link_to(host, address)? == Some(index) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of the link that packets to `address` would leave by, or none
/// where there is no route.
pub(crate) fn link_to(host: &mut Rtnl, address: IpAddr) -> io::Result<Option<u32>> {
    let route = routed(host.get(message::get_route(address)))?;
    Ok(route.and_then(|route| answer::link_of(&route)))
}

/// The entry of the routing table that is for `address`, or none.
pub(crate) fn route_to(host: &mut Rtnl, address: IpAddr) -> io::Result<Option<RouteMessage>> {
    routed(host.get(message::get_route_entry(address)))
}

/// What the host calls itself when it speaks to a neighbour on link `index`; none where
/// the address is not one of that link's network, or the host has no address there.
pub(crate) fn source_on(
    host: &mut Rtnl,
    address: IpAddr,
    index: u32,
) -> io::Result<Option<IpAddr>> {
    let route = routed(host.get(message::get_route(address)))?;
    let route = route.filter(|route| answer::link_of(route) == Some(index));
    Ok(route.and_then(|route| answer::source_of(&route)))
}

fn routed(answer: io::Result<RouteNetlinkMessage>) -> io::Result<Option<RouteMessage>> {
    match answer {
        Ok(RouteNetlinkMessage::NewRoute(route)) => Ok(Some(route)),
        Ok(_) => Err(io::ErrorKind::InvalidData.into()),
        // Which errno says "no route" depends on the route that is missing or forbids.
        Err(error) => match Errno::from_io_error(&error) {
            Some(
                Errno::NETUNREACH
                | Errno::HOSTUNREACH
                | Errno::ACCESS
                | Errno::INVAL
                | Errno::AFNOSUPPORT
                | Errno::OPNOTSUPP,
            ) => Ok(None),
            _ => Err(error),
        },
    }
}
