//! Requests about links that are not routed: bridges and their ports, links on top of
//! others, links that change namespaces. And about what a running guest may have
//! changed.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::DefaultNla;
use netlink_packet_route::link::{
    AfSpecBridge, AfSpecInet6, AfSpecUnspec, BridgeStpState, In6AddrGenMode, InfoBridge,
    InfoBridgePort, InfoData, InfoIpVlan, InfoKind, InfoMacVlan, InfoPortData, InfoPortKind,
    IpVlanMode, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, MacVlanMode, Prop,
};
use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{family, full_length, to_one, to_others};
use crate::mac::Mac;

/// `IFLA_ALT_IFNAME`.
const ALT_NAME: u16 = 53;
/// `IFLA_BRIDGE_VLAN_INFO`, and its flags.
const BRIDGE_VLAN_INFO: u16 = 2;
const PVID: u16 = 1 << 1;
const UNTAGGED: u16 = 1 << 2;

/// Makes a bridge that forwards at once.
///
/// Its address is given, or it would be the lowest of its ports' and change as
/// guests come and go.
pub(crate) fn new_bridge(name: &str, mac: Mac) -> RouteNetlinkMessage {
    let mut link = LinkMessage::default();
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Address(mac.to_vec()),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            LinkInfo::Data(InfoData::Bridge(vec![
                InfoBridge::StpState(BridgeStpState::Disabled),
                InfoBridge::ForwardDelay(0),
            ])),
        ]),
    ];
    RouteNetlinkMessage::NewLink(link)
}

/// Has a bridge look at VLAN tags.
pub(crate) fn filter_vlans(bridge: u32) -> RouteNetlinkMessage {
    let mut link = numbered(bridge);
    link.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Bridge),
        LinkInfo::Data(InfoData::Bridge(vec![InfoBridge::VlanFiltering(true)])),
    ]));
    RouteNetlinkMessage::NewLink(link)
}

/// Makes a host end, still down, a port that a guest has the other end of:
///
/// - `learning` off: no frame of the guest's makes the bridge send another's frames to
///   it, not even those to bridges themselves, which no rule sees; its own address is
///   [stated](station);
/// - `guard`: where the bridge takes part in spanning tree, the guest does not. A frame
///   of that closes the port.
/// - no link-local address (where `ipv6` is on): what the port receives is the bridge's.
///
/// # Kernel
/// `IFLA_BRPORT_LEARNING`, Linux 3.10; `IFLA_BRPORT_GUARD`, Linux 3.8.
pub(crate) fn as_port(index: u32, ipv6: bool) -> RouteNetlinkMessage {
    let mut link = super::numbered(index);
    link.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::PortKind(InfoPortKind::Bridge),
        LinkInfo::PortData(InfoPortData::BridgePort(vec![
            InfoBridgePort::Learning(false),
            InfoBridgePort::Guard(true),
        ])),
    ]));
    if ipv6 {
        let mode = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        let families = vec![AfSpecUnspec::Inet6(vec![mode])];
        link.attributes.push(LinkAttribute::AfSpecUnspec(families));
    }
    RouteNetlinkMessage::NewLink(link)
}

/// Has a bridge send what is for a MAC address to a port, for good.
pub(crate) fn station(port: u32, mac: Mac) -> RouteNetlinkMessage {
    let mut station = station_of(port, mac);
    // Neither learned nor the bridge's own.
    station.header.state = NeighbourState::Noarp;
    RouteNetlinkMessage::NewNeighbour(station)
}

/// Takes back what [`station`] stated.
pub(crate) fn drop_station(port: u32, mac: Mac) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelNeighbour(station_of(port, mac))
}

fn station_of(port: u32, mac: Mac) -> NeighbourMessage {
    let mut station = NeighbourMessage::default();
    station.header.family = AddressFamily::Bridge;
    station.header.ifindex = port;
    station.header.flags = NeighbourFlags::Controller;
    station.attributes = vec![NeighbourAttribute::LinkLayerAddress(mac.to_vec())];
    station
}

