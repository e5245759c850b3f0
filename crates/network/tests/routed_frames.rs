//! A guest of a routed link is who the host says it is, frame by frame: what it makes by
//! hand reaches neither another guest, nor the host, nor the LAN.
//!
//! Each is sent twice: with what keeps it honest in place, and without.

mod frames;
mod world;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use frames::{ANSWERS, ASKS, BROADCAST, Mac, Wire, arp, icmp6, ipv4, ipv6, udp};
use world::{HOST4, Netns, SILENCE, World, any, guest4, guest6, send, talks};

const OWN: Mac = [0x02, 0x45, 0, 0, 0, 1];
const GATEWAY: Mac = [0x02, 0x56, 0xff, 0, 0, 1];
const STRANGE: Mac = [0x02, 0, 0, 0, 0, 0x66];
const OWN4: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const OTHER4: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const FREE4: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 99);
const GATEWAY4: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 1);
const OTHER6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 2);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const NODES: Mac = [0x33, 0x33, 0, 0, 0, 1];

/// What the host knows of its neighbours on a link.
fn neighbours(world: &World, link: &str) -> String {
    world.host.ip(&format!("neigh show dev {link}"))
        + &world.host.ip(&format!("-6 neigh show dev {link}"))
}

/// Waits for what the host would do about a frame.
fn let_it_sink_in() {
    std::thread::sleep(Duration::from_millis(20));
}

#[test]
fn arp_under_anothers_name_changes_nothing_at_the_host_and_is_not_carried_on() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let (wire, ear) = (Wire::on(&one, "eth0"), Wire::on(&two, "eth0"));
    let before = [neighbours(&world, "veld1"), neighbours(&world, "veld2")];
    let lies = [
        arp(OWN, ANSWERS, OWN, OTHER4, GATEWAY4),
        arp(OWN, ASKS, OWN, OTHER4, GATEWAY4),
        arp(OWN, ASKS, OWN, OTHER4, OTHER4),
        arp(OWN, ASKS, OWN, FREE4, GATEWAY4),
        arp(STRANGE, ANSWERS, STRANGE, OWN4, GATEWAY4),
        arp(STRANGE, ASKS, STRANGE, OWN4, GATEWAY4),
    ];
    for lie in &lies {
        wire.send(lie);
    }
    let_it_sink_in();
    let after = [neighbours(&world, "veld1"), neighbours(&world, "veld2")];
    assert_eq!(after, before, "its own entry is there for good");
    assert!(talks(&world.host, &two, guest4(2)));
    assert!(talks(&world.host, &one, guest4(1)));
    assert!(
        !ear.hears_within(&lies[1], SILENCE),
        "no bridge is between them"
    );
    // Without the entry for good, and with anybody believed, it would be learned.
    for (name, value) in [("arp_filter", 0), ("rp_filter", 0), ("arp_accept", 1)] {
        for conf in ["all", "veld1"] {
            let path = format!("ipv4/conf/{conf}/{name}");
            world.host.set_sysctl(&path, value);
        }
    }
    wire.send(&arp(OWN, ASKS, OWN, FREE4, GATEWAY4));
    let_it_sink_in();
    let after = neighbours(&world, "veld1");
    assert!(
        after.contains(&FREE4.to_string()),
        "or it was never sent: {after}"
    );
}

