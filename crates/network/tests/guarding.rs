//! A guest on a bridge is who the host says it is, frame by frame.
//!
//! Each frame is sent by hand from inside and listened for at a neighbour, at the bridge
//! itself and on the LAN that the bridge leads to; then once more without the table, when
//! it must arrive, or the test would prove nothing.

mod frames;
mod world;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use frames::{ANSWERS, ASKS, BROADCAST, Mac, Wire, arp, ethernet, icmp, icmp6, ipv4, ipv6, udp};
use veld_network::{
    Interface, Kind, ensure_bridge, guard, guard_again, guards_again, mac_for, unguard,
};
use world::{Netns, World, any, link, send, talks};

const OWN: Mac = [0x02, 0x45, 0, 0, 0, 1];
const OTHER: Mac = [0x02, 0x45, 0, 0, 0, 2];
const STRANGE: Mac = [0x02, 0, 0, 0, 0, 0x66];
const OWN4: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
const OTHER4: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 2);
const FREE4: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 77);
const OWN6: Ipv6Addr = Ipv6Addr::new(0xfd88, 0, 0, 0, 0, 0, 0, 1);
const OTHER6: Ipv6Addr = Ipv6Addr::new(0xfd88, 0, 0, 0, 0, 0, 0, 2);
const LOCAL6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x45, 0xff, 0xfe00, 1);
const STRANGE6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x66);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const NOBODY6: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const NODES: Mac = [0x33, 0x33, 0, 0, 0, 1];

fn bridged(id: u8, addresses: &[&str]) -> Interface {
    Interface {
        kind: Kind::Bridge {
            bridge: "veldbr".into(),
            vlan: None,
        },
        addresses: addresses
            .iter()
            .map(|text| text.parse().expect("it is an address"))
            .collect(),
        ..link(id)
    }
}

/// A liar and its neighbour on a bridge that leads to a LAN.
struct Bridge {
    world: World,
    liar: Netns,
    neighbour: Netns,
    lan: Netns,
    interface: Interface,
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
impl Bridge {
    fn new(addresses: &[&str]) -> Option<Self> {
        let world = World::new()?;
        world.host.run(|| ensure_bridge("veldbr", false)).unwrap();
        // With br_netfilter the host looks at frames, too; here it is not to.
        for family in ["ip", "ip6"] {
            let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}tables");
            let _ = world.host.run(|| veld_kernfs::write(path.as_ref(), 0));
        }
        let lan = Netns::new();
        let peer = format!("/proc/{}/fd/{}", std::process::id(), raw(&lan));
        for line in [
            format!("link add lan0 index 9 type veth peer name eth0 netns {peer}"),
            "link set lan0 master veldbr up".to_owned(),
            "addr add 10.88.0.9/24 dev veldbr".to_owned(),
        ] {
            world.host.ip(&line);
        }
        lan.ip("link set eth0 up");
        let interface = bridged(1, addresses);
        let other = bridged(2, &["10.88.0.2/24", "fd88::2/64"]);
        let [liar, neighbour] = [&interface, &other].map(|interface| {
            let guest = Netns::new();
            world.host.run(|| guard("veld", interface)).unwrap();
            world.attach(&guest, interface).unwrap();
            guest
        });
        Some(Self {
            world,
            liar,
            neighbour,
            lan,
            interface,
        })
    }

    /// The liar's end of the wire, and those of a neighbour, the LAN and the host.
    fn wires(&self) -> Wires {
        Wires {
            liar: Wire::on(&self.liar, "eth0"),
            ears: [
                Wire::on(&self.neighbour, "eth0"),
                Wire::on(&self.lan, "eth0"),
                Wire::on(&self.world.host, "veldbr"),
            ],
        }
    }

    fn disarm(&self) {
        self.world.host.nft("delete table bridge veld");
    }
}

struct Wires {
    liar: Wire,
    ears: [Wire; 3],
}

impl Wires {
    /// Which of the others hear a frame of the liar's.
    fn heard(&self, frame: &[u8]) -> [bool; 3] {
        let last = from4(OWN, OWN4, 17, &udp(9, 9));
        self.liar.send(frame);
        self.liar.send(&last);
        let hears = |number: usize| self.ears[number].hears_before(frame, &last);
        [hears(0), hears(1), hears(2)]
    }
}

fn raw(netns: &Netns) -> i32 {
    use std::os::fd::AsRawFd;
    netns.as_fd().as_raw_fd()
}

