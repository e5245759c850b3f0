//! A guest is who the host says it is, and tells the host nothing about routing.
//!
//! Each test sends the same twice: with the rules in place, where it must not
//! arrive, and without, where it must, or the test would prove nothing.

mod world;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;

use rustix::net::sockopt::{
    Timeout, set_ipv6_multicast_hops, set_ipv6_unicast_hops, set_socket_timeout,
};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket,
};
use world::{HOST4, HOST6, LAN4, LAN6, Netns, SILENCE, World, any, guest4, guest6, send, talks};

/// Takes the rules away, and what IPv4 has besides.
fn disarm(world: &World) {
    world.host.nft("delete table inet veld");
    for conf in ["all", "veld1"] {
        world
            .host
            .set_sysctl(&format!("ipv4/conf/{conf}/rp_filter"), 0);
    }
}

#[test]
fn a_borrowed_source_reaches_nobody() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let elsewhere4 = "203.0.113.9".parse().unwrap();
    let elsewhere6 = "2001:db8::9".parse().unwrap();
    let cases: [(&str, [IpAddr; 3], [IpAddr; 3]); 2] = [
        (
            "dev eth0",
            [guest4(2), guest4(9), elsewhere4],
            [HOST4, guest4(2), LAN4],
        ),
        (
            "dev eth0 nodad",
            [guest6(2), guest6(9), elsewhere6],
            [HOST6, guest6(2), LAN6],
        ),
    ];
    for armed in [true, false] {
        if !armed {
            disarm(&world);
        }
        for (how, sources, targets) in cases {
            let targets = [&world.host, &two, &world.lan].into_iter().zip(targets);
            for (target, address) in targets.clone() {
                // Without masquerading the LAN has no way back.
                let honest = talks(&one, target, address);
                assert!(honest || !armed, "honestly to {address}");
            }
            for source in sources {
                one.ip(&format!("addr add {source} {how}"));
                // What a guest calls its own it reaches in itself.
                for (target, address) in targets.clone().filter(|(_, to)| *to != source) {
                    let seen = send(&one, source, target, address);
                    assert_eq!(
                        seen.is_none(),
                        armed,
                        "from {source} to {address}: {seen:?}"
                    );
                }
                one.ip(&format!("addr del {source} dev eth0"));
            }
        }
    }
}

#[test]
fn ipv4_sources_are_checked_even_without_rules() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    world.host.nft("delete table inet veld");
    one.ip("addr add 10.77.0.9/32 dev eth0");
    assert!(talks(&one, &world.host, HOST4));
    assert_eq!(send(&one, guest4(9), &world.host, HOST4), None);
}

#[test]
fn a_guest_has_one_link_local_address() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let scoped = |host: &str, netns: &Netns, link: &str| {
        let address: Ipv6Addr = host.parse().unwrap();
        let index = netns.ip(&format!("-o link show {link}"));
        let index = index.split(':').next().unwrap().parse().unwrap();
        SocketAddr::V6(SocketAddrV6::new(address, 0, 0, index))
    };
    one.ip("addr add fe80::bad/64 dev eth0 nodad");
    let gateway = scoped("fe80::1", &one, "eth0");
    for (own, arrives) in [("fe80::45:ff:fe00:1", true), ("fe80::bad", false)] {
        let listener = world.host.udp(Ipv6Addr::UNSPECIFIED.into(), 0);
        let sender = one.udp_at(scoped(own, &one, "eth0"));
        let mut target = gateway;
        target.set_port(listener.local_addr().unwrap().port());
        sender.send_to(b"hello", target).unwrap();
        let heard = listener.recv_from(&mut [0; 8]);
        assert_eq!(heard.is_ok(), arrives, "{own}: {heard:?}");
    }
}

#[test]
fn a_guest_cannot_fill_the_hosts_neighbour_table() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    one.ip("neigh flush all nud permanent");
    let known = |world: &World| world.host.ip("neigh show dev veld1");
    let ask = |source: IpAddr, how: &str| {
        one.ip(&format!("addr replace {source} {how}"));
        one.ip("neigh flush all");
        let target = if source.is_ipv4() { HOST4 } else { HOST6 };
        let _ = send(&one, source, &world.host, target);
    };
    for id in 20..23 {
        ask(guest4(id), "dev eth0");
        ask(guest6(id), "dev eth0 nodad");
        let table = known(&world);
        assert!(!table.contains(&guest4(id).to_string()), "{table}");
        assert!(!table.contains(&guest6(id).to_string()), "{table}");
    }
    disarm(&world);
    for conf in ["all", "veld1"] {
        world
            .host
            .set_sysctl(&format!("ipv4/conf/{conf}/arp_filter"), 0);
    }
    ask(guest4(30), "dev eth0");
    let table = known(&world);
    assert!(table.contains("10.77.0.30"), "or it was not asked: {table}");
}

#[test]
fn router_advertisements_of_a_guest_are_not_heard() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    // A host that would believe anybody.
    world.host.set_sysctl("ipv6/conf/veld1/accept_ra", 2);
    let routes = |world: &World| world.host.ip("-6 route show default dev veld1");
    // Type 134, hop limit 64, lifetime 1800 s; the kernel adds the checksum.
    let mut advertisement = vec![134, 0, 0, 0, 64, 0, 0x07, 0x08];
    advertisement.extend([0; 8]);
    for address in ["fe80::1", "ff02::1"] {
        send_icmp6(&one, &advertisement, address);
        std::thread::sleep(SILENCE);
        assert_eq!(routes(&world), "", "sent to {address}");
    }
    disarm(&world);
    send_icmp6(&one, &advertisement, "ff02::1");
    std::thread::sleep(SILENCE);
    assert!(routes(&world).contains("proto ra"), "or none was sent");
}

