//! Whose an address is, who is told where it is, and who answers for it.

#![allow(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod world;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use veld_network::{
    Interface, Occupant, Standing, announce, announce_inside, answer_for, look_up, neighbours,
    stop_answering_for,
};
use world::{HOST4, HOST6, LAN4, LAN6, Netns, World, any, guest4, guest6, link};

/// Addresses of the uplink's network that nobody has.
const FREE: [&str; 2] = ["198.18.0.7", "fd98::7"];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The Ethernet address of a link in a namespace.
fn mac_of(netns: &Netns, link: &str) -> String {
    let shown = netns.ip(&format!("-o link show dev {link}"));
    let (_, rest) = shown.split_once("link/ether ").unwrap();
    rest.split(' ').next().unwrap().to_owned()
}

/// A guest behind a routed link that has these addresses.
fn guest_with(world: &World, id: u8, addresses: &[IpAddr]) -> Netns {
    let guest = Netns::new();
    let link = Interface {
        addresses: addresses.iter().map(|&it| it.into()).collect(),
        ..link(id)
    };
    world.attach(&guest, &link).unwrap();
    guest
}

/// What a neighbour on the LAN believes about an address: state and Ethernet address.
fn believed(world: &World, address: IpAddr) -> String {
    world
        .lan
        .ip(&format!("neigh show {address} dev eth0"))
        .trim()
        .to_owned()
}

/// Whether a datagram from the LAN to a guest's address gets there and its answer
/// back, within what the kernel takes to answer in another's name.
fn lan_reaches(world: &World, guest: &Netns, address: IpAddr) -> bool {
    let listener = guest.udp(any(address), 0);
    let sender = world.lan.udp(any(address), 0);
    let patience = Some(Duration::from_secs(3));
    listener.set_read_timeout(patience).unwrap();
    sender.set_read_timeout(patience).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut buffer = [0; 16];
    sender
        .send_to(b"hello", SocketAddr::new(address, port))
        .is_ok()
        && listener
            .recv_from(&mut buffer)
            .and_then(|(_, seen)| listener.send_to(b"hello", seen))
            .is_ok()
        && sender
            .recv_from(&mut buffer)
            .is_ok_and(|(_, seen)| seen.ip() == address)
}

#[test]
fn routes_tell_whose_an_address_is() {
    let Some(world) = World::new() else { return };
    let _one = world.guest(1);
    // A tunnel is no network of neighbours; a route that forbids leads nowhere.
    world.host.ip("route add prohibit 192.0.2.0/24");
    let on_link = || Standing::OnLink("up0".to_owned());
    let routed = || Standing::Routed("veld1".to_owned());
    let rows: [(IpAddr, Standing); 13] = [
        (HOST4, Standing::Own),
        (HOST6, Standing::Own),
        (address("169.254.0.1"), Standing::Own),
        (address("127.0.0.1"), Standing::Own),
        (address("198.18.0.255"), Standing::Broadcast),
        (guest4(1), routed()),
        (guest6(1), routed()),
        (LAN4, on_link()),
        (address(FREE[0]), on_link()),
        (address(FREE[1]), on_link()),
        (guest4(9), Standing::Elsewhere),
        (address("2001:db8::1"), Standing::Elsewhere),
        (address("192.0.2.1"), Standing::Elsewhere),
    ];
    for (address, expected) in rows {
        let standing = world.host.run(|| look_up(address)).unwrap();
        assert_eq!(standing, expected, "{address}");
    }
}

#[test]
fn a_link_left_over_does_not_hold_an_address() {
    let Some(world) = World::new() else { return };
    drop(world.guest(1));
    for address in [guest4(1), guest6(1)] {
        let standing = world.host.run(|| look_up(address)).unwrap();
        assert_eq!(standing, Standing::Elsewhere, "{address}");
    }
}

#[test]
fn a_neighbour_that_has_an_address_is_heard() {
    let Some(world) = World::new() else { return };
    let on_uplink = |address| (address, "up0".to_owned());
    let ask = |addresses: &[IpAddr]| {
        let wanted: Vec<_> = addresses.iter().copied().map(on_uplink).collect();
        let begun = Instant::now();
        let found = world.host.run(|| neighbours(&wanted)).unwrap();
        (found, begun.elapsed())
    };
    let mac = mac_of(&world.lan, "eth0");
    for taken in [LAN4, LAN6] {
        let (found, took) = ask(&[taken]);
        let [(address, by)] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(*address, taken);
        assert_eq!(by.to_string(), format!("is in use by {mac} on up0"));
        assert!(took < Duration::from_millis(100), "{took:?}");
    }
    // All are asked for at once, and only as long as somebody may still answer.
    let free = FREE.map(address);
    let (found, took) = ask(&[free[0], LAN4, free[1], LAN6]);
    let mut heard: Vec<IpAddr> = found.iter().map(|(address, _)| *address).collect();
    heard.sort();
    assert_eq!(heard, [LAN4, LAN6]);
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_millis(600), "{took:?}");
    let (found, _) = ask(&free);
    assert_eq!(found, []);
    // Nobody believes that the host has what it asked for.
    for address in free {
        assert!(!believed(&world, address).contains("lladdr"), "{address}");
    }
}

