//! The requests we make, as values. Nothing here talks to the kernel.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeader, AddressMessage, AddressScope,
};
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InetDevConf, InfoData, InfoKind,
    InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope,
    RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::mac::Mac;

pub(crate) mod kinds;

/// `lo` is the first link of every network namespace.
pub(crate) const LOOPBACK: u32 = 1;

/// The two ends of a pair to make.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    /// Name of the end that stays here.
    pub(crate) near: &'a str,
    /// MAC address of that end.
    pub(crate) near_mac: Mac,
    /// The number of the bridge that it is a port of.
    pub(crate) bridge: Option<u32>,
    /// Name of the other end.
    pub(crate) far: &'a str,
    /// MAC address of the other end.
    pub(crate) far_mac: Mac,
    /// Where the other end is made.
    pub(crate) far_netns: BorrowedFd<'a>,
    /// Of both ends, bytes.
    pub(crate) mtu: u32,
}

/// Makes a veth pair, its far end straight in the other namespace.
///
/// With its address given at birth, udev's rules leave it alone. One queue each
/// way: the default is one per possible CPU, each with its own sysfs objects.
pub(crate) fn new_pair(pair: &Pair<'_>) -> RouteNetlinkMessage {
    let end = |name: &str, mac: Mac| {
        vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Address(mac.to_vec()),
            LinkAttribute::Mtu(pair.mtu),
            LinkAttribute::NumTxQueues(1),
            LinkAttribute::NumRxQueues(1),
        ]
    };
    let mut far = LinkMessage::default();
    far.attributes = end(pair.far, pair.far_mac);
    far.attributes
        .push(LinkAttribute::NetNsFd(pair.far_netns.as_raw_fd()));
    let mut near = LinkMessage::default();
    near.attributes = end(pair.near, pair.near_mac);
    near.attributes
        .extend(pair.bridge.map(LinkAttribute::Controller));
    near.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
    ]));
    RouteNetlinkMessage::NewLink(near)
}

/// Asks for the link called `name`.
pub(crate) fn get_link(name: &str) -> RouteNetlinkMessage {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(name.to_owned()));
    RouteNetlinkMessage::GetLink(link)
}

/// Asks for the link numbered `index`.
pub(crate) fn get_link_numbered(index: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetLink(numbered(index))
}

/// Asks for the `lo` of the namespace that this one knows as `id`.
pub(crate) fn get_loopback_of(id: i32) -> RouteNetlinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = LOOPBACK;
    link.attributes.push(LinkAttribute::IfNetnsId(id));
    RouteNetlinkMessage::GetLink(link)
}

/// Asks for all links.
pub(crate) fn get_links() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetLink(LinkMessage::default())
}

/// Removes a link, and with it its other end, addresses, routes and neighbours.
pub(crate) fn delete_link(index: u32) -> RouteNetlinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = index;
    RouteNetlinkMessage::DelLink(link)
}

/// Takes a link up.
pub(crate) fn up(index: u32) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewLink(taken_up(index))
}

/// Makes a host end, still down, a router's, whatever the host's defaults are:
///
/// - `forwarding`: or packets from the guest end here;
/// - `rp_filter`: IPv4 source addresses are checked even without nftables;
/// - `arp_filter`: the kernel answers, and learns from, only those ARP requests
///   whose sender is routed to this link;
/// - no link-local address made up (where `ipv6` is on): it gets the gateway's.
///
/// # Kernel
/// ip-sysctl.rst; `IFLA_AF_SPEC` of rtnetlink(7). Writing /proc/sys takes
/// longer, and would be undone by nobody.
pub(crate) fn as_router(index: u32, ipv6: bool) -> RouteNetlinkMessage {
    let mut link = numbered(index);
    let mut conf = InetDevConf::default();
    conf.forwarding = 1;
    conf.rp_filter = 1;
    conf.arpfilter = 1;
    let mut families = vec![AfSpecUnspec::Inet(vec![AfSpecInet::DevConfRequest(conf)])];
    if ipv6 {
        families.push(AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(
            In6AddrGenMode::None,
        )]));
    }
    link.attributes.push(LinkAttribute::AfSpecUnspec(families));
    RouteNetlinkMessage::NewLink(link)
}

