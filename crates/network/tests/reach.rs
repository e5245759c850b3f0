//! Who reaches whom, and as whom.

mod world;

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::thread;

use world::{HOST4, HOST6, LAN4, LAN6, UPLINK_MTU, World, any, guest4, guest6, send, talks};

#[test]
fn guests_host_and_lan_reach_each_other() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    for (a, b) in [(guest4(1), guest4(2)), (guest6(1), guest6(2))] {
        assert!(talks(&one, &two, b), "guest to guest, {b}");
        assert!(talks(&two, &one, a), "and back, {a}");
        assert!(talks(&world.host, &one, a), "host to guest, {a}");
    }
    for address in [HOST4, HOST6, "169.254.0.1".parse().unwrap()] {
        assert!(
            talks(&one, &world.host, address),
            "guest to host, {address}"
        );
    }
    for address in [LAN4, LAN6] {
        assert!(talks(&one, &world.lan, address), "guest to LAN, {address}");
    }
}

#[test]
fn the_world_sees_the_host_and_guests_see_each_other() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    for (own, other, lan, host) in [
        (guest4(1), guest4(2), LAN4, HOST4),
        (guest6(1), guest6(2), LAN6, HOST6),
    ] {
        assert_eq!(send(&one, any(own), &world.lan, lan), Some(host));
        assert_eq!(send(&one, any(own), &two, other), Some(own));
        assert_eq!(send(&one, any(own), &world.host, host), Some(own));
    }
}

#[test]
fn a_stream_through_masquerading_arrives_whole() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    for address in [LAN4, LAN6] {
        let listener = world.lan.run(|| TcpListener::bind((address, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let received = thread::scope(|scope| {
            let received = scope.spawn(|| {
                let mut received = Vec::new();
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_to_end(&mut received).unwrap();
                received
            });
            let mut stream = one.run(|| TcpStream::connect((address, port))).unwrap();
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            received.join().unwrap()
        });
        assert!(received == sent, "{address}: {} bytes", received.len());
    }
}

#[test]
fn all_addresses_of_a_link_work_and_the_first_is_its_own() {
    let Some(world) = World::new() else { return };
    let one = world::Netns::new();
    let mut link = world::link(1);
    link.addresses
        .extend([guest4(11), guest6(11)].map(Into::<ipnetwork::IpNetwork>::into));
    world.attach(&one, &link).unwrap();
    for address in [guest4(1), guest6(1), guest4(11), guest6(11)] {
        assert!(talks(&world.host, &one, address), "{address}");
        let seen = send(&one, address, &world.host, same_family(address));
        assert_eq!(seen, Some(address));
    }
    assert_eq!(send(&one, any(HOST4), &world.host, HOST4), Some(guest4(1)));
}

#[test]
fn a_guest_of_one_family_has_no_other() {
    let Some(world) = World::new() else { return };
    let guests = [(1, guest4(1), LAN6), (2, guest6(2), LAN4)].map(|(id, address, gone)| {
        let guest = world::Netns::new();
        let mut link = world::link(id);
        link.addresses = vec![address.into()];
        world.attach(&guest, &link).unwrap();
        assert!(
            talks(&guest, &world.host, same_family(address)),
            "{address}"
        );
        assert!(!talks(&guest, &world.lan, gone), "{gone}");
        guest
    });
    assert_eq!(
        world.host.ip("-6 -o addr show dev veld1"),
        "",
        "an IPv4 link has no IPv6 address on the host"
    );
    drop(guests);
}

#[test]
fn a_guest_that_lost_its_gateways_finds_them_again() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    assert!(one.ip("neigh show nud permanent").contains("169.254.0.1"));
    one.ip("neigh flush all nud permanent");
    assert_eq!(one.ip("neigh show nud permanent"), "");
    assert!(talks(&one, &world.lan, LAN4), "by ARP");
    assert!(talks(&one, &world.lan, LAN6), "by neighbour discovery");
    // What a distribution's own scripts do: everything goes with the link.
    one.ip("link set eth0 down");
    one.ip("link set eth0 up");
    one.ip("route add 169.254.0.1 dev eth0");
    one.ip("route add default via 169.254.0.1");
    assert!(talks(&one, &world.lan, LAN4), "by ARP, link anew");
}

#[test]
fn an_address_of_the_pool_that_nobody_has_is_not_sent_to_the_uplink() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    // The LAN would take these packets if they came.
    world.lan.ip("addr add 10.77.9.9/32 dev lo");
    world.lan.ip("addr add fd77::9/128 dev lo nodad");
    for address in ["10.77.9.9", "fd77::9"] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(send(&one, any(address), &world.lan, address), None);
    }
    world.host.nft("delete table inet veld");
    assert!(send(&one, any(LAN4), &world.lan, "10.77.9.9".parse().unwrap()).is_some());
}

#[test]
fn a_link_can_carry_what_the_uplink_can() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let mtu = format!("mtu {UPLINK_MTU} ");
    assert!(one.ip("-o link show eth0").contains(&mtu));
    assert!(world.host.ip("-o link show veld1").contains(&mtu));
    let two = world::Netns::new();
    let mut link = world::link(2);
    link.mtu = Some(1300);
    world.attach(&two, &link).unwrap();
    assert!(two.ip("-o link show eth0").contains("mtu 1300 "));
}

fn same_family(address: IpAddr) -> IpAddr {
    if address.is_ipv4() { HOST4 } else { HOST6 }
}

#[test]
fn what_the_host_has_for_guests_is_not_for_its_neighbours() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let server6 = "fd76:656c:64:ffff::35";
    world.host.ip(&format!("addr add {server6}/128 dev lo"));
    world.lan.ip(&format!("route add 169.254.0.1 via {HOST4}"));
    world.lan.ip(&format!("-6 route add {server6} via {HOST6}"));
    let servers: [IpAddr; 2] = ["169.254.0.1", server6].map(|text| text.parse().unwrap());
    for server in servers {
        assert!(talks(&one, &world.host, server), "{server}");
        assert!(talks(&world.host, &world.host, server), "{server}");
        assert!(!talks(&world.lan, &world.host, server), "{server}");
    }
    assert!(talks(&world.lan, &world.host, HOST4));
    world.host.nft("delete table inet veld");
    for server in servers {
        assert!(talks(&world.lan, &world.host, server), "or it knew no way");
    }
}
