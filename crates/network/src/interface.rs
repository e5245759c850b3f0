//! What a guest's interface is to be: names, kind, addresses.

use std::net::{IpAddr, Ipv4Addr};

use ipnetwork::IpNetwork;

use crate::mac::{Mac, link_local};
use crate::{Error, name};

/// The smallest MTU that the kernel has IPv6 on, bytes.
pub const LEAST_MTU6: u32 = 1280;

/// One interface of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Name of the host end, at most 15 bytes; the host's rules are for those
    /// that begin with [`HostNetwork::link_prefix`](crate::HostNetwork::link_prefix).
    /// Kinds that leave nothing on the host have none there.
    pub host_name: String,
    /// Name of the link inside, as `eth0`.
    pub guest_name: String,
    /// How it reaches the world.
    pub kind: Kind,
    /// The guest's addresses, the one it prefers as a source first in its family.
    /// On a routed link each is alone, whatever its prefix length.
    pub addresses: Vec<IpNetwork>,
    /// Where everything else of a family goes; of a routed link it is the host.
    pub gateways: Vec<IpAddr>,
    /// MAC address of the link inside; see [`mac_for`](crate::mac_for). An ipvlan
    /// has its parent's instead.
    pub mac: Mac,
    /// MTU of both ends in bytes; that of what it leads to where none is given.
    pub mtu: Option<u32>,
    /// Which of a guest's default routes counts: the one of the lowest number.
    pub metric: u32,
}

/// How an interface reaches the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// By the host, which routes its addresses to it.
    Routed,
    /// As a port of a bridge of the host's.
    Bridge {
        /// The bridge's name.
        bridge: String,
        /// The VLAN whose frames it sends and receives, untagged.
        vlan: Option<u16>,
    },
    /// With a MAC address of its own on a link of the host's, which the host
    /// itself does not reach it by.
    Macvlan {
        /// The link's name.
        parent: String,
    },
    /// With the MAC address of a link of the host's, told apart by IP addresses.
    Ipvlan {
        /// The link's name.
        parent: String,
    },
    /// A link of the host's, which is the guest's alone as long as it runs.
    Physical {
        /// The link's name on the host.
        nic: String,
        /// Its MAC address inside, where it is to be another than its own.
        mac: Option<Mac>,
    },
}

impl Kind {
    /// Whether it is a veth pair, one of whose ends is on the host.
    #[must_use]
    pub fn is_pair(&self) -> bool {
        matches!(self, Self::Routed | Self::Bridge { .. })
    }
}

impl Interface {
    /// Whether [`alter`](crate::alter) can make `other` of this one. Otherwise one
    /// is taken away and the other made.
    #[must_use]
    pub fn can_become(&self, other: &Self) -> bool {
        self.host_name == other.host_name
            && match (&self.kind, &other.kind) {
                (Kind::Bridge { .. }, Kind::Bridge { .. }) => true,
                (Kind::Physical { nic: one, .. }, Kind::Physical { nic: two, .. }) => one == two,
                (one, two) => one == two,
            }
    }

