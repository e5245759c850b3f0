//! Frames of ARP and of IPv6 neighbour discovery: written and read as bytes.
//! Nothing here talks to anybody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use veld_sys::packet::Instruction;

use crate::mac::Mac;

/// `ETH_P_ARP`.
const ARP: u16 = 0x0806;
/// `ETH_P_IPV6`.
const IPV6: u16 = 0x86dd;
const BROADCAST: Mac = [0xff; 6];
const NOBODY: Mac = [0; 6];
/// Ethernet, IPv4, and the lengths of their addresses.
const ARP_KIND: [u8; 6] = [0, 1, 0x08, 0, 6, 4];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
/// `IPPROTO_ICMPV6`.
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/// The flag of an advertisement that replaces what is known.
const OVERRIDE: u8 = 0x20;
/// The option that carries the sender's Ethernet address in an advertisement,
/// and its length in units of eight bytes.
const TARGET_LINK_LAYER: [u8; 2] = [2, 1];
/// Packets of neighbour discovery must not have come through a router.
const UNROUTED: u8 = 255;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Where fields of a frame begin.
mod at {
    pub(super) const SOURCE: usize = 6;
    pub(super) const ETHERTYPE: usize = 12;
    pub(super) const ARP_KIND: usize = 14;
    pub(super) const ARP_SENDER_MAC: usize = 22;
    pub(super) const ARP_SENDER: usize = 28;
    pub(super) const ARP_TARGET: usize = 38;
    pub(super) const NEXT_HEADER: usize = 20;
    pub(super) const IPV6_SOURCE: usize = 22;
    pub(super) const ICMPV6_TYPE: usize = 54;
    pub(super) const ND_TARGET: usize = 62;
}

/// The EtherType of frames about neighbours of a family.
pub(crate) fn ethertype(address: IpAddr) -> u16 {
    if address.is_ipv4() { ARP } else { IPV6 }
}

/// A filter that lets frames about neighbours of a family through, out of those of
/// its EtherType.
///
/// # Kernel
/// Documentation/networking/filter.rst.
pub(crate) fn filter(address: IpAddr) -> Vec<Instruction> {
    let line = |code, jt, jf, k| Instruction { code, jt, jf, k };
    let load_byte = |offset: usize| line(0x30, 0, 0, u32::try_from(offset).unwrap_or_default());
    let if_equal = |value: u8, yes, no| line(0x15, yes, no, value.into());
    let (take, drop) = (line(0x06, 0, 0, 0xffff), line(0x06, 0, 0, 0));
    if address.is_ipv4() {
        return vec![take];
    }
    vec![
        load_byte(at::NEXT_HEADER),
        if_equal(ICMPV6, 0, 4),
        load_byte(at::ICMPV6_TYPE),
        if_equal(SOLICITATION, 1, 0),
        if_equal(ADVERTISEMENT, 0, 1),
        take,
        drop,
    ]
}

/// Asks who has an address, in the name of nobody, so that nobody believes that the
/// sender has it.
///
/// # Kernel
/// RFC 5227, section 2.1.1; RFC 4862, section 5.4.2.
pub(crate) fn question(own: Mac, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(target) => arp(REQUEST, own, Ipv4Addr::UNSPECIFIED, NOBODY, target),
        IpAddr::V6(target) => {
            let mut body = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
            body.extend(target.octets());
            icmpv6(own, Ipv6Addr::UNSPECIFIED, solicited_node(target), body)
        }
    }
}

/// Asks who has an address, in the name of a neighbour that has one: a host that
/// answers in another's name answers no other question.
pub(crate) fn neighbours_question(own: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    arp(REQUEST, own, sender, NOBODY, target)
}

/// Says that an address is at `own` from now on, to whoever has it elsewhere.
///
/// In IPv4 by a request and by an answer: some believe the one, some the other.
///
/// # Kernel
/// RFC 5227, section 3; RFC 4861, section 7.2.6.
pub(crate) fn announcement(own: Mac, address: IpAddr) -> Vec<Vec<u8>> {
    match address {
        IpAddr::V4(it) => vec![
            arp(REQUEST, own, it, NOBODY, it),
            arp(REPLY, own, it, BROADCAST, it),
        ],
        IpAddr::V6(it) => {
            let mut body = vec![ADVERTISEMENT, 0, 0, 0, OVERRIDE, 0, 0, 0];
            body.extend(it.octets());
            body.extend(TARGET_LINK_LAYER);
            body.extend(own);
            vec![icmpv6(own, it, ALL_NODES, body)]
        }
    }
}

