//! What we read of the kernel's answers, out of the many attributes that each has.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "kernels add attributes; those that we do not read mean nothing to us"
)]

use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage, State, Stats64};
use netlink_packet_route::route::{RouteAttribute, RouteMessage};

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
    /// Whether it is one that packets are led through to be shaped.
    pub(crate) is_ifb: bool,
    /// Which namespace, as its own namespace numbers them, its other end is in;
    /// negative where that namespace is being taken apart, none where both ends
    /// are in one.
    pub(crate) peer_netns: Option<i32>,
    pub(crate) stats: Option<Stats64>,
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
                    link.is_ifb = infos.contains(&LinkInfo::Kind(InfoKind::Ifb));
                }
                LinkAttribute::LinkNetNsId(id) => link.peer_netns = Some(id),
                LinkAttribute::Stats64(stats) => link.stats = Some(stats),
                _ => {}
            }
        }
        link
    }
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
