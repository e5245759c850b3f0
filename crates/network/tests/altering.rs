//! Interfaces of running guests are altered by what changed, and a guest that is at
//! odds with its host cannot be in the way of that.

mod world;

use std::net::IpAddr;
use std::os::fd::AsFd;

use ipnetwork::IpNetwork;
use veld_network::{Error, Interface, Kind, alter, ensure_bridge, mac_for};
use world::{HOST4, HOST6, LAN4, LAN6, Netns, World, guest4, guest6, link, send, talks};

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn change(world: &World, guest: &Netns, old: &Interface, new: &Interface) {
    let altered = world.host.run(|| alter(guest.as_fd(), old, new)).unwrap();
    assert!(altered, "the guest still has it");
}

fn refused(world: &World, guest: &Netns, old: &Interface, new: &Interface) -> Error {
    world
        .host
        .run(|| alter(guest.as_fd(), old, new))
        .expect_err("it cannot be done")
}

fn with(addresses: &[IpAddr]) -> Interface {
    Interface {
        addresses: addresses.iter().copied().map(IpNetwork::from).collect(),
        ..link(1)
    }
}

/// What a host has of link `veld1`, and a guest of `eth0`; numbers of time aside.
fn look(world: &World, guest: &Netns) -> [String; 2] {
    let of = |netns: &Netns, name: &str| {
        ["-o addr", "route", "-6 route", "neigh", "-6 neigh"]
            .map(|what| {
                let shown = netns.ip(&format!("{what} show dev {name}"));
                // A link-local address is the kernel's, and comes by itself.
                let lines = shown.lines().filter(|line| !line.contains("fe80::"));
                let mut lines: Vec<&str> = lines.collect();
                lines.sort_unstable();
                lines.join("\n")
            })
            .join("\n--\n")
    };
    [of(&world.host, "veld1"), of(guest, "eth0")]
}

#[test]
fn addresses_come_and_go_with_all_that_belongs_to_them() {
    let Some(world) = World::new() else { return };
    let one = Netns::new();
    let (before, after) = (
        with(&[guest4(1)]),
        with(&[guest4(1), guest4(11), guest6(1)]),
    );
    world.attach(&one, &before).unwrap();
    let as_made = look(&world, &one);
    change(&world, &one, &before, &after);
    for (address, host, lan) in [(guest4(11), HOST4, LAN4), (guest6(1), HOST6, LAN6)] {
        assert!(talks(&world.host, &one, address), "{address}");
        assert_eq!(send(&one, address, &world.host, host), Some(address));
        assert!(talks(&one, &world.lan, lan), "{lan}");
    }
    change(&world, &one, &after, &before);
    assert!(!talks(&world.host, &one, guest4(11)));
    assert!(!talks(&one, &world.lan, LAN6));
    assert!(talks(&one, &world.lan, LAN4));
    assert_eq!(look(&world, &one), as_made);
    let none = with(&[]);
    change(&world, &one, &before, &none);
    assert!(!one.ip("route").contains("default"));
    change(&world, &one, &none, &before);
    assert!(talks(&one, &world.lan, LAN4));
}

#[test]
fn an_address_of_another_link_is_refused_and_nothing_is_changed() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let as_made = look(&world, &one);
    for taken in [guest4(2), guest6(2)] {
        let more = with(&[guest4(1), guest6(1), guest4(21), taken]);
        let error = refused(&world, &one, &link(1), &more);
        assert_eq!(
            error.to_string(),
            format!("address {taken} is already routed to link veld2")
        );
        assert_eq!(look(&world, &one), as_made);
        assert!(talks(&world.host, &two, taken));
    }
}