/// The Ethernet address that whoever looks for a duplicate of `address` sends to.
pub(crate) fn group_of(address: Ipv6Addr) -> Mac {
    ethernet_group(solicited_node(address))
}

/// Who else, by this frame, has the address or is about to take it.
pub(crate) fn rival(frame: &[u8], own: Mac, address: IpAddr) -> Option<Mac> {
    let rival = match address {
        IpAddr::V4(address) => arp_rival(frame, address),
        IpAddr::V6(address) => nd_rival(frame, address),
    };
    rival.filter(|rival| *rival != own)
}

fn arp_rival(frame: &[u8], address: Ipv4Addr) -> Option<Mac> {
    let is_arp = field(frame, at::ETHERTYPE)? == ARP.to_be_bytes()
        && field(frame, at::ARP_KIND)? == ARP_KIND;
    let sender = Ipv4Addr::from(field::<4>(frame, at::ARP_SENDER)?);
    let target = Ipv4Addr::from(field::<4>(frame, at::ARP_TARGET)?);
    let is_about = sender == address || (sender.is_unspecified() && target == address);
    (is_arp && is_about)
        .then(|| field(frame, at::ARP_SENDER_MAC))
        .flatten()
}

fn nd_rival(frame: &[u8], address: Ipv6Addr) -> Option<Mac> {
    let is_nd = field(frame, at::ETHERTYPE)? == IPV6.to_be_bytes()
        && field(frame, at::NEXT_HEADER)? == [ICMPV6];
    let source = Ipv6Addr::from(field::<16>(frame, at::IPV6_SOURCE)?);
    let target = Ipv6Addr::from(field::<16>(frame, at::ND_TARGET)?);
    let is_claim = match field(frame, at::ICMPV6_TYPE)? {
        [ADVERTISEMENT] => true,
        // Of one that has an address it is only a question.
        [SOLICITATION] => source.is_unspecified(),
        _ => false,
    };
    (is_nd && is_claim && target == address)
        .then(|| field(frame, at::SOURCE))
        .flatten()
}

fn field<const N: usize>(frame: &[u8], at: usize) -> Option<[u8; N]> {
    frame.get(at..)?.first_chunk().copied()
}

fn arp(operation: u16, own: Mac, sender: Ipv4Addr, target_mac: Mac, target: Ipv4Addr) -> Vec<u8> {
    let mut frame = header(BROADCAST, own, ARP);
    frame.extend(ARP_KIND);
    frame.extend(operation.to_be_bytes());
    frame.extend(own);
    frame.extend(sender.octets());
    frame.extend(target_mac);
    frame.extend(target.octets());
    frame
}

fn icmpv6(own: Mac, source: Ipv6Addr, to: Ipv6Addr, mut body: Vec<u8>) -> Vec<u8> {
    // No message here has even a hundred bytes.
    let length = u16::try_from(body.len()).unwrap_or_default();
    let sum = checksum(source, to, length, &body);
    for (at, byte) in body.iter_mut().skip(2).zip(sum.to_be_bytes()) {
        *at = byte;
    }
    let mut frame = header(ethernet_group(to), own, IPV6);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([ICMPV6, UNROUTED]);
    frame.extend(source.octets());
    frame.extend(to.octets());
    frame.extend(body);
    frame
}

fn header(to: Mac, from: Mac, ethertype: u16) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend(from);
    frame.extend(ethertype.to_be_bytes());
    frame
}

/// # Kernel
/// RFC 4443, section 2.3; RFC 8200, section 8.1.
fn checksum(source: Ipv6Addr, to: Ipv6Addr, length: u16, body: &[u8]) -> u16 {
    let mut bytes = source.octets().to_vec();
    bytes.extend(to.octets());
    bytes.extend([0, 0]);
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 0, 0, ICMPV6]);
    bytes.extend(body);
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
            [high] => u32::from(*high) << 8,
            _ => 0,
        })
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !u16::try_from(folded).unwrap_or_default()
}

/// # Kernel
/// RFC 4291, section 2.7.1.
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let prefix = u128::from(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0));
    Ipv6Addr::from(prefix | u128::from(u32::from_be_bytes([0, a, b, c])))
}

/// # Kernel
/// RFC 2464, section 7.
fn ethernet_group(group: Ipv6Addr) -> Mac {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

#[cfg(test)]
mod tests;
