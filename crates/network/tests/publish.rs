//! Ports of the host that lead to guests.

mod knock;
mod world;

use std::net::{IpAddr, TcpListener};

use knock::{Knock, ask, at, knock, rules, tcp, udp};
use veld_network::{Error, GuestRules, admit, change, ensure_host, holder, rebuild, withdraw};
use world::{HOST4, HOST6, LAN4, LAN6, Netns, World, guest4, guest6};

const LOOPBACK: &str = "127.0.0.1";
/// Who a guest sees where it is not to see itself.
const GATEWAY: &str = "169.254.0.1";

fn publishing(id: u8, ports: &[veld_network::Publish]) -> GuestRules {
    GuestRules {
        publish: ports.to_vec(),
        ..rules(id)
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn a_published_port_is_reached_from_everywhere() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let ports = publishing(1, &[tcp(None, 8080, 80)]);
    for (host, lan, guest) in [(HOST4, LAN4, guest4(2)), (HOST6, LAN6, guest6(2))] {
        let to = at(host, 8080);
        assert_eq!(knock(&world.lan, to, &one, 80), Knock::Refused, "not yet");
        world.host.run(|| admit(&world.network, &ports)).unwrap();
        assert_eq!(knock(&world.lan, to, &one, 80), Knock::From(lan));
        assert_eq!(knock(&two, to, &one, 80), Knock::From(guest));
        assert_eq!(knock(&world.host, to, &one, 80), Knock::From(host));
        let itself = if host == HOST4 {
            address(GATEWAY)
        } else {
            host
        };
        assert_eq!(knock(&one, to, &one, 80), Knock::From(itself));
        world.host.run(|| withdraw(&world.network, &ports)).unwrap();
        assert_eq!(knock(&world.lan, to, &one, 80), Knock::Refused, "no more");
        assert_eq!(knock(&world.host, to, &one, 80), Knock::Refused);
    }
    let left = world.host.nft("list ruleset");
    assert!(!left.contains("elements"), "{left}");
}

#[test]
fn a_port_of_loopback_is_the_hosts_alone() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let local = at(address(LOOPBACK), 2222);
    let ports = publishing(1, &[tcp(Some(LOOPBACK), 2222, 22)]);
    world.host.run(|| admit(&world.network, &ports)).unwrap();
    let host = Knock::From(address(GATEWAY));
    assert_eq!(knock(&world.host, local, &one, 22), host);
    for (who, to) in [
        (&world.lan, at(HOST4, 2222)),
        (&two, at(HOST4, 2222)),
        (&world.host, at(HOST4, 2222)),
        (&world.host, at(address("127.0.0.2"), 2222)),
    ] {
        assert_eq!(knock(who, to, &one, 22), Knock::Refused, "{to}");
    }
    // Packets for 127.0.0.1 that come by a link: from the LAN, and from the guest
    // whose link lets the host's own through.
    let service = at(address(LOOPBACK), 99);
    for (who, gateway) in [(&world.lan, HOST4), (&one, address(GATEWAY))] {
        who.set_sysctl("ipv4/conf/all/route_localnet", 1);
        who.ip("addr del 127.0.0.1/8 dev lo");
        who.ip(&format!("route add 127.0.0.1 via {gateway} dev eth0"));
        assert_eq!(knock(who, local, &one, 22), Knock::Silence);
        assert_eq!(knock(who, service, &world.host, 99), Knock::Silence);
    }
    world.host.nft("flush chain inet veld from_guest");
    let without = knock(&one, service, &world.host, 99);
    assert_eq!(without, Knock::From(guest4(1)), "or nothing was shown");
    assert_eq!(world.host.sysctl("ipv4/conf/veld1/route_localnet"), "1");
    assert_eq!(world.host.sysctl("ipv4/conf/veld2/route_localnet"), "0");
    let none = rules(1);
    world
        .host
        .run(|| change(&world.network, &ports, &none))
        .unwrap();
    assert_eq!(world.host.sysctl("ipv4/conf/veld1/route_localnet"), "0");
}

#[test]
fn a_host_with_no_address_of_its_own_reaches_its_ports() {
    let Some(world) = World::new() else { return };
    let (host, one) = (Netns::new(), Netns::new());
    host.ip("link set lo up");
    let ports = publishing(1, &[tcp(None, 8080, 80)]);
    host.run(|| {
        ensure_host(&world.network).unwrap();
        veld_network::attach(std::os::fd::AsFd::as_fd(&one), &world::link(1)).unwrap();
        admit(&world.network, &ports).unwrap();
    });
    let seen = Knock::From(address(GATEWAY));
    assert_eq!(knock(&host, at(address(LOOPBACK), 8080), &one, 80), seen);
    let gateway = at(address(GATEWAY), 8080);
    assert_eq!(knock(&one, gateway, &one, 80), seen, "by itself");
}