/// Makes a link a port of a bridge.
pub(crate) fn join(index: u32, bridge: u32) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    link.attributes.push(LinkAttribute::Controller(bridge));
    RouteNetlinkMessage::NewLink(link)
}

/// Lets a port send and receive the frames of a VLAN, untagged.
pub(crate) fn enter_vlan(port: u32, vlan: u16) -> RouteNetlinkMessage {
    RouteNetlinkMessage::SetLink(vlan_of(port, vlan, PVID | UNTAGGED))
}

/// Takes back what [`enter_vlan`] or the bridge's default gave.
pub(crate) fn leave_vlan(port: u32, vlan: u16) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelLink(vlan_of(port, vlan, 0))
}

/// # Kernel
/// `struct bridge_vlan_info`: flags, then the VLAN.
fn vlan_of(port: u32, vlan: u16, flags: u16) -> LinkMessage {
    let mut link = numbered(port);
    link.header.interface_family = AddressFamily::Bridge;
    let info = [flags.to_ne_bytes(), vlan.to_ne_bytes()].concat();
    let info = AfSpecBridge::Other(DefaultNla::new(BRIDGE_VLAN_INFO, info));
    link.attributes
        .push(LinkAttribute::AfSpecBridge(vec![info]));
    link
}

/// A link on top of another, made straight in a guest's namespace.
#[derive(Debug)]
pub(crate) struct OnTop<'a> {
    /// The number of the link below.
    pub(crate) parent: u32,
    /// Its number inside.
    pub(crate) number: u32,
    /// Its name inside.
    pub(crate) name: &'a str,
    /// Where it is made.
    pub(crate) netns: BorrowedFd<'a>,
    /// Bytes.
    pub(crate) mtu: u32,
}

/// Makes a macvlan whose guests reach each other.
pub(crate) fn new_macvlan(link: &OnTop<'_>, mac: Mac) -> RouteNetlinkMessage {
    let mut message = on_top(link);
    message
        .attributes
        .push(LinkAttribute::Address(mac.to_vec()));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::MacVlan),
        LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(
            MacVlanMode::Bridge,
        )])),
    ]));
    RouteNetlinkMessage::NewLink(message)
}

/// Makes an ipvlan that is a link of its own to neighbours.
pub(crate) fn new_ipvlan(link: &OnTop<'_>) -> RouteNetlinkMessage {
    let mut message = on_top(link);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::IpVlan),
        LinkInfo::Data(InfoData::IpVlan(vec![InfoIpVlan::Mode(IpVlanMode::L2)])),
    ]));
    RouteNetlinkMessage::NewLink(message)
}

fn on_top(link: &OnTop<'_>) -> LinkMessage {
    let mut message = numbered(link.number);
    message.attributes = vec![
        LinkAttribute::IfName(link.name.to_owned()),
        LinkAttribute::Link(link.parent),
        LinkAttribute::NetNsFd(link.netns.as_raw_fd()),
        LinkAttribute::Mtu(link.mtu),
    ];
    message
}

/// Moves a link to another namespace, where it is called `name`.
pub(crate) fn move_to(index: u32, netns: BorrowedFd<'_>, name: &str) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    link.attributes
        .push(LinkAttribute::NetNsFd(netns.as_raw_fd()));
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    RouteNetlinkMessage::NewLink(link)
}

/// Gives a link another name.
pub(crate) fn rename(index: u32, name: &str) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    RouteNetlinkMessage::NewLink(link)
}

/// Takes further names from a link, whatever bytes they are.
pub(crate) fn strip_names(index: u32, names: &[Vec<u8>]) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    let names = names
        .iter()
        .map(|name| Prop::Other(DefaultNla::new(ALT_NAME, name.clone())));
    link.attributes
        .push(LinkAttribute::PropList(names.collect()));
    RouteNetlinkMessage::DelLinkProp(link)
}

/// Gives a link another MAC address.
pub(crate) fn set_mac(index: u32, mac: &[u8]) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    link.attributes.push(LinkAttribute::Address(mac.to_vec()));
    RouteNetlinkMessage::NewLink(link)
}

