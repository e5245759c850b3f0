//! What we read of the kernel's answers, out of the many attributes that each has.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "kernels add attributes; those that we do not read mean nothing to us"
)]

use std::net::IpAddr;

use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoKind, LinkAttribute, LinkInfo, LinkMessage, State, Stats64,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};

/// A link.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: Option<String>,
    pub(crate) mtu: Option<u32>,
    /// Whether it is up, has a carrier, and the kernel knows it.
    pub(crate) is_operational: bool,
    /// Whether it is one end of a veth pair.
    pub(crate) is_veth: bool,
    /// Which namespace, as its own namespace numbers them, its other end is in;
    /// negative where that namespace is being taken apart, none where both ends
    /// are in one.
    pub(crate) peer_netns: Option<i32>,
    pub(crate) stats: Option<Stats64>,
    /// The number of the link that it is the other end of, or on top of.
    pub(crate) other: Option<u32>,
    /// Its MAC address.
    pub(crate) address: Vec<u8>,
    /// The one it was made with; virtual links mostly have none.
    pub(crate) permanent: Vec<u8>,
    /// Where it is a bridge.
    pub(crate) bridge: Option<Bridge>,
}

/// What a bridge does about VLAN tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bridge {
    /// Whether its kernel can look at them.
    pub(crate) knows_vlans: bool,
    /// Whether it does.
    pub(crate) filters_vlans: bool,
    /// The VLAN of untagged frames, for a port that has been given no other; 0: none.
    pub(crate) default_vlan: u16,
}

impl From<LinkMessage> for Link {
    fn from(message: LinkMessage) -> Self {
        let mut link = Self {
            index: message.header.index,
            ..Self::default()
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = Some(name),
                LinkAttribute::Mtu(mtu) => link.mtu = Some(mtu),
                LinkAttribute::OperState(state) => link.is_operational = state == State::Up,
                LinkAttribute::LinkInfo(infos) => {
                    link.is_veth = infos.contains(&LinkInfo::Kind(InfoKind::Veth));
                    link.bridge = bridge(&infos);
                }
                LinkAttribute::LinkNetNsId(id) => link.peer_netns = Some(id),
                LinkAttribute::Stats64(stats) => link.stats = Some(stats),
                LinkAttribute::Link(other) => link.other = Some(other),
                LinkAttribute::Address(address) => link.address = address,
                LinkAttribute::PermAddress(address) => link.permanent = address,
                _ => {}
            }
        }
        link
    }
}

/// # Kernel
/// A bridge without VLAN filtering in its kernel has no default VLAN, though it says
/// that it does not filter.
fn bridge(infos: &[LinkInfo]) -> Option<Bridge> {
    if !infos.contains(&LinkInfo::Kind(InfoKind::Bridge)) {
        return None;
    }
    let mut bridge = Bridge {
        knows_vlans: false,
        filters_vlans: false,
        default_vlan: 0,
    };
    let data = infos.iter().find_map(|info| match info {
        LinkInfo::Data(InfoData::Bridge(data)) => Some(data.as_slice()),
        _ => None,
    });
    for value in data.unwrap_or_default() {
        match value {
            InfoBridge::VlanFiltering(filters) => bridge.filters_vlans = *filters,
            InfoBridge::VlanDefaultPvid(vlan) => {
                bridge.knows_vlans = true;
                bridge.default_vlan = *vlan;
            }
            _ => {}
        }
    }
    Some(bridge)
}

/// The number of the link that a route leads to.
pub(crate) fn link_of(route: &RouteMessage) -> Option<u32> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => Some(*index),
            _ => None,
        })
}

/// The host's own address that a route gives to what it sends.
pub(crate) fn source_of(route: &RouteMessage) -> Option<IpAddr> {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::PrefSource(RouteAddress::Inet(address)) => Some((*address).into()),
            RouteAttribute::PrefSource(RouteAddress::Inet6(address)) => Some((*address).into()),
            _ => None,
        })
}