#[test]
fn datagrams_are_published_too_and_apart() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let first = publishing(1, &[udp(Some("::"), 5353, 53)]);
    let second = publishing(
        2,
        &[tcp(Some("::"), 5353, 53), udp(Some("0.0.0.0"), 5353, 53)],
    );
    world.host.run(|| {
        admit(&world.network, &first).unwrap();
        admit(&world.network, &second).unwrap();
    });
    assert_eq!(ask(&world.lan, at(HOST6, 5353), &one, 53), Some(LAN6));
    assert_eq!(ask(&world.lan, at(HOST4, 5353), &two, 53), Some(LAN4));
    assert_eq!(ask(&one, at(HOST6, 5353), &one, 53), Some(HOST6), "itself");
    assert_eq!(
        knock(&world.lan, at(HOST6, 5353), &two, 53),
        Knock::From(LAN6)
    );
}

#[test]
fn a_port_of_one_address_goes_before_that_of_all() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let host4 = HOST4.to_string();
    let all = publishing(1, &[tcp(None, 80, 80)]);
    let own = publishing(2, &[tcp(Some(&host4), 80, 80)]);
    world.host.run(|| {
        admit(&world.network, &all).unwrap();
        admit(&world.network, &own).unwrap();
    });
    assert_eq!(
        knock(&world.lan, at(HOST4, 80), &two, 80),
        Knock::From(LAN4)
    );
    assert_eq!(
        knock(&world.lan, at(HOST6, 80), &one, 80),
        Knock::From(LAN6)
    );
}

#[test]
fn a_port_of_somebody_else_is_refused_and_named() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let port = tcp(None, 8080, 80);
    let first = publishing(1, &[port]);
    world.host.run(|| admit(&world.network, &first)).unwrap();
    let both = publishing(2, &[tcp(None, 8081, 80), tcp(Some("::"), 8080, 80)]);
    let error = world.host.run(|| admit(&world.network, &both)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "[::]:8080/tcp is already published for fd77::1"
    );
    // Nothing of it was done, and undoing it does not take the other's.
    world.host.run(|| withdraw(&world.network, &both)).unwrap();
    let (found, free) = world.host.run(|| {
        (
            holder(&world.network, &port).unwrap(),
            holder(&world.network, &tcp(None, 8081, 80)).unwrap(),
        )
    });
    assert_eq!((found, free), (Some(guest4(1)), None));
    assert_eq!(
        knock(&world.lan, at(HOST4, 8080), &one, 80),
        Knock::From(LAN4)
    );
}

#[test]
fn a_port_of_a_process_of_the_host_is_refused() {
    let Some(world) = World::new() else { return };
    let (one, host4) = (world.guest(1), HOST4.to_string());
    let listener = world.host.run(|| TcpListener::bind((HOST4, 8080))).unwrap();
    let _datagrams = world.host.udp(address("::"), 5353);
    let cases = [
        (tcp(None, 8080, 80), "8080/tcp"),
        (tcp(Some(&host4), 8080, 80), "198.18.0.1:8080/tcp"),
        (udp(None, 5353, 53), "5353/udp"),
    ];
    for (port, name) in cases {
        let error = world
            .host
            .run(|| admit(&world.network, &publishing(1, &[port])))
            .unwrap_err();
        let expected = format!("{name} is in use by a process of the host");
        assert_eq!(error.to_string(), expected);
    }
    for port in [
        udp(None, 8080, 80),
        tcp(Some(LOOPBACK), 8080, 80),
        tcp(Some("203.0.113.9"), 8080, 80),
    ] {
        let ports = publishing(1, &[port]);
        world.host.run(|| admit(&world.network, &ports)).unwrap();
        world.host.run(|| withdraw(&world.network, &ports)).unwrap();
    }
    // One that has a connection left over is not in use.
    let connection = world
        .lan
        .run(|| std::net::TcpStream::connect((HOST4, 8080)))
        .unwrap();
    drop(listener.accept().unwrap());
    drop(connection);
    drop(listener);
    let ports = publishing(1, &[tcp(None, 8080, 80)]);
    world.host.run(|| admit(&world.network, &ports)).unwrap();
    drop(one);
}

#[test]
fn what_can_lead_nowhere_is_refused_in_words() {
    let Some(world) = World::new() else { return };
    let mut only4 = publishing(1, &[]);
    only4.addresses = vec![guest4(1)];
    let cases = [
        (
            tcp(Some("::1"), 80, 80),
            "cannot publish [::1]:80/tcp: the kernel forwards nothing from or to ::1",
        ),
        (
            tcp(Some("fe80::1"), 80, 80),
            "cannot publish [fe80::1]:80/tcp: the kernel forwards nothing from or to a link-local address",
        ),
        (
            udp(Some("::"), 53, 53),
            "cannot publish [::]:53/udp: there is no IPv6 address inside that it could lead to",
        ),
        (
            tcp(Some("224.0.0.1"), 53, 53),
            "cannot publish 224.0.0.1:53/tcp: the address is not one host's",
        ),
        (tcp(None, 0, 53), "cannot publish 0/tcp: there is no port 0"),
    ];
    for (port, text) in cases {
        only4.publish = vec![port];
        let error = world
            .host
            .run(|| admit(&world.network, &only4))
            .unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    only4.addresses.clear();
    only4.publish = vec![tcp(None, 80, 80)];
    let error = world
        .host
        .run(|| admit(&world.network, &only4))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot publish 80/tcp: there is no address inside that it could lead to"
    );
}