#[test]
fn mtu_and_mac_change_at_both_ends_while_a_connection_lives() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let new = Interface {
        mtu: Some(1300),
        mac: mac_for(7, 0),
        ..link(1)
    };
    change(&world, &one, &link(1), &new);
    let [host, guest] = [world.host.ip("link show veld1"), one.ip("link show eth0")];
    assert!(host.contains("mtu 1300") && guest.contains("mtu 1300"));
    assert!(guest.contains("02:45:00:00:00:07"), "{guest}");
    for address in [guest4(1), guest6(1)] {
        assert!(talks(&world.host, &one, address), "{address}");
    }
    assert!(talks(&one, &world.lan, LAN4) && talks(&one, &world.lan, LAN6));
    let local = one.ip("-6 addr show dev eth0 scope link");
    assert!(local.contains("fe80::45:ff:fe00:7"), "{local}");
    assert!(!local.contains("fe80::45:ff:fe00:1"), "{local}");
    change(&world, &one, &new, &link(1));
    assert!(world.host.ip("link show veld1").contains("mtu 1400"));
    assert!(talks(&world.host, &one, guest6(1)));
}

#[test]
fn a_link_is_renamed_with_all_that_it_has() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    one.ip("route add 192.0.2.0/24 via 169.254.0.1 dev eth0");
    let named = Interface {
        guest_name: "lan0".into(),
        ..link(1)
    };
    change(&world, &one, &link(1), &named);
    let shown = one.ip("-o link") + &one.ip("route");
    assert!(!shown.contains("eth0"), "{shown}");
    assert!(shown.contains("192.0.2.0/24"), "the guest's own: {shown}");
    assert!(talks(&one, &world.lan, LAN4) && talks(&one, &world.lan, LAN6));
    assert!(talks(&world.host, &one, guest4(1)));
    one.ip("link add eth0 type veth peer name other0");
    let error = refused(&world, &one, &named, &link(1));
    assert_eq!(error.to_string(), "link eth0 already exists");
    assert!(talks(&one, &world.lan, LAN4));
}

#[test]
fn what_the_guest_did_to_its_link_is_no_obstacle() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let more = with(&[guest4(1), guest6(1), guest4(11), guest6(11)]);
    // Another name, no addresses, and down; and a decoy that has its name.
    one.ip("link set eth0 down");
    one.ip("addr flush dev eth0");
    one.ip("link set eth0 name mine0");
    one.ip("link add eth0 type veth peer name other0");
    change(&world, &one, &link(1), &more);
    assert!(!one.ip("addr show dev eth0").contains("inet"));
    assert!(one.ip("addr show dev mine0").contains("10.77.0.11/32"));
    change(&world, &one, &more, &link(1));
    assert!(!one.ip("addr show dev mine0").contains("10.77.0.11"));
    // What it added itself.
    one.ip("addr add 10.77.0.11/32 dev mine0");
    change(&world, &one, &link(1), &more);
    assert!(world.host.ip("route").contains("10.77.0.11 dev veld1"));
}

#[test]
fn an_end_that_the_guest_hid_or_removed_leaves_the_host_in_order() {
    let Some(world) = World::new() else { return };
    let (one, cellar) = (world.guest(1), Netns::new());
    let more = with(&[guest4(1), guest6(1), guest4(11)]);
    let path = format!("/proc/{}/fd/{}", std::process::id(), raw(&cellar));
    one.ip(&format!("link set eth0 netns {path}"));
    let altered = world
        .host
        .run(|| alter(one.as_fd(), &link(1), &more))
        .unwrap();
    assert!(!altered, "the guest has it no longer");
    assert!(world.host.ip("route").contains("10.77.0.11 dev veld1"));
    assert!(!cellar.ip("addr").contains("10.77.0.11"));
    cellar.ip("link del eth0");
    assert!(!world.exists("veld1"));
    change(&world, &one, &more, &link(1));
    assert!(talks(&world.host, &one, guest4(1)), "it is made anew");
}

fn raw(netns: &Netns) -> i32 {
    use std::os::fd::AsRawFd;
    netns.as_fd().as_raw_fd()
}