    /// Refuses what no link can be.
    pub(crate) fn check(&self) -> Result<(), Error> {
        name::check_link(&self.host_name)?;
        name::check_link(&self.guest_name)?;
        if let Kind::Bridge { bridge: link, .. }
        | Kind::Macvlan { parent: link }
        | Kind::Ipvlan { parent: link }
        | Kind::Physical { nic: link, .. } = &self.kind
        {
            name::check_link(link)?;
        }
        check_mac(self.mac)?;
        if let Kind::Physical { mac: Some(mac), .. } = &self.kind {
            check_mac(*mac)?;
        }
        self.addresses.iter().try_for_each(check_address)?;
        match self.mtu {
            Some(mtu) if mtu < LEAST_MTU6 && self.has_ipv6() => Err(Error::BadMtu {
                mtu,
                reason: "IPv6 needs 1280 bytes",
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn has_ipv6(&self) -> bool {
        self.addresses.iter().any(IpNetwork::is_ipv6)
    }

    pub(crate) fn has_ipv4(&self) -> bool {
        self.addresses.iter().any(IpNetwork::is_ipv4)
    }

    /// The guest's addresses, with the link-local one that IPv6 needs besides.
    pub(crate) fn reachable(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let local = self.has_ipv6().then(|| IpAddr::V6(link_local(self.mac)));
        self.addresses.iter().map(IpNetwork::ip).chain(local)
    }
}

/// Refuses MAC addresses that no single link can have.
///
/// # Errors
/// [`Error::BadMac`].
pub fn check_mac(mac: Mac) -> Result<(), Error> {
    let [first, ..] = mac;
    let reason = if mac == [0; 6] {
        "it is all zeros"
    } else if first & 1 == 1 {
        "it is a multicast address"
    } else {
        return Ok(());
    };
    Err(Error::BadMac { mac, reason })
}

pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Refuses addresses that no single guest can have: routing them would take them
/// from the host, or lead nowhere.
fn check_address(network: &IpNetwork) -> Result<(), Error> {
    let address = network.ip();
    let reason = if address.is_unspecified() {
        "it is the unspecified address"
    } else if address.is_loopback() {
        "it is a loopback address"
    } else if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        "it is not one host's"
    } else if is_link_local(address) {
        "it is link-local"
    } else if is_of_all(network) {
        "its prefix makes it the network's or the broadcast address"
    } else {
        return Ok(());
    };
    Err(Error::BadAddress { address, reason })
}

/// Whether an IPv4 address is the first or the last of its network, which mean all
/// of it; networks of one or two addresses have no such.
fn is_of_all(network: &IpNetwork) -> bool {
    match network {
        IpNetwork::V4(network) => {
            let ip = network.ip();
            network.prefix() < 31 && (ip == network.network() || ip == network.broadcast())
        }
        IpNetwork::V6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed() -> Interface {
        Interface {
            host_name: "veld1".into(),
            guest_name: "eth0".into(),
            kind: Kind::Routed,
            addresses: vec!["10.0.0.1".parse().unwrap()],
            gateways: Vec::new(),
            mac: crate::mac_for(1, 0),
            mtu: None,
            metric: 0,
        }
    }

    #[test]
    fn only_addresses_of_one_host_are_taken() {
        for good in [
            "10.0.0.1",
            "192.0.2.255",
            "192.0.2.254/24",
            "192.0.2.0/31",
            "fd77::1",
            "2001:db8::1/64",
        ] {
            assert!(check_address(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for wrong in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.0.1",
            "192.0.2.0/24",
            "192.0.2.255/24",
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
        ] {
            assert!(check_address(&wrong.parse().unwrap()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_mac_address_is_one_links() {
        for (mac, text) in [
            (
                [0; 6],
                "00:00:00:00:00:00 cannot be the MAC address of a link: it is all zeros",
            ),
            (
                [0x03, 0, 0, 0, 0, 1],
                "03:00:00:00:00:01 cannot be the MAC address of a link: it is a multicast address",
            ),
        ] {
            let mut wrong = routed();
            wrong.mac = mac;
            assert_eq!(wrong.check().unwrap_err().to_string(), text);
        }
        assert!(check_mac([0x00, 0x16, 0x3e, 0, 0, 1]).is_ok());
    }

    #[test]
    fn names_of_links_that_it_uses_are_checked() {
        let mut wrong = routed();
        wrong.kind = Kind::Bridge {
            bridge: "sixteen--letters".into(),
            vlan: None,
        };
        let error = wrong.check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"sixteen--letters\" is not a link name: it is longer than 15 bytes"
        );
    }

    #[test]
    fn ipv6_is_refused_on_an_mtu_that_is_too_small() {
        let mut small = routed();
        small.mtu = Some(1279);
        assert!(small.check().is_ok());
        small.addresses.push("fd77::1".parse().unwrap());
        let error = small.check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "1279 cannot be the MTU of a link: IPv6 needs 1280 bytes"
        );
    }

    #[test]
    fn a_link_local_address_comes_with_ipv6_only() {
        let mut link = routed();
        assert_eq!(link.reachable().count(), 1);
        link.addresses.push("fd77::1".parse().unwrap());
        let last = link.reachable().last();
        assert_eq!(last, Some("fe80::45:ff:fe00:1".parse().unwrap()));
    }

    #[test]
    fn a_port_may_change_bridges_and_a_routed_link_becomes_none() {
        let bridged = |bridge: &str| Interface {
            kind: Kind::Bridge {
                bridge: bridge.into(),
                vlan: None,
            },
            ..routed()
        };
        assert!(bridged("br0").can_become(&bridged("br1")));
        assert!(!routed().can_become(&bridged("br0")));
    }
}