/// Of two hosts that look for the same address at the same time one at least hears
/// of the other, and leaves it.
#[test]
fn who_is_about_to_take_an_address_is_heard() {
    let Some(world) = World::new() else { return };
    for free in FREE.map(address) {
        let look = |netns: &Netns, link: &str| {
            let wanted = [(free, link.to_owned())];
            netns.run(|| neighbours(&wanted)).unwrap()
        };
        let both = std::thread::scope(|scope| {
            let there = scope.spawn(|| look(&world.lan, "eth0"));
            [look(&world.host, "up0"), there.join().unwrap()]
        });
        let heard = both.iter().flatten();
        let heard: Vec<&Occupant> = heard.map(|(_, occupant)| occupant).collect();
        assert!(!heard.is_empty(), "{free}");
        for occupant in heard {
            assert!(matches!(occupant, Occupant::Neighbour { .. }), "{free}");
        }
    }
}

#[test]
fn nobody_is_asked_where_there_are_no_neighbours() {
    let Some(world) = World::new() else { return };
    world.lan.ip("link add pair0 type veth peer name pair1");
    let free = address(FREE[0]);
    for link in ["lo", "pair0", "nosuch"] {
        let begun = Instant::now();
        let found = world.lan.run(|| neighbours(&[(free, link.to_owned())]));
        assert_eq!(found.unwrap(), [], "{link}");
        assert!(begun.elapsed() < Duration::from_millis(100), "{link}");
        world.lan.run(|| announce(free, link)).unwrap();
    }
}

#[test]
fn neighbours_learn_where_an_address_has_moved() {
    let Some(world) = World::new() else { return };
    let mac = mac_of(&world.host, "up0");
    for moved in FREE.map(address) {
        let old = "02:00:00:00:00:99";
        world.lan.ip(&format!(
            "neigh replace {moved} lladdr {old} dev eth0 nud reachable"
        ));
        assert!(believed(&world, moved).contains(old));
        // The kernel believes nothing new of one that it has heard of this second.
        std::thread::sleep(Duration::from_millis(1100));
        world.host.run(|| announce(moved, "up0")).unwrap();
        let deadline = Instant::now() + Duration::from_secs(1);
        while !believed(&world, moved).contains(&mac) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let now = believed(&world, moved);
        assert!(now.contains(&mac), "{now}");
    }
}

/// As of a guest that has a link on the network itself.
#[test]
fn a_guest_is_announced_from_inside() {
    let Some(world) = World::new() else { return };
    let guest = &world.lan;
    let mac = mac_of(guest, "eth0");
    for moved in FREE.map(address) {
        let old = "02:00:00:00:00:99";
        let stale = format!("neigh replace {moved} lladdr {old} dev up0 nud reachable");
        world.host.ip(&stale);
        std::thread::sleep(Duration::from_millis(1100));
        announce_inside(std::os::fd::AsFd::as_fd(guest), moved, "eth0").unwrap();
        let known = || world.host.ip(&format!("neigh show {moved} dev up0"));
        let deadline = Instant::now() + Duration::from_secs(1);
        while !known().contains(&mac) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(known().contains(&mac), "{}", known());
    }
}

#[test]
fn an_address_of_the_lan_is_answered_for_as_long_as_asked() {
    let Some(world) = World::new() else { return };
    let addresses = FREE.map(address);
    let guest = guest_with(&world, 1, &addresses);
    let mac = mac_of(&world.host, "up0");
    for address in addresses {
        assert!(!lan_reaches(&world, &guest, address), "{address}");
        world.lan.ip("neigh flush dev eth0");
        for _ in 0..2 {
            world.host.run(|| answer_for(address, "up0")).unwrap();
        }
        assert!(lan_reaches(&world, &guest, address), "{address}");
        let now = believed(&world, address);
        assert!(now.contains(&mac), "{now}");
    }
    let found = world.lan.run(|| {
        let wanted = addresses.map(|address| (address, "eth0".to_owned()));
        neighbours(&wanted)
    });
    assert_eq!(found.unwrap().len(), 2, "it can be found as anybody's");
    for address in addresses {
        for _ in 0..2 {
            let stop = || stop_answering_for(address, "up0");
            world.host.run(stop).unwrap();
        }
        world.lan.ip("neigh flush dev eth0");
        assert!(!lan_reaches(&world, &guest, address), "{address}");
    }
    let left = world.host.ip("neigh show proxy") + &world.host.ip("-6 neigh show proxy");
    assert_eq!(left, "");
    world
        .host
        .run(|| stop_answering_for(addresses[0], "nosuch"))
        .unwrap();
}