/// Gives a link an address.
///
/// IPv6 ones are usable at once: nobody else is on the link, so there is no
/// duplicate to look for.
pub(crate) fn address(
    index: u32,
    address: IpAddr,
    prefix_len: u8,
    scope: AddressScope,
    flags: AddressFlags,
) -> RouteNetlinkMessage {
    let mut message = AddressMessage::default();
    message.header = AddressHeader {
        family: family(address),
        prefix_len,
        scope,
        index,
        ..AddressHeader::default()
    };
    message.attributes = vec![
        AddressAttribute::Local(address),
        AddressAttribute::Address(address),
    ];
    if address.is_ipv6() {
        let flags = AddressFlags::Nodad | flags;
        message.attributes.push(AddressAttribute::Flags(flags));
    }
    RouteNetlinkMessage::NewAddress(message)
}

/// Takes back what [`address`] gave.
pub(crate) fn delete_address(index: u32, address: IpAddr, prefix_len: u8) -> RouteNetlinkMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address);
    message.header.prefix_len = prefix_len;
    message.header.index = index;
    message.attributes = vec![AddressAttribute::Local(address)];
    RouteNetlinkMessage::DelAddress(message)
}

/// Asks for all addresses.
pub(crate) fn get_addresses() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetAddress(AddressMessage::default())
}

/// Routes one address to a link.
pub(crate) fn host_route(index: u32, address: IpAddr) -> RouteNetlinkMessage {
    RouteNetlinkMessage::NewRoute(to_one(index, address))
}

fn to_one(index: u32, address: IpAddr) -> RouteMessage {
    let mut route = route(address);
    // Only the IPv4 table tells neighbours from the world by the scope.
    if address.is_ipv4() {
        route.header.scope = RouteScope::Link;
    }
    route.header.destination_prefix_length = full_length(address);
    route.attributes = vec![
        RouteAttribute::Destination(address.into()),
        RouteAttribute::Oif(index),
    ];
    route
}

/// To everything else of the gateway's family.
fn to_others(index: u32, gateway: IpAddr) -> RouteMessage {
    let mut route = route(gateway);
    route.attributes = vec![
        RouteAttribute::Gateway(RouteAddress::from(gateway)),
        RouteAttribute::Oif(index),
    ];
    route
}

/// Asks where packets to an address would go.
pub(crate) fn get_route(address: IpAddr) -> RouteNetlinkMessage {
    let mut route = RouteMessage::default();
    route.header.address_family = family(address);
    route.header.destination_prefix_length = full_length(address);
    route.attributes = vec![RouteAttribute::Destination(address.into())];
    RouteNetlinkMessage::GetRoute(route)
}

/// Asks for the entry of the routing table by which packets to an address would go.
pub(crate) fn get_route_entry(address: IpAddr) -> RouteNetlinkMessage {
    let mut route = RouteMessage::default();
    route.header.address_family = family(address);
    route.header.destination_prefix_length = full_length(address);
    route.header.flags = RouteFlags::FibMatch;
    route.attributes = vec![RouteAttribute::Destination(address.into())];
    RouteNetlinkMessage::GetRoute(route)
}

/// Asks where packets to an address that leave by one link would go.
pub(crate) fn get_route_by(index: u32, address: IpAddr) -> RouteNetlinkMessage {
    let mut route = RouteMessage::default();
    route.header.address_family = family(address);
    route.header.destination_prefix_length = full_length(address);
    route.attributes = vec![
        RouteAttribute::Destination(address.into()),
        RouteAttribute::Oif(index),
    ];
    RouteNetlinkMessage::GetRoute(route)
}

/// States a neighbour's MAC address for good.
pub(crate) fn neighbour(index: u32, address: IpAddr, mac: Mac) -> RouteNetlinkMessage {
    let mut neighbour = NeighbourMessage::default();
    neighbour.header.family = family(address);
    neighbour.header.ifindex = index;
    neighbour.header.state = NeighbourState::Permanent;
    neighbour.attributes = vec![
        NeighbourAttribute::Destination(address.into()),
        NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
    ];
    RouteNetlinkMessage::NewNeighbour(neighbour)
}

/// The prefix length of a single address.
pub(crate) fn full_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn taken_up(index: u32) -> LinkMessage {
    let mut link = numbered(index);
    link.header.flags = LinkFlags::Up;
    link.header.change_mask = LinkFlags::Up;
    link
}

fn numbered(index: u32) -> LinkMessage {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link
}

fn route(of: IpAddr) -> RouteMessage {
    let mut route = RouteMessage::default();
    route.header.address_family = family(of);
    route.header.table = RouteHeader::RT_TABLE_MAIN;
    route.header.protocol = RouteProtocol::Static;
    route.header.scope = RouteScope::Universe;
    route.header.kind = RouteType::Unicast;
    route
}

pub(crate) fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}
