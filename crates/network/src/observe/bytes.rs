//! Links and addresses out of the kernel's bytes, whatever a guest named them.
//!
//! The typed parser refuses a whole message for one text that is not UTF-8; here
//! only the few attributes that we show are looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use netlink_packet_core::NlasIterator;
use netlink_packet_route::address::AddressHeader;
use netlink_packet_route::link::{LinkFlags, LinkHeader, Stats64};

use super::ObservedLink;

/// `struct ifinfomsg` and `struct ifaddrmsg`, which the attributes follow.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

const IFLA_IFNAME: u16 = 3;
const IFLA_STATS64: u16 = 23;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// A link, without its addresses.
pub(super) fn link(payload: &[u8]) -> Option<ObservedLink> {
    let header = LinkHeader::parse(payload).ok()?;
    let name = attribute(payload.get(LINK_HEADER..)?, IFLA_IFNAME)?;
    let name = name.strip_suffix(b"\0").unwrap_or(&name);
    Some(ObservedLink {
        index: header.index,
        name: String::from_utf8_lossy(name).into_owned(),
        up: header.flags.contains(LinkFlags::Up),
        addresses: Vec::new(),
    })
}

/// The name of a link of ours, and what went over it.
///
/// # Kernel
/// `struct rtnl_link_stats64`: packets received and sent, then bytes of both.
pub(super) fn stats(payload: &[u8]) -> Option<(String, Stats64)> {
    let attributes = payload.get(LINK_HEADER..)?;
    let name = attribute(attributes, IFLA_IFNAME)?;
    let name = String::from_utf8(name.strip_suffix(b"\0").unwrap_or(&name).to_vec()).ok()?;
    let counters = attribute(attributes, IFLA_STATS64)?;
    let mut numbers = counters
        .chunks_exact(8)
        .filter_map(|bytes| Some(u64::from_ne_bytes(bytes.try_into().ok()?)));
    let mut stats = Stats64::default();
    for number in [
        &mut stats.rx_packets,
        &mut stats.tx_packets,
        &mut stats.rx_bytes,
        &mut stats.tx_bytes,
    ] {
        *number = numbers.next()?;
    }
    Some((name, stats))
}

/// The number of a link, and an address that it has. Of a point-to-point link
/// `IFA_ADDRESS` is the peer's, and `IFA_LOCAL` its own.
pub(super) fn address(payload: &[u8]) -> Option<(u32, IpNetwork)> {
    let header = AddressHeader::parse(payload).ok()?;
    let attributes = payload.get(ADDRESS_HEADER..)?;
    let own = attribute(attributes, IFA_LOCAL).or_else(|| attribute(attributes, IFA_ADDRESS))?;
    let own = ip(&own)?;
    Some((header.index, IpNetwork::new(own, header.prefix_len).ok()?))
}

fn attribute(attributes: &[u8], kind: u16) -> Option<Vec<u8>> {
    NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == kind)
        .map(|attribute| attribute.value().to_vec())
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `10.1.2.3/24`, peer `10.9.9.9`, of link 7.
    const POINT_TO_POINT: [u8; 24] = [
        2, 24, 0, 0, 7, 0, 0, 0, 8, 0, 1, 0, 10, 9, 9, 9, 8, 0, 2, 0, 10, 1, 2, 3,
    ];

    #[cfg(target_endian = "little")]
    #[test]
    fn the_own_end_of_a_point_to_point_link_counts() {
        let (index, network) = address(&POINT_TO_POINT).unwrap();
        assert_eq!((index, network.to_string()), (7, "10.1.2.3/24".to_owned()));
    }

    #[test]
    fn what_is_cut_short_or_lies_is_nothing() {
        for length in 0..POINT_TO_POINT.len() {
            let cut = &POINT_TO_POINT[..length];
            assert!(link(cut).is_none(), "{length}");
            assert!(stats(cut).is_none(), "{length}");
            // The first attribute alone is an address as well.
            assert!(address(cut).is_none() || length >= 16, "{length}");
        }
        let mut wrong = POINT_TO_POINT;
        wrong[1] = 33;
        assert!(address(&wrong).is_none(), "a prefix length of 33");
        wrong = POINT_TO_POINT;
        wrong[8] = 255;
        assert!(address(&wrong).is_none(), "an attribute past the end");
    }
}
