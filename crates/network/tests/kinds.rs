//! Interfaces that are not routed: ports of bridges, links on top of others, links of
//! the host's that a guest has for a while.

mod world;

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Instant;

use veld_network::{Error, Interface, Kind, Nic, ensure_bridge, nic, release};
use world::{Netns, World, any, link, send, talks};

const BRIDGE: &str = "veldbr";

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn address(id: u8) -> IpAddr {
    format!("10.88.0.{id}").parse().unwrap()
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn address6(id: u8) -> IpAddr {
    format!("fd88::{id:x}").parse().unwrap()
}

/// An interface with addresses of a network that it shares with others.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn of_kind(id: u8, kind: Kind) -> Interface {
    Interface {
        kind,
        addresses: vec![
            format!("{}/24", address(id)).parse().unwrap(),
            format!("{}/64", address6(id)).parse().unwrap(),
        ],
        ..link(id)
    }
}

fn bridged(id: u8) -> Interface {
    of_kind(
        id,
        Kind::Bridge {
            bridge: BRIDGE.into(),
            vlan: None,
        },
    )
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn guest(world: &World, interface: &Interface) -> Netns {
    let guest = Netns::new();
    world.attach(&guest, interface).unwrap();
    guest
}

fn plug(world: &World, guest: &Netns, interface: &Interface) -> Result<(), Error> {
    world
        .host
        .run(|| veld_network::plug(guest.as_fd(), interface))
}

/// Whether they talk once a link that nobody waited for has its carrier and addresses.
fn eventually(from: &Netns, to: &Netns, address: IpAddr) {
    let begun = Instant::now();
    while !talks(from, to, address) {
        assert!(begun.elapsed().as_secs() < 5, "{address}");
    }
}

#[test]
fn the_first_packet_between_ports_of_a_bridge_arrives_and_the_host_is_not_there() {
    let Some(world) = World::new() else { return };
    world.host.run(|| ensure_bridge(BRIDGE, false)).unwrap();
    let (one, two) = (guest(&world, &bridged(1)), guest(&world, &bridged(2)));
    for (from, to) in [(address(1), address(2)), (address6(1), address6(2))] {
        assert_eq!(send(&one, any(from), &two, to), Some(from));
        assert!(talks(&two, &one, from));
    }
    for end in ["veld1", "veld2"] {
        let shown = world.host.ip(&format!("addr show dev {end}"));
        assert!(!shown.contains("inet"), "{shown}");
    }
    world
        .host
        .ip(&format!("addr add {}/24 dev {BRIDGE}", address(9)));
    assert!(talks(&one, &world.host, address(9)), "once it wants to be");
}

#[test]
fn a_bridge_of_ours_is_made_once_and_keeps_its_address() {
    let Some(world) = World::new() else { return };
    let look = || {
        let shown = world.host.ip("-o -d link show veldbr");
        let mac = shown.split("link/ether ").nth(1).map(str::to_owned);
        let mac = mac.and_then(|rest| rest.split(' ').next().map(str::to_owned));
        (mac, shown)
    };
    world.host.run(|| ensure_bridge(BRIDGE, false)).unwrap();
    let (mac, shown) = look();
    for setting in ["stp_state 0", "forward_delay 0", ",UP"] {
        assert!(shown.contains(setting), "{setting}: {shown}");
    }
    let _one = guest(&world, &bridged(1));
    world.host.run(|| ensure_bridge(BRIDGE, false)).unwrap();
    assert_eq!(look().0, mac, "whatever its ports");
    let error = world.host.run(|| ensure_bridge("up0", false)).unwrap_err();
    assert_eq!(error.to_string(), "link up0 is not a bridge");
}

#[test]
fn a_bridge_that_somebody_made_takes_no_address_of_a_port() {
    let Some(world) = World::new() else { return };
    world.host.ip("link add br0 type bridge");
    world.host.ip("link set br0 up");
    world
        .host
        .ip("link add hw0 address 52:54:00:00:00:01 type veth peer name hw1");
    world.host.ip("link set hw0 master br0 up");
    let mut ours = bridged(1);
    ours.kind = Kind::Bridge {
        bridge: "br0".into(),
        vlan: None,
    };
    let _one = guest(&world, &ours);
    let shown = world.host.ip("link show br0");
    assert!(shown.contains("52:54:00:00:00:01"), "{shown}");
}

#[test]
fn what_it_would_lead_to_is_named_where_it_is_missing() {
    let Some(world) = World::new() else { return };
    let bridge = |name: &str, vlan| Kind::Bridge {
        bridge: name.into(),
        vlan,
    };
    let parent = || "no0".to_owned();
    for (kind, text) in [
        (bridge("no0", None), "there is no link no0"),
        (bridge("up0", None), "link up0 is not a bridge"),
        (Kind::Macvlan { parent: parent() }, "there is no link no0"),
        (Kind::Ipvlan { parent: parent() }, "there is no link no0"),
        (
            Kind::Physical {
                nic: parent(),
                mac: None,
            },
            "there is no link no0",
        ),
        (
            Kind::Physical {
                nic: "up0".into(),
                mac: None,
            },
            "link up0 is what the host's default route uses",
        ),
    ] {
        let guest = Netns::new();
        let error = world.attach(&guest, &of_kind(1, kind)).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(!world.exists("veld1"));
        assert!(!guest.ip("-o link").contains("eth0"));
    }
}

#[test]
fn a_vlan_keeps_ports_apart_or_is_refused() {
    let Some(world) = World::new() else { return };
    world.host.run(|| ensure_bridge(BRIDGE, true)).unwrap();
    let in_vlan = |id, vlan| Interface {
        kind: Kind::Bridge {
            bridge: BRIDGE.into(),
            vlan: Some(vlan),
        },
        ..bridged(id)
    };
    let one = Netns::new();
    if let Err(error) = world.attach(&one, &in_vlan(1, 5)) {
        assert_eq!(error.to_string(), "this kernel has no VLANs on bridges");
        assert!(!world.exists("veld1"));
        println!("skipped: {error}");
        return;
    }
    let (two, three) = (guest(&world, &in_vlan(2, 5)), guest(&world, &in_vlan(3, 6)));
    let four = guest(&world, &bridged(4));
    assert!(talks(&one, &two, address(2)));
    assert!(!talks(&one, &three, address(3)));
    assert!(!talks(&one, &four, address(4)));
    let altered = world
        .host
        .run(|| veld_network::alter(three.as_fd(), &in_vlan(3, 6), &in_vlan(3, 5)))
        .unwrap();
    assert!(altered && talks(&one, &three, address(3)));
    world.host.ip("link add br0 type bridge");
    let mut elsewhere = in_vlan(5, 5);
    elsewhere.kind = Kind::Bridge {
        bridge: "br0".into(),
        vlan: Some(5),
    };
    let error = world.attach(&Netns::new(), &elsewhere).unwrap_err();
    assert!(error.to_string().starts_with("bridge br0 does not filter"));
}

#[test]
fn macvlans_reach_each_other_and_the_lan_and_end_with_their_guest() {
    let Some(world) = World::new() else { return };
    let kind = || Kind::Macvlan {
        parent: "up0".into(),
    };
    let (one, two) = (
        guest(&world, &of_kind(1, kind())),
        guest(&world, &of_kind(2, kind())),
    );
    world
        .lan
        .ip(&format!("addr add {}/24 dev eth0", address(9)));
    world
        .lan
        .ip(&format!("addr add {}/64 dev eth0 nodad", address6(9)));
    for (peer, lan) in [(address(2), address(9)), (address6(2), address6(9))] {
        assert!(talks(&one, &two, peer));
        eventually(&one, &world.lan, lan);
    }
    assert!(one.ip("link show eth0").contains("02:45:00:00:00:01"));
    // Two of one parent are told apart by their namespace, whatever their names.
    one.ip("link set eth0 down");
    one.ip("link set eth0 name other0");
    world
        .host
        .run(|| veld_network::unplug(one.as_fd(), &of_kind(1, kind())))
        .unwrap();
    assert!(!one.ip("-o link").contains("macvlan") && !one.ip("-o link").contains("other0"));
    assert!(two.ip("-o link").contains("eth0"));
}

#[test]
fn two_macvlans_of_one_guest_are_told_apart_whatever_it_makes_of_them() {
    let Some(world) = World::new() else { return };
    let macvlan = |number: u8| Interface {
        guest_name: format!("eth{number}"),
        mac: veld_network::mac_for(1, number),
        metric: number.into(),
        ..of_kind(
            1,
            Kind::Macvlan {
                parent: "up0".into(),
            },
        )
    };
    // Of the host's own links one has the same name.
    world.host.ip("link add eth1 type veth peer name eth2");
    let one = guest(&world, &macvlan(1));
    let unplug = |number| {
        world
            .host
            .run(|| veld_network::unplug(one.as_fd(), &macvlan(number)))
            .unwrap();
    };
    unplug(2);
    assert!(one.ip("-o link").contains("eth1"), "it had no other");
    plug(&world, &one, &macvlan(2)).unwrap();
    one.ip("link set eth1 down");
    one.ip("link set eth1 name mine0 address 02:00:00:00:00:77");
    unplug(1);
    let links = one.ip("-o link");
    assert!(
        !links.contains("mine0") && links.contains("eth2"),
        "{links}"
    );
}

#[test]
fn an_ipvlan_is_refused_where_the_kernel_has_none() {
    let Some(world) = World::new() else { return };
    let kind = || Kind::Ipvlan {
        parent: "up0".into(),
    };
    let one = Netns::new();
    if let Err(error) = world.attach(&one, &of_kind(1, kind())) {
        assert_eq!(error.to_string(), "this kernel has no ipvlan");
        println!("skipped: {error}");
        return;
    }
    let two = guest(&world, &of_kind(2, kind()));
    world
        .lan
        .ip(&format!("addr add {}/24 dev eth0", address(9)));
    assert!(talks(&one, &two, address(2)));
    eventually(&one, &world.lan, address(9));
}

/// A pair of which one end plays the NIC and the other the cable to a machine at the
/// other end.
fn cable(world: &World) -> Netns {
    let far = Netns::new();
    world
        .host
        .ip("link add nic0 mtu 1450 address 52:54:00:00:00:07 index 90 type veth peer name far0");
    world.host.ip("addr add 10.88.0.77/24 dev nic0");
    let peer = format!("/proc/{}/fd/{}", std::process::id(), raw(&far));
    world.host.ip(&format!("link set far0 netns {peer}"));
    far.ip(&format!("addr add {}/24 dev far0", address(9)));
    far.ip("link set far0 up");
    far
}

fn raw(netns: &Netns) -> i32 {
    use std::os::fd::AsRawFd;
    netns.as_fd().as_raw_fd()
}

fn physical(id: u8) -> Interface {
    Interface {
        addresses: vec![
            format!("{}/24", address(id))
                .parse()
                .expect("it is an address"),
        ],
        ..of_kind(
            id,
            Kind::Physical {
                nic: "nic0".into(),
                mac: None,
            },
        )
    }
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn take_back(world: &World, guest: &Netns, nic: &Nic) -> bool {
    world
        .host
        .run(|| release(guest.as_fd(), nic, "eth0"))
        .unwrap()
}

#[test]
fn a_nic_goes_into_a_guest_and_comes_back_as_it_was() {
    let Some(world) = World::new() else { return };
    let far = cable(&world);
    let note = world.host.run(|| nic("nic0")).unwrap();
    let mut ours = physical(1);
    ours.mtu = Some(1300);
    ours.kind = Kind::Physical {
        nic: "nic0".into(),
        mac: Some([0x02, 0, 0, 0, 0, 0x33]),
    };
    let one = guest(&world, &ours);
    assert!(!world.exists("nic0"));
    let shown = one.ip("link show eth0");
    assert!(shown.contains("mtu 1300") && shown.contains("02:00:00:00:00:33"));
    eventually(&one, &far, address(9));
    assert!(take_back(&world, &one, &note));
    assert!(!take_back(&world, &one, &note), "only once");
    let shown = world.host.ip("addr show dev nic0");
    for as_before in ["mtu 1450", "52:54:00:00:00:07", "nic0"] {
        assert!(shown.contains(as_before), "{as_before}: {shown}");
    }
    assert!(!one.ip("-o link").contains("eth0"));
}

#[test]
fn a_guest_cannot_keep_a_nic_by_names() {
    let Some(world) = World::new() else { return };
    let _far = cable(&world);
    let note = world.host.run(|| nic("nic0")).unwrap();
    let one = guest(&world, &physical(1));
    one.ip("link set eth0 down");
    one.ip("link set eth0 name mine0");
    one.ip("link property add dev mine0 altname up0");
    one.ip("link set mine0 up");
    assert!(take_back(&world, &one, &note));
    let shown = world.host.ip("link show dev nic0");
    assert!(!shown.contains("altname"), "{shown}");
    // Where the host has given its name to another, it comes back nameless.
    let two = guest(&world, &physical(2));
    world.host.ip("link add nic0 type veth peer name nic1");
    let error = world
        .host
        .run(|| release(two.as_fd(), &note, "eth0"))
        .unwrap_err();
    assert_eq!(error.to_string(), "link nic0 already exists");
    let back = world.host.ip("-o link show");
    let back = back.lines().find(|line| line.contains("52:54:00:00:00:07"));
    assert!(back.is_some_and(|line| line.contains(": dev")), "{back:?}");
}

#[test]
fn a_nic_that_cannot_be_set_up_is_back_at_once() {
    let Some(world) = World::new() else { return };
    let _far = cable(&world);
    let one = Netns::new();
    let mut wrong = physical(1);
    wrong.mtu = Some(10);
    let error = world.attach(&one, &wrong).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot set the MTU of link eth0 inside to 10"
    );
    assert!(world.host.ip("link show dev nic0").contains("mtu 1450"));
    one.ip("link add eth0 type veth peer name other0");
    let error = plug(&world, &one, &physical(1)).unwrap_err();
    assert_eq!(error.to_string(), "link eth0 already exists");
    assert!(world.exists("nic0"));
}

#[test]
fn several_interfaces_of_several_kinds_work_side_by_side() {
    let Some(world) = World::new() else { return };
    world.host.run(|| ensure_bridge(BRIDGE, false)).unwrap();
    let one = world.guest(1);
    let second = Interface {
        host_name: "veld1.2".into(),
        guest_name: "eth1".into(),
        mac: veld_network::mac_for(1, 2),
        gateways: vec![address(9), address6(9)],
        metric: 2,
        ..bridged(1)
    };
    plug(&world, &one, &second).unwrap();
    let two = guest(&world, &bridged(2));
    assert!(talks(&one, &two, address(2)) && talks(&one, &two, address6(2)));
    assert!(talks(&one, &world.host, world::HOST4), "by the first");
    let routes = one.ip("route") + &one.ip("-6 route");
    assert!(
        routes.contains("default via 10.88.0.9 dev eth1 proto static metric 2"),
        "{routes}"
    );
    assert!(
        routes.contains("default via fd88::9 dev eth1 proto static metric 1026"),
        "{routes}"
    );
    assert!(
        routes.contains("default via 169.254.0.1 dev eth0"),
        "{routes}"
    );
    world
        .host
        .run(|| veld_network::unplug(one.as_fd(), &second))
        .unwrap();
    assert!(!one.ip("-o link").contains("eth1") && !world.exists("veld1.2"));
    assert!(talks(&one, &world.host, world::HOST4));
}

#[test]
fn each_of_two_routed_interfaces_answers_by_itself() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let second = Interface {
        host_name: "veld1.2".into(),
        guest_name: "eth1".into(),
        mac: veld_network::mac_for(1, 2),
        metric: 2,
        ..link(3)
    };
    let rules = || one.ip("rule") + &one.ip("-6 rule");
    let before = rules();
    plug(&world, &one, &second).unwrap();
    for address in [1, 3]
        .map(world::guest4)
        .into_iter()
        .chain([1, 3].map(world::guest6))
    {
        assert!(talks(&world.host, &one, address), "{address}");
        let [host, lan] = if address.is_ipv4() {
            [world::HOST4, world::LAN4]
        } else {
            [world::HOST6, world::LAN6]
        };
        assert_eq!(send(&one, address, &world.host, host), Some(address));
        let masqueraded = send(&one, address, &world.lan, lan);
        assert_eq!(masqueraded, Some(host), "{address} to the LAN");
    }
    world
        .host
        .run(|| veld_network::unplug(one.as_fd(), &second))
        .unwrap();
    assert_eq!(rules(), before);
    assert!(talks(&world.host, &one, world::guest4(1)));
}

#[test]
fn times_are_printed() {
    let Some(world) = World::new() else { return };
    world.host.run(|| ensure_bridge(BRIDGE, false)).unwrap();
    let kinds = [
        bridged(1).kind,
        Kind::Macvlan {
            parent: "up0".into(),
        },
    ];
    for (kind, id) in kinds.into_iter().zip(1..) {
        for round in 0..5 {
            let guest = Netns::new();
            let mut interface = of_kind(10 * id + round, kind.clone());
            interface.host_name = format!("veld{id}.{round}");
            let begun = Instant::now();
            world.attach(&guest, &interface).unwrap();
            println!("attach {kind:?}: {:?}", begun.elapsed());
        }
    }
}