/// Gives a link another MTU.
pub(crate) fn set_mtu(index: u32, mtu: u32) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    link.attributes.push(LinkAttribute::Mtu(mtu));
    RouteNetlinkMessage::NewLink(link)
}

/// Takes a link down.
pub(crate) fn down(index: u32) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    link.header.change_mask = LinkFlags::Up;
    RouteNetlinkMessage::NewLink(link)
}

/// Asks which number this namespace knows another by.
pub(crate) fn get_netns_id(netns: BorrowedFd<'_>) -> RouteNetlinkMessage {
    let mut message = NsidMessage::default();
    message
        .attributes
        .push(NsidAttribute::Fd(netns.as_raw_fd().cast_unsigned()));
    RouteNetlinkMessage::GetNsId(message)
}

/// Forgets a neighbour.
pub(crate) fn drop_neighbour(index: u32, address: IpAddr) -> RouteNetlinkMessage {
    let mut neighbour = NeighbourMessage::default();
    neighbour.header.family = family(address);
    neighbour.header.ifindex = index;
    neighbour.attributes = vec![NeighbourAttribute::Destination(address.into())];
    RouteNetlinkMessage::DelNeighbour(neighbour)
}

/// The route of one address that is on a link; see [`with_metric`].
pub(crate) fn route_to(index: u32, address: IpAddr, metric: u32) -> RouteMessage {
    with_metric(to_one(index, address), address, metric)
}

/// The route of everything else of the gateway's family; see [`with_metric`].
pub(crate) fn route_out(index: u32, gateway: IpAddr, metric: u32) -> RouteMessage {
    with_metric(to_others(index, gateway), gateway, metric)
}

/// The same route in a table of its own, for what is sent from addresses that have
/// a [rule](rule_from).
pub(crate) fn route_out_by(index: u32, gateway: IpAddr, table: u8) -> RouteMessage {
    let mut route = to_others(index, gateway);
    route.header.table = table;
    route
}

/// Has what is sent from an address look into a table first.
///
/// # Kernel
/// `struct fib_rule_hdr`; ip-rule(8).
pub(crate) fn rule_from(address: IpAddr, table: u8) -> RuleMessage {
    let mut rule = RuleMessage::default();
    rule.header.family = family(address);
    rule.header.src_len = full_length(address);
    rule.header.table = table;
    rule.header.action = RuleAction::ToTable;
    rule.attributes = vec![
        RuleAttribute::Source(address),
        RuleAttribute::Priority(u32::from(table)),
    ];
    rule
}

/// Takes back the route of one address.
pub(crate) fn drop_host_route(index: u32, address: IpAddr) -> RouteNetlinkMessage {
    RouteNetlinkMessage::DelRoute(to_one(index, address))
}

/// Metric 0 is the kernel's default of the family: the lowest for IPv4, 1024 for IPv6.
fn with_metric(mut route: RouteMessage, like: IpAddr, metric: u32) -> RouteMessage {
    const DEFAULT6: u32 = 1024;
    let metric = match (metric, like) {
        (0, _) => return route,
        (metric, IpAddr::V4(_)) => metric,
        (metric, IpAddr::V6(_)) => DEFAULT6.saturating_add(metric),
    };
    route.attributes.push(RouteAttribute::Priority(metric));
    route
}

fn numbered(index: u32) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_counts_from_the_familys_default() {
        let metric = |gateway: &str, metric| {
            let route = route_out(3, gateway.parse().unwrap(), metric);
            let last = route.attributes.last().cloned();
            last.filter(|attribute| matches!(attribute, RouteAttribute::Priority(_)))
        };
        assert_eq!(metric("10.0.0.1", 0), None);
        assert_eq!(metric("10.0.0.1", 2), Some(RouteAttribute::Priority(2)));
        assert_eq!(metric("fe80::1", 2), Some(RouteAttribute::Priority(1026)));
    }
}