#[test]
fn a_name_that_is_no_text_is_no_obstacle() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    one.run(|| rename_to_latin1("eth0"));
    let named = Interface {
        guest_name: "lan0".into(),
        addresses: vec![guest4(1).into(), guest4(11).into()],
        ..link(1)
    };
    change(&world, &one, &link(1), &named);
    assert!(one.ip("addr show dev lan0").contains("10.77.0.11/32"));
}

/// `ip` takes such a name; a Rust string cannot hold it, hence the shell.
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "only a shell can say this"
)]
fn rename_to_latin1(link: &str) {
    let script =
        format!("ip link set {link} down; ip link set {link} name \"$(printf 'caf\\351')\"");
    let status = std::process::Command::new("sh")
        .args(["-c", &script])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_guest_without_ipv6_is_told_so_and_keeps_what_it_has() {
    let Some(world) = World::new() else { return };
    let one = Netns::new();
    let before = with(&[guest4(1)]);
    world.attach(&one, &before).unwrap();
    one.set_sysctl("ipv6/conf/all/disable_ipv6", 1);
    let error = refused(&world, &one, &before, &with(&[guest4(1), guest6(1)]));
    assert_eq!(
        error.to_string(),
        "link eth0 inside has IPv6 switched off (see disable_ipv6)"
    );
    assert!(!world.host.ip("-6 route").contains("fd77::1"));
    assert!(talks(&world.host, &one, guest4(1)));
}

#[test]
fn a_host_without_ipv6_says_so_and_routes_ipv4() {
    let Some(world) = World::new() else { return };
    assert!(world.host.run(veld_network::host_has_ipv6).unwrap());
    world.host.set_sysctl("ipv6/conf/default/disable_ipv6", 1);
    assert!(!world.host.run(veld_network::host_has_ipv6).unwrap());
    let one = Netns::new();
    let error = world.attach(&one, &link(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "link veld1 has IPv6 switched off (see disable_ipv6)"
    );
    assert!(!world.exists("veld1"));
    world.attach(&one, &with(&[guest4(1)])).unwrap();
    assert!(talks(&one, &world.lan, LAN4));
}

#[test]
fn a_port_gets_another_gateway_and_another_bridge() {
    let Some(world) = World::new() else { return };
    for bridge in ["veldbr", "twobr"] {
        world.host.run(|| ensure_bridge(bridge, false)).unwrap();
    }
    let port = |bridge: &str, gateway: &str| Interface {
        kind: Kind::Bridge {
            bridge: bridge.into(),
            vlan: None,
        },
        addresses: vec!["10.88.0.1/24".parse().unwrap()],
        gateways: vec![gateway.parse().unwrap()],
        ..link(1)
    };
    let one = Netns::new();
    let before = port("veldbr", "10.88.0.2");
    world.attach(&one, &before).unwrap();
    let mut there = port("twobr", "10.88.0.1");
    there.host_name = "veld2".into();
    there.mac = mac_for(2, 0);
    there.addresses = vec!["10.88.0.3/24".parse().unwrap()];
    let two = Netns::new();
    world.attach(&two, &there).unwrap();
    let peer: IpAddr = "10.88.0.3".parse().unwrap();
    assert!(!talks(&one, &two, peer));
    let after = port("twobr", "10.88.0.3");
    change(&world, &one, &before, &after);
    assert_eq!(one.ip("route show default").matches("default").count(), 1);
    assert!(one.ip("route show default").contains("10.88.0.3"));
    one.ip("neigh flush all");
    assert!(talks(&one, &two, peer));
    let error = refused(&world, &one, &after, &port("up0", "10.88.0.3"));
    assert_eq!(error.to_string(), "link up0 is not a bridge");
    let error = refused(&world, &one, &after, &link(1));
    assert_eq!(error.errno(), Some(22), "another kind: {error}");
    assert!(talks(&one, &two, peer));
}
