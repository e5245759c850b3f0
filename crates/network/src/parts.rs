//! What the two ends of a link consist of, as values.
//!
//! An end is made by giving it all of its parts and altered by the difference of
//! two lists of them, so that there is one way to make something and one to take
//! it back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::interface::{Interface, Kind};
use crate::mac::{GATEWAY, Mac, link_local};
use crate::message::full_length;

/// The gateway inside, for IPv4: an address of the host's `lo`.
pub const GATEWAY4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
/// The gateway inside, for IPv6: the link-local address of every host end.
pub(crate) const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// One thing that an end has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// An address of its own.
    Address(IpAddr, u8),
    /// An address of its own, without a route to the rest of its network.
    Lone(IpAddr),
    /// A neighbour that is there for good.
    Neighbour(IpAddr, Mac),
    /// A MAC address that a bridge sends to this port.
    Station(Mac),
    /// A route to one address, which no other link may have.
    Claim(IpAddr),
    /// A route to one address that is on the link, and its metric.
    Route(IpAddr, u32),
    /// A gateway for everything else of its family, and the route's metric.
    Default(IpAddr, u32),
    /// The same for what is sent from addresses that have a rule, in this table.
    DefaultBy(IpAddr, u8),
    /// A rule that what is sent from this address goes by that table.
    From(IpAddr, u8),
}

/// What the host end has.
pub(crate) fn outside(interface: &Interface) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Kind::Bridge { .. } = interface.kind {
        parts.push(Part::Station(interface.mac));
    }
    if interface.kind == Kind::Routed {
        if interface.has_ipv6() {
            // A whole fe80::/64 here would let the guest take any address of it.
            parts.push(Part::Lone(GATEWAY6.into()));
        }
        for address in interface.reachable() {
            parts.push(Part::Claim(address));
            parts.push(Part::Neighbour(address, interface.mac));
        }
    }
    parts
}

/// What the link inside has.
pub(crate) fn inside(interface: &Interface) -> Vec<Part> {
    let mut parts = Vec::new();
    let routed = interface.kind == Kind::Routed;
    for network in &interface.addresses {
        let address = network.ip();
        let length = if routed {
            full_length(address)
        } else {
            network.prefix()
        };
        parts.push(Part::Address(address, length));
    }
    // The kernel would make the same, and look for its duplicate for a second.
    let has_own_mac = !matches!(interface.kind, Kind::Ipvlan { .. } | Kind::Physical { .. });
    if interface.has_ipv6() && has_own_mac {
        parts.push(Part::Address(link_local(interface.mac).into(), 64));
    }
    if routed {
        way_out_by_the_host(interface, &mut parts);
    } else {
        way_out_by_gateways(interface, &mut parts);
    }
    parts
}

fn way_out_by_the_host(interface: &Interface, parts: &mut Vec<Part>) {
    let metric = interface.metric;
    if interface.has_ipv4() {
        parts.push(Part::Route(GATEWAY4.into(), metric));
        parts.push(Part::Neighbour(GATEWAY4.into(), GATEWAY));
        parts.push(Part::Default(GATEWAY4.into(), metric));
    }
    if interface.has_ipv6() {
        parts.push(Part::Neighbour(GATEWAY6.into(), GATEWAY));
        parts.push(Part::Default(GATEWAY6.into(), metric));
    }
    // The host takes an address from its own link only, and the first default route is
    // that of another.
    if let Some(table) = table_of(interface) {
        let gateways = [
            (interface.has_ipv4(), GATEWAY4.into()),
            (interface.has_ipv6(), GATEWAY6.into()),
        ];
        let gateways = gateways.into_iter().filter(|(has, _)| *has);
        parts.extend(gateways.map(|(_, gateway)| Part::DefaultBy(gateway, table)));
        parts.extend(rules(interface));
    }
}

/// The rules that a link other than the first brings, which do not go with it.
pub(crate) fn rules(interface: &Interface) -> Vec<Part> {
    let addresses = interface.addresses.iter();
    table_of(interface).map_or_else(Vec::new, |table| {
        addresses
            .map(|network| Part::From(network.ip(), table))
            .collect()
    })
}

/// The routing table of a routed link that is not the first.
fn table_of(interface: &Interface) -> Option<u8> {
    const TABLES: u8 = 100;
    let number = u8::try_from(interface.metric).ok()?;
    let is_other = interface.kind == Kind::Routed && number > 0;
    TABLES.checked_add(number).filter(|_| is_other)
}

