//! Frames made by hand, and what of them another end sees.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of each test file, which uses a part of what is here"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a frame that cannot be sent is a failed test"
)]

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;

use crate::world::Netns;

pub type Mac = [u8; 6];
pub const BROADCAST: Mac = [0xff; 6];

/// A socket on a link that sends and receives whole frames.
pub struct Wire(OwnedFd);

impl Wire {
    pub fn on(netns: &Netns, link: &str) -> Self {
        netns.run(|| {
            let socket = socket(
                AddressFamily::Packet,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                SockProtocol::EthAll,
            )
            .unwrap();
            bind(socket.as_raw_fd(), &address_of(link)).unwrap();
            let patience = TimeVal::new(0, 20_000);
            setsockopt(&socket, sockopt::ReceiveTimeout, &patience).unwrap();
            Self(socket)
        })
    }

    pub fn send(&self, frame: &[u8]) {
        let sent = send(self.0.as_raw_fd(), frame, MsgFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }

    /// Whether a frame that begins with this comes by before another does, which was
    /// sent after it and has to come.
    pub fn hears_before(&self, frame: &[u8], last: &[u8]) -> bool {
        // A tag is taken off before a socket gets to see the frame.
        let untagged = [frame.get(..12), frame.get(16..)].map(Option::unwrap_or_default);
        let frame = match frame.get(12..14) {
            Some([0x81, 0]) => untagged.concat(),
            _ => frame.to_vec(),
        };
        let begun = Instant::now();
        let mut buffer = [0; 2048];
        let mut heard = false;
        while begun.elapsed() < Duration::from_secs(5) {
            let Ok(length) = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) else {
                continue;
            };
            if buffer[..length].starts_with(last) {
                return heard;
            }
            heard |= buffer[..length].starts_with(&frame);
        }
        panic!("the link is dead: {last:02x?} did not come");
    }
}

impl Wire {
    /// Whether a frame that begins with this comes by before so much time has passed.
    pub fn hears_within(&self, frame: &[u8], time: Duration) -> bool {
        self.hears(time, |heard| heard.starts_with(frame))
    }

    /// Whether an IP packet with this behind its header does, whoever carried it on.
    pub fn hears_body(&self, body: &[u8], time: Duration) -> bool {
        let holds = |heard: &[u8]| heard.windows(body.len()).any(|part| part == body);
        self.hears(time, holds)
    }

    fn hears(&self, time: Duration, is_it: impl Fn(&[u8]) -> bool) -> bool {
        let begun = Instant::now();
        let mut buffer = [0; 2048];
        while begun.elapsed() < time {
            let Ok(length) = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) else {
                continue;
            };
            if is_it(&buffer[..length]) {
                return true;
            }
        }
        false
    }
}

fn address_of(link: &str) -> LinkAddr {
    getifaddrs()
        .unwrap()
        .filter(|found| found.interface_name == link)
        .find_map(|found| found.address?.as_link_addr().copied())
        .unwrap()
}

pub fn ethernet(to: Mac, from: Mac, kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [to, from].concat();
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

pub const ASKS: u16 = 1;
pub const ANSWERS: u16 = 2;

/// An ARP frame of one who says that it is `sender` at `mac`.
pub fn arp(from: Mac, operation: u16, mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut body = vec![0, 1, 8, 0, 6, 4];
    body.extend(operation.to_be_bytes());
    body.extend(mac);
    body.extend(sender.octets());
    body.extend([0; 6]);
    body.extend(target.octets());
    ethernet(BROADCAST, from, 0x0806, &body)
}

pub fn ipv4([to, from]: [Mac; 2], ends: [Ipv4Addr; 2], of: u8, body: &[u8]) -> Vec<u8> {
    let [source, target] = ends;
    let length = u16::try_from(20 + body.len()).unwrap();
    let mut header = vec![0x45, 0];
    header.extend(length.to_be_bytes());
    header.extend([0, 1, 0, 0, 64, of, 0, 0]);
    header.extend(source.octets());
    header.extend(target.octets());
    let sum = sum(&header);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header.extend(body);
    ethernet(to, from, 0x0800, &header)
}

pub fn ipv6([to, from]: [Mac; 2], ends: [Ipv6Addr; 2], of: u8, body: &[u8]) -> Vec<u8> {
    let [source, target] = ends;
    let mut header = vec![0x60, 0, 0, 0];
    header.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    header.extend([of, 255]);
    header.extend(source.octets());
    header.extend(target.octets());
    header.extend(body);
    ethernet(to, from, 0x86dd, &header)
}

/// A datagram without a checksum, which IPv4 allows and of which no rule is.
pub fn udp(from: u16, to: u16) -> Vec<u8> {
    let mut body = from.to_be_bytes().to_vec();
    body.extend(to.to_be_bytes());
    body.extend([0, 12, 0, 0]);
    body.extend(b"junk");
    body
}

pub fn icmp(kind: u8) -> Vec<u8> {
    let mut body = vec![kind, 0, 0, 0, 0, 0, 0, 0];
    let sum = sum(&body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    body
}

/// ICMPv6 of a kind whose target, where it has one, is in the usual place.
pub fn icmp6(source: Ipv6Addr, target: Ipv6Addr, kind: u8, about: Ipv6Addr) -> Vec<u8> {
    icmp6_with(source, target, kind, (about, &[]))
}

/// The same, with options behind it.
pub fn icmp6_with(
    source: Ipv6Addr,
    target: Ipv6Addr,
    kind: u8,
    (about, options): (Ipv6Addr, &[u8]),
) -> Vec<u8> {
    // An advertisement that overrides what was known.
    let flags = if kind == 136 { 0x20 } else { 0 };
    let mut body = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    body.extend(about.octets());
    body.extend(options);
    let mut whole = [source.octets(), target.octets()].concat();
    whole.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    whole.extend([0, 0, 0, 58]);
    whole.extend(&body);
    let sum = sum(&whole);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    body
}

/// The Internet checksum.
fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// An ICMP error of a kind and code about the answer to an echo between two others.
pub fn icmp_about((kind, code): (u8, u8), mtu: u16, ends: [Ipv4Addr; 2]) -> Vec<u8> {
    let mut body = vec![kind, code, 0, 0, 0, 0];
    body.extend(mtu.to_be_bytes());
    body.extend(&ipv4([[0; 6]; 2], ends, 1, &icmp(0))[14..]);
    let sum = sum(&body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    body
}

/// The same of IPv6, on its own way between the first two.
pub fn icmp6_about(way: [Ipv6Addr; 2], kind: u8, mtu: u32, ends: [Ipv6Addr; 2]) -> Vec<u8> {
    let [source, target] = ends;
    let echo = icmp6(source, target, 128, Ipv6Addr::UNSPECIFIED);
    let mut body = vec![kind, 0, 0, 0];
    body.extend(mtu.to_be_bytes());
    body.extend(&ipv6([[0; 6]; 2], ends, 58, &echo)[14..]);
    let [source, target] = way;
    let mut whole = [source.octets(), target.octets()].concat();
    whole.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    whole.extend([0, 0, 0, 58]);
    whole.extend(&body);
    let sum = sum(&whole);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    body
}