#[test]
fn redirects_of_a_guest_are_not_heard() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let (echo, redirect) = (8, 5);
    for (kind, armed) in [(echo, true), (redirect, true), (redirect, false)] {
        if !armed {
            disarm(&world);
        }
        let listener = raw(&world.host, AddressFamily::INET, ipproto::ICMP);
        let sender = raw(&one, AddressFamily::INET, ipproto::ICMP);
        let IpAddr::V4(host) = HOST4 else {
            unreachable!("the host has one")
        };
        let to = SocketAddr::from((host, 0));
        sendto(&sender, &icmp(kind), SendFlags::empty(), &to).unwrap();
        // An IPv4 header of 20 bytes comes first.
        let heard = hears(&listener, 20, kind);
        assert_eq!(heard, kind == echo || !armed, "type {kind}, armed {armed}");
    }
}

#[test]
fn redirects_over_ipv6_are_not_heard() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let (echo, redirect) = (128, 137);
    for (kind, armed) in [(echo, true), (redirect, true), (redirect, false)] {
        if !armed {
            disarm(&world);
        }
        let listener = raw(&world.host, AddressFamily::INET6, ipproto::ICMPV6);
        let mut message = vec![kind, 0, 0, 0];
        message.extend([0; 36]);
        send_icmp6(&one, &message, "fe80::1");
        assert_eq!(
            hears(&listener, 0, kind),
            kind == echo || !armed,
            "type {kind}, armed {armed}"
        );
    }
}

#[test]
fn a_guest_is_no_dhcp_server() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    for (own, host, server, client) in [(guest4(1), HOST4, 67, 68), (guest6(1), HOST6, 547, 546)] {
        // Clients take answers from any port, so it is theirs that counts.
        let cases = [
            (server, client + 1000, true),
            (server, client, false),
            (server + 1000, client, false),
        ];
        for (from, to, arrives) in cases {
            let listener = world.host.udp(any(own), to);
            let sender = one.udp(own, from);
            sender.send_to(b"offer", (host, to)).unwrap();
            let heard = listener.recv_from(&mut [0; 8]);
            assert_eq!(
                heard.is_ok(),
                arrives,
                "from port {from} to {to}: {heard:?}"
            );
        }
    }
}

#[test]
fn multicast_and_broadcast_stop_at_the_link() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let group6: Ipv6Addr = "ff02::fb".parse().unwrap();
    let number = |netns: &Netns, link: &str| -> u32 {
        let line = netns.ip(&format!("-o link show {link}"));
        line.split(':').next().unwrap().parse().unwrap()
    };
    let (outer, inner) = (number(&world.host, "veld1"), number(&one, "eth0"));
    for armed in [true, false] {
        if !armed {
            disarm(&world);
        }
        let listener = world.host.udp(Ipv6Addr::UNSPECIFIED.into(), 0);
        listener.join_multicast_v6(&group6, outer).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sender = one.udp(Ipv6Addr::UNSPECIFIED.into(), 0);
        sender
            .send_to(b"junk", SocketAddrV6::new(group6, port, 0, inner))
            .unwrap();
        let heard = listener.recv_from(&mut [0; 8]);
        assert_eq!(heard.is_err(), armed, "multicast: {heard:?}");

        let listener = world.host.udp(Ipv4Addr::UNSPECIFIED.into(), 0);
        let port = listener.local_addr().unwrap().port();
        let sender = one.udp(guest4(1), 0);
        sender.set_broadcast(true).unwrap();
        sender
            .send_to(b"junk", (Ipv4Addr::BROADCAST, port))
            .unwrap();
        let heard = listener.recv_from(&mut [0; 8]);
        assert_eq!(heard.is_err(), armed, "broadcast: {heard:?}");
    }
}

fn raw(netns: &Netns, family: AddressFamily, protocol: Protocol) -> OwnedFd {
    let socket = netns
        .run(|| socket(family, SocketType::RAW, Some(protocol)))
        .expect("root may");
    set_socket_timeout(&socket, Timeout::Recv, Some(SILENCE)).expect("a socket has timeouts");
    socket
}

/// Whether a message of type `kind` is heard before silence falls.
fn hears(listener: &OwnedFd, offset: usize, kind: u8) -> bool {
    let mut buffer = [0_u8; 256];
    while let Ok((length, _)) = recv(listener, &mut buffer[..], RecvFlags::empty()) {
        if length > offset && buffer[offset] == kind {
            return true;
        }
    }
    false
}

/// Sends ICMPv6 over `eth0` as neighbours do, with hop limit 255.
fn send_icmp6(from: &Netns, message: &[u8], to: &str) {
    let socket = raw(from, AddressFamily::INET6, ipproto::ICMPV6);
    set_ipv6_unicast_hops(&socket, Some(255)).expect("a hop limit");
    set_ipv6_multicast_hops(&socket, 255).expect("a hop limit");
    let index = from.ip("-o link show eth0");
    let index = index.split(':').next().and_then(|text| text.parse().ok());
    let address = to.parse().expect("an IPv6 address");
    let to = SocketAddrV6::new(address, 0, 0, index.expect("a number"));
    sendto(&socket, message, SendFlags::empty(), &to).expect("the gateway is on the link");
}

/// An ICMP message of 36 bytes with its checksum.
fn icmp(kind: u8) -> Vec<u8> {
    let mut message = vec![0; 36];
    message[0] = kind;
    // All other words are zero, so one word is the sum.
    let sum = !(u16::from(kind) << 8);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}