#[test]
fn neighbour_discovery_under_anothers_name_is_not_believed() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let wire = Wire::on(&one, "eth0");
    let gateway: Ipv6Addr = "fe80::1".parse().unwrap();
    // A solicitation whose sender says where it is to be found.
    let says = |source: Ipv6Addr, kind: u8, about: Ipv6Addr, mac: Mac| {
        let option = if kind == 135 { 1 } else { 2 };
        let more = [&[option, 1], &mac[..]].concat();
        let body = frames::icmp6_with(source, gateway, kind, (about, &more));
        ipv6([GATEWAY, OWN], [source, gateway], 58, &body)
    };
    let before = neighbours(&world, "veld1");
    wire.send(&says(OTHER6, 135, gateway, OWN));
    wire.send(&says(OTHER6, 136, OTHER6, OWN));
    let_it_sink_in();
    assert_eq!(neighbours(&world, "veld1"), before);
    assert!(talks(&world.host, &two, guest6(2)));
    world.host.nft("delete table inet veld");
    wire.send(&says(OTHER6, 135, gateway, OWN));
    let_it_sink_in();
    let after = neighbours(&world, "veld1");
    assert!(after.contains("fd77::2"), "or it was never sent: {after}");
}

/// What another guest and the LAN hear of a datagram made by hand.
fn heard(world: &World, from: &Wire, other: &Netns, frame: &[u8], body: &[u8]) -> [bool; 2] {
    let ears = [Wire::on(other, "eth0"), Wire::on(&world.lan, "eth0")];
    from.send(frame);
    ears.map(|ear| ear.hears_body(body, SILENCE))
}

#[test]
fn a_frame_from_another_mac_address_is_from_whose_link_it_comes_by() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let wire = Wire::on(&one, "eth0");
    let listener = two.udp(any(guest4(2)), 0);
    let port = listener.local_addr().unwrap().port();
    // A MAC address counts for nothing where there is no bridge: the source does.
    for (mac, source, arrives) in [
        (STRANGE, OWN4, true),
        (OWN, OTHER4, false),
        (STRANGE, FREE4, false),
    ] {
        let frame = ipv4([GATEWAY, mac], [source, OTHER4], 17, &udp(5, port));
        wire.send(&frame);
        let heard = listener.recv_from(&mut [0; 16]);
        assert_eq!(heard.is_ok(), arrives, "{mac:02x?} {source}: {heard:?}");
        // And nobody gets to see that MAC address.
        assert!(!neighbours(&world, "veld1").contains("00:66"));
    }
}

#[test]
fn broadcast_and_multicast_stay_on_the_link() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let wire = Wire::on(&one, "eth0");
    let (offer, junk) = (udp(67, 68), udp(5, 5));
    let advertisement = icmp6(OTHER6, ALL_NODES, 134, Ipv6Addr::UNSPECIFIED);
    let everybody = Ipv4Addr::BROADCAST;
    let lan = Ipv4Addr::new(198, 18, 0, 2);
    let cases = [
        (
            ipv4([BROADCAST, OWN], [OWN4, everybody], 17, &offer),
            &offer,
        ),
        (ipv4([BROADCAST, OWN], [OWN4, everybody], 17, &junk), &junk),
        (
            ipv6([NODES, OWN], [OTHER6, ALL_NODES], 58, &advertisement),
            &advertisement,
        ),
        (ipv4([GATEWAY, OWN], [OTHER4, lan], 17, &junk), &junk),
        (ipv4([GATEWAY, OWN], [FREE4, lan], 17, &junk), &junk),
    ];
    for (frame, body) in &cases {
        let heard = heard(&world, &wire, &two, frame, body);
        assert_eq!(heard, [false; 2], "{frame:02x?}");
    }
    // Its own is carried, so a frame made by hand can be.
    let own = ipv4([GATEWAY, OWN], [OWN4, lan], 17, &junk);
    assert_eq!(heard(&world, &wire, &two, &own, &junk[4..]), [false, true]);
    assert_eq!(send(&one, any(HOST4), &world.host, HOST4), Some(guest4(1)));
    // And without the rules the false sources are, too.
    world.host.nft("delete table inet veld");
    for conf in ["all", "veld1"] {
        let path = format!("ipv4/conf/{conf}/rp_filter");
        world.host.set_sysctl(&path, 0);
    }
    let (frame, body) = &cases[3];
    assert!(heard(&world, &wire, &two, frame, body)[1]);
}