type Frames = Vec<(&'static str, Vec<u8>)>;

/// Frames that nobody may see, all to everybody.
fn lies() -> Frames {
    [arp_lies(), ip_lies(), ip6_lies(), other_lies()].concat()
}

fn arp_lies() -> Frames {
    let nobody = Ipv4Addr::UNSPECIFIED;
    vec![
        ("MAC in ARP", arp(STRANGE, ASKS, STRANGE, OWN4, OTHER4)),
        (
            "ARP for another MAC",
            arp(OWN, ANSWERS, OTHER, OWN4, OTHER4),
        ),
        (
            "ARP question of another",
            arp(OWN, ASKS, OWN, OTHER4, FREE4),
        ),
        (
            "ARP answer of another",
            arp(OWN, ANSWERS, OWN, OTHER4, FREE4),
        ),
        ("gratuitous ARP", arp(OWN, ASKS, OWN, OTHER4, OTHER4)),
        (
            "ARP probe for another's",
            arp(OWN, ASKS, OWN, nobody, OTHER4),
        ),
        ("reverse ARP", arp(OWN, 3, OWN, OWN4, OTHER4)),
    ]
}

fn from4(from: Mac, source: Ipv4Addr, of: u8, body: &[u8]) -> Vec<u8> {
    let ends = [source, Ipv4Addr::BROADCAST];
    ipv4([BROADCAST, from], ends, of, body)
}

fn from6(source: Ipv6Addr, kind: u8, about: Ipv6Addr) -> Vec<u8> {
    let body = icmp6(source, ALL_NODES, kind, about);
    ipv6([NODES, OWN], [source, ALL_NODES], 58, &body)
}

fn ip_lies() -> Frames {
    let (of_icmp, of_igmp, of_tcp, of_udp) = (1, 2, 6, 17);
    let junk = udp(5, 5);
    let query = [0x11, 0, 0xee, 0xff, 0, 0, 0, 0];
    let router = [0x30, 0, 0xcf, 0xff, 0, 0, 0, 0];
    let nobody = Ipv4Addr::UNSPECIFIED;
    vec![
        ("MAC", from4(STRANGE, OWN4, of_udp, &junk)),
        ("MAC of the other", from4(OTHER, OWN4, of_udp, &junk)),
        ("IPv4 of another", from4(OWN, OTHER4, of_udp, &junk)),
        ("IPv4 of nobody", from4(OWN, FREE4, of_tcp, &[0; 20])),
        ("unspecified IPv4", from4(OWN, nobody, of_udp, &junk)),
        ("DHCP answer", from4(OWN, OWN4, of_udp, &udp(67, 68))),
        (
            "DHCP answer, odd port",
            from4(OWN, OWN4, of_udp, &udp(7, 68)),
        ),
        ("PIM hello", from4(OWN, OWN4, 103, &[0x20, 0, 0xdf, 0xff])),
        ("IGMP router", from4(OWN, OWN4, of_igmp, &router)),
        ("ICMP redirect", from4(OWN, OWN4, of_icmp, &icmp(5))),
        ("ICMP router", from4(OWN, OWN4, of_icmp, &icmp(9))),
        ("IGMP query", from4(OWN, OWN4, of_igmp, &query)),
    ]
}

fn ip6_lies() -> Frames {
    let fragment = |next: u8| {
        let body = [&[next, 0, 0, 1, 0, 0, 0, 7], &[0; 16][..]].concat();
        ipv6([NODES, OWN], [OWN6, ALL_NODES], 44, &body)
    };
    let with = |next: u8, body: &[u8]| ipv6([NODES, OWN], [OWN6, ALL_NODES], next, body);
    let odd_offer = with(17, &udp(7, 546));
    let offer = with(17, &udp(547, 546));
    let icmp = |kind, about| icmp6(OWN6, ALL_NODES, kind, about);
    // What it says of whom is in the second fragment.
    let in_parts = |kind| {
        let first = icmp(kind, OTHER6)[..8].to_vec();
        with(44, &[&[58, 0, 0, 1, 0, 0, 0, 8], &first[..]].concat())
    };
    let options = [58, 0, 1, 4, 0, 0, 0, 0];
    let behind = with(60, &[&options, &icmp(134, NOBODY6)[..]].concat());
    vec![
        ("IPv6 of another", from6(OTHER6, 128, NOBODY6)),
        ("link-local of another", from6(STRANGE6, 128, NOBODY6)),
        ("unspecified IPv6", from6(NOBODY6, 128, NOBODY6)),
        ("advertisement of another's", from6(OWN6, 136, OTHER6)),
        ("advertisement by another", from6(OTHER6, 136, OTHER6)),
        ("solicitation by another", from6(OTHER6, 135, OWN6)),
        ("look for another's duplicate", from6(NOBODY6, 135, OTHER6)),
        ("router advertisement", from6(LOCAL6, 134, NOBODY6)),
        ("redirect", from6(LOCAL6, 137, OTHER6)),
        ("MLD query", from6(LOCAL6, 130, NOBODY6)),
        ("DHCPv6 answer", offer),
        ("DHCPv6 answer, odd port", odd_offer),
        ("neighbour in parts", in_parts(136)),
        ("router in parts", in_parts(134)),
        ("router behind options", behind),
        ("router for multicast", from6(LOCAL6, 151, NOBODY6)),
        ("PIMv6 hello", with(103, &[0x20, 0, 0, 0])),
        ("hidden header", fragment(60)),
        ("hidden hop-by-hop header", fragment(0)),
    ]
}

fn other_lies() -> Frames {
    let of = |kind| ethernet(BROADCAST, OWN, kind, &[0x42; 40]);
    vec![
        ("VLAN tag", tagged()),
        ("LLDP", of(0x88cc)),
        ("PPPoE", of(0x8863)),
        ("IPX", of(0x8137)),
        ("length, as of spanning tree", of(40)),
    ]
}

/// A fine frame within a VLAN tag.
fn tagged() -> Vec<u8> {
    let plain = from4(OWN, OWN4, 17, &udp(5, 5));
    [&plain[..12], &[0x81, 0, 0, 5], &plain[12..]].concat()
}

/// Frames that are the liar's right.
fn truths() -> Frames {
    let nobody = Ipv4Addr::UNSPECIFIED;
    vec![
        ("ARP question", arp(OWN, ASKS, OWN, OWN4, OTHER4)),
        ("ARP answer", arp(OWN, ANSWERS, OWN, OWN4, OTHER4)),
        ("ARP probe", arp(OWN, ASKS, OWN, nobody, OWN4)),
        ("IPv4", from4(OWN, OWN4, 17, &udp(5, 5))),
        ("DHCP question", from4(OWN, nobody, 17, &udp(68, 67))),
        ("IPv6", from6(OWN6, 128, NOBODY6)),
        ("link-local", from6(LOCAL6, 128, NOBODY6)),
        ("advertisement", from6(OWN6, 136, OWN6)),
        ("link-local advertisement", from6(LOCAL6, 136, LOCAL6)),
        ("solicitation", from6(OWN6, 135, OTHER6)),
        ("look for a duplicate", from6(NOBODY6, 135, OWN6)),
        ("router solicitation", from6(NOBODY6, 133, NOBODY6)),
    ]
}

const BOTH: [&str; 2] = ["10.88.0.1/24", "fd88::1/64"];

#[test]
fn what_is_not_its_own_reaches_nobody() {
    let Some(bridge) = Bridge::new(&BOTH) else {
        return;
    };
    assert_eq!(mac_for(1, 0), OWN);
    let wires = bridge.wires();
    for (what, frame) in truths() {
        assert_eq!(wires.heard(&frame), [true; 3], "{what}");
    }
    for (what, frame) in lies() {
        assert_eq!(wires.heard(&frame), [false; 3], "{what}");
    }
    bridge.disarm();
    for (what, frame) in lies() {
        assert_eq!(
            wires.heard(&frame),
            [true; 3],
            "{what}, or it was never sent"
        );
    }
}

#[test]
fn a_guest_without_addresses_may_have_any_that_no_other_has_and_is_no_router() {
    let Some(bridge) = Bridge::new(&[]) else {
        return;
    };
    let wires = bridge.wires();
    for (what, frame) in truths() {
        assert_eq!(wires.heard(&frame), [true; 3], "{what}");
    }
    let mut free = 0;
    for (what, frame) in lies() {
        let heard = wires.heard(&frame);
        let may = [
            "of nobody",
            "unspecified",
            "probe",
            "look for",
            "link-local",
        ];
        let is_bound = what.contains("MAC") || !may.iter().any(|word| what.contains(word));
        assert_eq!(heard, [!is_bound; 3], "{what}");
        free += u32::from(!is_bound);
    }
    assert!(free > 4, "addresses are not looked at");
}

#[test]
fn the_bridge_learns_no_address_from_a_liar() {
    let Some(bridge) = Bridge::new(&BOTH) else {
        return;
    };
    let wire = Wire::on(&bridge.liar, "eth0");
    let learned = || {
        let table = bridge
            .world
            .host
            .run(|| world::tool("bridge", "fdb show br veldbr"));
        table.contains("02:00:00:00:00:66")
    };
    // To everybody, and to bridges themselves.
    let to_bridges: [Mac; 2] = [[0x01, 0x80, 0xc2, 0, 0, 0x0e], [0x01, 0x80, 0xc2, 0, 0, 0]];
    for to in [BROADCAST, to_bridges[0], to_bridges[1]] {
        wire.send(&ethernet(to, STRANGE, 0x88cc, &[0; 40]));
        std::thread::sleep(world::SILENCE);
        assert!(!learned(), "{to:02x?}");
    }
    bridge.disarm();
    wire.send(&ethernet(BROADCAST, STRANGE, 0x88cc, &[0; 40]));
    std::thread::sleep(world::SILENCE);
    assert!(!learned(), "even without rules");
    let host = &bridge.world.host;
    host.run(|| world::tool("bridge", "link set dev veld1 learning on"));
    wire.send(&ethernet(to_bridges[0], STRANGE, 0x88cc, &[0; 40]));
    std::thread::sleep(world::SILENCE);
    assert!(learned(), "or it could not");
}

#[test]
fn a_port_without_entries_sends_nothing_and_entries_change_with_the_guest() {
    let Some(bridge) = Bridge::new(&BOTH) else {
        return;
    };
    let Bridge {
        world,
        liar,
        neighbour,
        interface,
        ..
    } = &bridge;
    let mut moved = interface.clone();
    moved.addresses = vec!["10.88.0.5/24".parse().expect("it is an address")];
    world
        .host
        .run(|| guard_again("veld", Some(interface), &moved))
        .unwrap();
    assert!(!talks(liar, neighbour, OTHER4.into()));
    let altered = world
        .host
        .run(|| veld_network::alter(liar.as_fd(), interface, &moved))
        .unwrap();
    assert!(altered);
    let seen = send(liar, any(OTHER4.into()), neighbour, OTHER4.into());
    assert_eq!(seen, Some("10.88.0.5".parse().unwrap()));
    world.host.run(|| unguard("veld", &moved)).unwrap();
    assert!(!talks(liar, neighbour, OTHER4.into()));
    world.host.run(|| unguard("veld", &moved)).unwrap();
    let empty = world.host.nft("list set bridge veld unbound");
    assert!(!empty.contains("veld1"));
    // Flushed by somebody: all is made again from what there is to be.
    world.host.nft("flush ruleset");
    let other = bridged(2, &["10.88.0.2/24", "fd88::2/64"]);
    world
        .host
        .run(|| guards_again("veld", [&moved, &other].into_iter()))
        .unwrap();
    assert!(talks(liar, neighbour, OTHER4.into()));
    let loaded = world.host.nft("list set bridge veld macs");
    assert!(
        loaded.contains("veld1") && loaded.contains("veld2"),
        "{loaded}"
    );
    world
        .host
        .run(|| guards_again("veld", std::iter::empty()))
        .unwrap();
    assert!(!world.host.nft("list tables").contains("bridge veld"));
    world.host.run(|| unguard("veld", &moved)).unwrap();
}

#[test]
fn another_guest_adds_entries_and_no_rule() {
    let Some(bridge) = Bridge::new(&BOTH) else {
        return;
    };
    let rules = || {
        let listed = bridge.world.host.nft("-a list table bridge veld");
        let of_chains = listed.lines().skip_while(|line| !line.contains("chain"));
        of_chains.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = rules();
    let begun = std::time::Instant::now();
    let third = bridged(3, &["10.88.0.3/24", "fd88::3/64"]);
    bridge.world.host.run(|| guard("veld", &third)).unwrap();
    println!("guard: {:?}", begun.elapsed());
    assert_eq!(rules(), before);
    // Of two with one MAC address, as on two bridges, each has its entries.
    let twin = Interface {
        host_name: "veld4".into(),
        addresses: vec!["fd88::4/64".parse().expect("it is an address")],
        ..third.clone()
    };
    let both = [&third, &twin].into_iter();
    bridge
        .world
        .host
        .run(|| guards_again("veld", both))
        .unwrap();
    let macs = bridge.world.host.nft("list set bridge veld macs");
    assert!(macs.contains("veld3") && macs.contains("veld4"), "{macs}");
    let again = bridge.world.host.run(|| guard("veld", &third)).unwrap();
    assert_eq!(again, veld_network::Rules::Kept);
}