fn way_out_by_gateways(interface: &Interface, parts: &mut Vec<Part>) {
    for gateway in &interface.gateways {
        let on_link = interface
            .addresses
            .iter()
            .any(|network| network.contains(*gateway))
            || crate::interface::is_link_local(*gateway);
        if !on_link {
            parts.push(Part::Route(*gateway, interface.metric));
        }
        parts.push(Part::Default(*gateway, interface.metric));
    }
}

/// What is in `new` and not in `old`, in its order.
pub(crate) fn added(old: &[Part], new: &[Part]) -> Vec<Part> {
    new.iter()
        .filter(|part| !old.contains(part))
        .copied()
        .collect()
}

/// What is in `old` and not in `new`, the last first. A neighbour that has another
/// MAC address is no other neighbour.
pub(crate) fn removed(old: &[Part], new: &[Part]) -> Vec<Part> {
    let stays = |part: &Part| match part {
        Part::Neighbour(address, _) => new
            .iter()
            .any(|other| matches!(other, Part::Neighbour(same, _) if same == address)),
        Part::Address(..)
        | Part::Lone(_)
        | Part::Station(_)
        | Part::Claim(_)
        | Part::Route(..)
        | Part::Default(..)
        | Part::DefaultBy(..)
        | Part::From(..) => new.contains(part),
    };
    old.iter()
        .rev()
        .filter(|part| !stays(part))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridged(addresses: &[&str], gateways: &[&str]) -> Interface {
        Interface {
            host_name: "veld1".into(),
            guest_name: "eth0".into(),
            kind: Kind::Bridge {
                bridge: "br0".into(),
                vlan: None,
            },
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            gateways: gateways.iter().map(|text| text.parse().unwrap()).collect(),
            mac: crate::mac_for(1, 0),
            mtu: None,
            metric: 0,
        }
    }

    fn routed(addresses: &[&str]) -> Interface {
        Interface {
            kind: Kind::Routed,
            ..bridged(addresses, &[])
        }
    }

    #[test]
    fn the_first_address_of_a_family_brings_its_gateway_and_the_last_takes_it_away() {
        let (one, both) = (routed(&["10.0.0.1"]), routed(&["10.0.0.1", "fd77::1"]));
        let [old, new] = [inside(&one), inside(&both)];
        let more = added(&old, &new);
        assert!(more.contains(&Part::Default(GATEWAY6.into(), 0)));
        assert!(!more.iter().any(|part| old.contains(part)));
        let mut less = removed(&new, &old);
        less.reverse();
        assert_eq!(more, less);
        assert!(outside(&both).contains(&Part::Lone(GATEWAY6.into())));
    }

    #[test]
    fn another_mac_address_replaces_neighbours_and_removes_none_that_stays() {
        let old = routed(&["10.0.0.1", "fd77::1"]);
        let mut new = old.clone();
        new.mac = crate::mac_for(2, 0);
        let gone = removed(&outside(&old), &outside(&new));
        let local = IpAddr::V6(link_local(old.mac));
        assert_eq!(
            gone,
            [Part::Neighbour(local, old.mac), Part::Claim(local)],
            "of its link-local address alone"
        );
        let more = added(&outside(&old), &outside(&new));
        assert!(more.contains(&Part::Neighbour("10.0.0.1".parse().unwrap(), new.mac)));
    }

    #[test]
    fn a_gateway_outside_of_all_networks_is_routed_to_the_link_first() {
        let near = inside(&bridged(&["10.1.1.2/24"], &["10.1.1.1"]));
        assert!(!near.iter().any(|part| matches!(part, Part::Route(..))));
        let far = inside(&bridged(&["10.1.1.2/32"], &["10.9.9.1"]));
        let gateway = "10.9.9.1".parse().unwrap();
        assert_eq!(
            far[1..],
            [Part::Route(gateway, 0), Part::Default(gateway, 0)]
        );
        let local = inside(&bridged(&["fd77::1/64"], &["fe80::9"]));
        assert!(!local.iter().any(|part| matches!(part, Part::Route(..))));
        let port = bridged(&["10.1.1.2/24"], &[]);
        assert_eq!(outside(&port), [Part::Station(port.mac)]);
    }
}
