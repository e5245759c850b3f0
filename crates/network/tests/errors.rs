//! What a guest says went wrong with packets that never were.
//!
//! An ICMP error is about a packet that its receiver has sent. The kernel believes some
//! without having sent any; so they are to be of a connection that the host knows.

mod frames;
mod world;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use frames::{Mac, Wire, icmp_about, icmp6_about, ipv4, ipv6};
use world::{HOST4, HOST6, LAN4, LAN6, World, guest4, guest6, talks};

const OWN: Mac = [0x02, 0x45, 0, 0, 0, 1];
const GATEWAY: Mac = [0x02, 0x56, 0xff, 0, 0, 1];

fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => panic!("{address} is of IPv4"),
    }
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V6(address) => address,
        IpAddr::V4(_) => panic!("{address} is of IPv6"),
    }
}

/// "Too big" about an echo, or its answer, that `sender` is said to have sent to the LAN: of
/// IPv4 and of IPv6.
fn lies_to(sender4: IpAddr, sender6: IpAddr) -> [Vec<u8>; 2] {
    let macs = [GATEWAY, OWN];
    let (own4, own6) = (v4(guest4(1)), v6(guest6(1)));
    let about4 = icmp_about((3, 4), 600, [v4(sender4), v4(LAN4)]);
    let about6 = icmp6_about([own6, v6(sender6)], 2, 1290, [v6(sender6), v6(LAN6)]);
    [
        ipv4(macs, [own4, v4(sender4)], 1, &about4),
        ipv6(macs, [own6, v6(sender6)], 58, &about6),
    ]
}

#[test]
fn a_guest_makes_no_way_of_the_hosts_or_anothers_narrow() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let wire = Wire::on(&one, "eth0");
    let narrowed = || {
        let mut ways = Vec::new();
        for netns in [&world.host, &two] {
            ways.push(netns.ip(&format!("route get {LAN4}")));
            ways.push(netns.ip(&format!("-6 route get {LAN6}")));
        }
        ways.iter()
            .map(|way| way.contains("mtu"))
            .collect::<Vec<_>>()
    };
    let lie = || {
        for frame in [lies_to(HOST4, HOST6), lies_to(guest4(2), guest6(2))].concat() {
            wire.send(&frame);
        }
        std::thread::sleep(Duration::from_millis(30));
    };
    lie();
    assert_eq!(narrowed(), [false; 4]);
    assert!(talks(&one, &two, guest4(2)), "the link works");
    world.host.nft("delete table inet veld");
    lie();
    assert_eq!(narrowed(), [true; 4], "or it was never sent");
}