#[test]
fn ports_change_while_a_connection_goes_on() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let listener = one.run(|| TcpListener::bind(("0.0.0.0", 80))).unwrap();
    let old = publishing(1, &[tcp(None, 8080, 80), tcp(None, 8081, 80)]);
    let new = publishing(1, &[tcp(None, 8081, 81), tcp(None, 8082, 82)]);
    world.host.run(|| admit(&world.network, &old)).unwrap();
    let mut stream = world
        .lan
        .run(|| std::net::TcpStream::connect((HOST4, 8080)))
        .unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    world
        .host
        .run(|| change(&world.network, &old, &new))
        .unwrap();
    std::io::Write::write_all(&mut stream, b"still here").unwrap();
    let mut word = [0; 10];
    std::io::Read::read_exact(&mut accepted, &mut word).unwrap();
    assert_eq!(&word, b"still here");
    for (port, inner, known) in [(8080, 83, false), (8081, 81, true), (8082, 82, true)] {
        let seen = knock(&world.lan, at(HOST4, port), &one, inner);
        assert_eq!(seen == Knock::From(LAN4), known, "{port}: {seen:?}");
    }
    // Once more is as good as once, and so is what was done in part.
    for _ in 0..2 {
        world
            .host
            .run(|| change(&world.network, &old, &new))
            .unwrap();
    }
    world
        .host
        .nft("delete element inet veld published4 { tcp . 8082 }");
    world
        .host
        .run(|| change(&world.network, &old, &new))
        .unwrap();
    assert_eq!(
        knock(&world.lan, at(HOST4, 8082), &one, 82),
        Knock::From(LAN4)
    );
}

#[test]
fn a_link_that_is_not_there_is_in_the_way_of_no_port() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let old = publishing(1, &[tcp(None, 8080, 80)]);
    let mut new = old.clone();
    // Rules come before the link that they are for.
    new.links.push("veld1.1".into());
    let change = |old: &GuestRules, new: &GuestRules| {
        world.host.run(|| change(&world.network, old, new)).unwrap();
    };
    change(&rules(1), &old);
    change(&old, &new);
    let seen = knock(&world.host, at(address(LOOPBACK), 8080), &one, 80);
    assert_eq!(seen, Knock::From(address(GATEWAY)));
    change(&new, &rules(1));
    assert!(!world.host.nft("list ruleset").contains("elements"));
}

#[test]
fn flushed_rules_are_rebuilt_for_all() {
    let Some(world) = World::new() else { return };
    let guests: Vec<Netns> = (1..=3).map(|id| world.guest(id)).collect();
    let all: Vec<GuestRules> = (1..=3)
        .map(|id| publishing(id, &[tcp(None, 8000 + u16::from(id), 80)]))
        .collect();
    let put = |rules: &GuestRules| world.host.run(|| admit(&world.network, rules));
    all.iter().try_for_each(put).unwrap();
    let fill = || rebuild(&world.network, &[]);
    assert!(world.host.run(fill).is_empty(), "none but those");
    let before = world.host.nft("list ruleset");
    world.host.nft("flush ruleset");
    let error = put(&all[0]).unwrap_err();
    assert!(matches!(error, Error::NotLoaded { .. }), "{error:?}");
    assert_eq!(error.to_string(), "table inet veld is not loaded");
    world
        .host
        .run(|| withdraw(&world.network, &all[0]))
        .unwrap();
    let mut wanted = all.clone();
    wanted.push(publishing(4, &[tcp(None, 8001, 80)]));
    let refused = world.host.run(|| {
        ensure_host(&world.network).unwrap();
        rebuild(&world.network, &wanted)
    });
    let refused: Vec<(u32, String)> = refused
        .into_iter()
        .map(|(number, error)| (number, error.to_string()))
        .collect();
    let taken = "8001/tcp is already published for 10.77.0.1";
    assert_eq!(refused, [(4, taken.to_owned())]);
    assert_eq!(world.host.nft("list ruleset"), before);
    for (id, guest) in (1..).zip(&guests) {
        let to = at(HOST4, 8000 + id);
        assert_eq!(knock(&world.lan, to, guest, 80), Knock::From(LAN4));
    }
}
