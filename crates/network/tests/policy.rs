//! What may come into a guest and go out of it, and who is kept apart.

mod knock;
mod world;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};

use knock::{Knock, ask, at, knock, rules, tcp};
use veld_network::{
    Direction, GuestRules, Policy, PolicyRule, RuleProtocol, Transport, admit, change, withdraw,
};
use world::{HOST4, HOST6, LAN4, LAN6, Netns, World, guest4, guest6, talks};

const TCP: Option<RuleProtocol> = Some(RuleProtocol::Transport(Transport::Tcp));
const UDP: Option<RuleProtocol> = Some(RuleProtocol::Transport(Transport::Udp));
const ICMP: Option<RuleProtocol> = Some(RuleProtocol::Icmp);

fn rule(
    direction: Direction,
    protocol: Option<RuleProtocol>,
    ports: Option<(u16, u16)>,
    peer: Option<&str>,
) -> PolicyRule {
    PolicyRule {
        direction,
        protocol,
        ports: ports.map(|(first, last)| first..=last),
        peer: peer.map(|peer| peer.parse().expect("a network")),
    }
}

fn under(id: u8, policy: Policy) -> GuestRules {
    GuestRules {
        policy,
        ..rules(id)
    }
}

fn put(world: &World, rules: &GuestRules) {
    let put = world.host.run(|| admit(&world.network, rules));
    put.expect("rules are taken");
}

fn pings(from: &Netns, to: IpAddr) -> bool {
    from.run(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests look at the kernel with other people's tools"
        )]
        let status = std::process::Command::new("ping")
            .args(["-c1", "-W1", "-q", &to.to_string()])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
        status.expect("there is a ping").success()
    })
}

#[test]
fn what_is_denied_is_refused_and_the_rest_passes() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let policy = Policy {
        deny: vec![
            rule(Direction::In, TCP, Some((80, 80)), None),
            rule(Direction::In, TCP, Some((90, 99)), Some("198.18.0.0/24")),
            rule(Direction::In, UDP, Some((53, 53)), Some("fd98::2")),
            rule(Direction::Out, TCP, None, Some("198.18.0.2")),
        ],
        ..Policy::default()
    };
    put(&world, &under(1, policy));
    world.lan.ip("route add 10.77.0.0/16 via 198.18.0.1");
    world.lan.ip("-6 route add fd77::/64 via fd98::1");
    for (from, name) in [(&world.lan, "LAN"), (&two, "guest"), (&world.host, "host")] {
        for address in [guest4(1), guest6(1)] {
            assert_eq!(
                knock(from, at(address, 80), &one, 80),
                Knock::Refused,
                "{name} to {address}"
            );
            let open = knock(from, at(address, 81), &one, 81);
            assert!(matches!(open, Knock::From(_)), "{name}: {open:?}");
        }
    }
    for (from, port, passes) in [
        (&world.lan, 89, true),
        (&world.lan, 90, false),
        (&world.lan, 99, false),
        (&world.lan, 100, true),
        (&two, 95, true),
    ] {
        let seen = knock(from, at(guest4(1), port), &one, port);
        assert_eq!(matches!(seen, Knock::From(_)), passes, "{port}: {seen:?}");
    }
    assert_eq!(ask(&world.lan, at(guest6(1), 53), &one, 53), None);
    assert_eq!(ask(&world.lan, at(guest6(1), 54), &one, 54), Some(LAN6));
    assert_eq!(ask(&two, at(guest6(1), 53), &one, 53), Some(guest6(2)));
    assert_eq!(knock(&one, at(LAN4, 7), &world.lan, 7), Knock::Refused);
    assert_eq!(knock(&one, at(LAN6, 7), &world.lan, 7), Knock::From(HOST6));
    assert_eq!(knock(&two, at(LAN4, 7), &world.lan, 7), Knock::From(HOST4));
}

#[test]
fn a_guest_that_nothing_may_reach_reaches_the_world() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let policy = Policy {
        allow: vec![
            rule(Direction::In, TCP, Some((22, 22)), None),
            rule(Direction::In, ICMP, None, None),
            rule(Direction::In, None, None, Some("fd77::2")),
        ],
        denies_in: true,
        ..Policy::default()
    };
    put(&world, &under(1, policy));
    for (lan, host, own, other) in [
        (LAN4, HOST4, guest4(1), guest4(2)),
        (LAN6, HOST6, guest6(1), guest6(2)),
    ] {
        // Out and back, as the answers of a connection are part of it.
        assert_eq!(knock(&one, at(lan, 7), &world.lan, 7), Knock::From(host));
        assert_eq!(knock(&one, at(host, 7), &world.host, 7), Knock::From(own));
        assert_eq!(knock(&one, at(other, 7), &two, 7), Knock::From(own));
        assert!(talks(&one, &world.lan, lan), "{lan}");
        assert_eq!(
            knock(&world.host, at(own, 80), &one, 80),
            Knock::Refused,
            "{own}"
        );
        let ssh = knock(&world.host, at(own, 22), &one, 22);
        assert_eq!(ssh, Knock::From(host));
        assert!(pings(&two, own) && pings(&world.host, own), "{own}");
    }
    assert_eq!(knock(&two, at(guest4(1), 80), &one, 80), Knock::Refused);
    let allowed = knock(&two, at(guest6(1), 80), &one, 80);
    assert_eq!(allowed, Knock::From(guest6(2)));
    // Neighbours are found by what is no connection.
    one.ip("neigh flush all nud permanent");
    assert!(talks(&one, &world.lan, LAN4), "by ARP");
    assert!(talks(&one, &world.lan, LAN6), "by neighbour discovery");
}

#[test]
fn a_guest_that_may_not_call_answers() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let policy = Policy {
        allow: vec![rule(
            Direction::Out,
            UDP,
            Some((53, 53)),
            Some("198.18.0.0/24"),
        )],
        denies_out: true,
        ..Policy::default()
    };
    put(&world, &under(1, policy));
    for (lan, host, own) in [(LAN4, HOST4, guest4(1)), (LAN6, HOST6, guest6(1))] {
        assert_eq!(knock(&one, at(lan, 7), &world.lan, 7), Knock::Refused);
        assert_eq!(knock(&one, at(host, 7), &world.host, 7), Knock::Refused);
        let called = knock(&world.host, at(own, 80), &one, 80);
        assert_eq!(called, Knock::From(host));
    }
    assert_eq!(ask(&one, at(LAN4, 53), &world.lan, 53), Some(HOST4));
    assert_eq!(ask(&one, at(LAN4, 54), &world.lan, 54), None);
    assert_eq!(ask(&one, at(LAN6, 53), &world.lan, 53), None);
    one.ip("neigh flush all nud permanent");
    assert_eq!(ask(&one, at(LAN4, 53), &world.lan, 53), Some(HOST4));
    assert_eq!(
        knock(&world.host, at(guest6(1), 80), &one, 80),
        Knock::From(HOST6)
    );
}

#[test]
fn a_policy_holds_for_published_ports_by_the_port_inside() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let mut guest = under(
        1,
        Policy {
            allow: vec![rule(Direction::In, TCP, Some((80, 80)), None)],
            denies_in: true,
            ..Policy::default()
        },
    );
    guest.publish = vec![tcp(None, 8080, 80), tcp(None, 8081, 81)];
    put(&world, &guest);
    let local: IpAddr = "127.0.0.1".parse().unwrap();
    for (from, to) in [
        (&world.lan, HOST4),
        (&world.lan, HOST6),
        (&two, HOST4),
        (&world.host, HOST4),
        (&world.host, HOST6),
        (&world.host, local),
    ] {
        let open = knock(from, at(to, 8080), &one, 80);
        assert!(matches!(open, Knock::From(_)), "{to}: {open:?}");
        assert_eq!(knock(from, at(to, 8081), &one, 81), Knock::Refused, "{to}");
    }
}

#[test]
fn a_policy_changes_in_one_step_and_connections_go_on() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let listener = one.run(|| TcpListener::bind(("0.0.0.0", 80))).unwrap();
    let mut stream = world
        .host
        .run(|| TcpStream::connect((guest4(1), 80)))
        .unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    let open = rules(1);
    let closed = under(
        1,
        Policy {
            denies_in: true,
            denies_out: true,
            ..Policy::default()
        },
    );
    world
        .host
        .run(|| change(&world.network, &open, &closed))
        .unwrap();
    let mut word = [0; 5];
    stream.write_all(b"hello").unwrap();
    accepted.read_exact(&mut word).unwrap();
    accepted.write_all(b"hello").unwrap();
    stream.read_exact(&mut word).unwrap();
    drop(listener);
    assert_eq!(
        knock(&world.host, at(guest4(1), 80), &one, 80),
        Knock::Refused
    );
    let printed = world.host.nft("list table inet veld");
    for line in [
        "elements = { \"veld1\" : jump ve1_in }",
        "elements = { 10.77.0.1 : jump ve1_in }",
        "elements = { fd77::1 : jump ve1_in }",
        "elements = { \"veld1\" : jump ve1_out }",
        "goto refused",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    world
        .host
        .run(|| change(&world.network, &closed, &open))
        .unwrap();
    let again = knock(&world.host, at(guest4(1), 80), &one, 80);
    assert_eq!(again, Knock::From(HOST4));
    let printed = world.host.nft("list table inet veld");
    assert!(!printed.contains("ve1_") && !printed.contains("elements"));
}

#[test]
fn rules_read_as_they_were_written() {
    let Some(world) = World::new() else { return };
    let allow = vec![
        rule(Direction::In, TCP, Some((80, 80)), Some("192.0.2.0/25")),
        rule(
            Direction::In,
            UDP,
            Some((5000, 6000)),
            Some("2001:db8::/33"),
        ),
        rule(Direction::In, ICMP, None, None),
        rule(Direction::In, None, None, Some("192.0.2.9")),
        rule(Direction::In, TCP, None, None),
    ];
    let policy = Policy {
        allow,
        denies_in: true,
        ..Policy::default()
    };
    put(&world, &under(7, policy));
    let printed = world.host.nft("list chain inet veld ve7_in");
    let lines: Vec<&str> = printed.lines().map(str::trim).collect();
    assert_eq!(
        lines[2..9],
        [
            "tcp dport 80 ip saddr 192.0.2.0/25 return",
            "udp dport 5000-6000 ip6 saddr 2001:db8::/33 return",
            "meta l4proto icmp return",
            "meta l4proto ipv6-icmp return",
            "ip saddr 192.0.2.9 return",
            "meta l4proto tcp return",
            "goto refused",
        ],
        "{printed}"
    );
}

#[test]
fn an_isolated_group_sees_itself_and_the_world() {
    let Some(world) = World::new() else { return };
    let guests: Vec<Netns> = (1..=5).map(|id| world.guest(id)).collect();
    let member = |id: u8, group: &str| GuestRules {
        isolated: Some(group.to_owned()),
        ..rules(id)
    };
    let members = [member(1, "blue"), member(2, "blue"), member(3, "red-1")];
    for rules in &members {
        put(&world, rules);
    }
    let group = |id: u8| match id {
        1 | 2 => "blue",
        3 => "red-1",
        _ => "",
    };
    for from in 1..=5_u8 {
        for to in (1..=5).filter(|to| *to != from) {
            let seen = group(from) == group(to);
            for (address, own) in [(guest4(to), guest4(from)), (guest6(to), guest6(from))] {
                let target = &guests[usize::from(to) - 1];
                let knocked = knock(&guests[usize::from(from) - 1], at(address, 80), target, 80);
                let expected = if seen {
                    Knock::From(own)
                } else {
                    Knock::Refused
                };
                assert_eq!(knocked, expected, "{from} to {to}");
            }
        }
        let own = &guests[usize::from(from) - 1];
        assert_eq!(knock(own, at(LAN4, 7), &world.lan, 7), Knock::From(HOST4));
        let called = knock(&world.host, at(guest4(from), 80), own, 80);
        assert_eq!(called, Knock::From(HOST4));
    }
    // Nor is there a way in by a port of the host, but for the host and the world.
    let mut published = members[0].clone();
    published.publish = vec![tcp(None, 8080, 80)];
    world
        .host
        .run(|| change(&world.network, &members[0], &published))
        .unwrap();
    let to = at(HOST4, 8080);
    assert_eq!(knock(&guests[3], to, &guests[0], 80), Knock::Refused);
    assert_eq!(
        knock(&guests[1], to, &guests[0], 80),
        Knock::From(guest4(2))
    );
    assert_eq!(knock(&world.lan, to, &guests[0], 80), Knock::From(LAN4));
}

#[test]
fn isolation_comes_at_once_and_goes() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), world.guest(2));
    let listener = two.run(|| TcpListener::bind(("0.0.0.0", 80))).unwrap();
    let mut stream = one.run(|| TcpStream::connect((guest4(2), 80))).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    let (free, mut blue, mut red) = (rules(1), rules(1), rules(1));
    blue.isolated = Some("blue".to_owned());
    red.isolated = Some("red".to_owned());
    put(&world, &blue);
    accepted.set_read_timeout(Some(world::SILENCE)).unwrap();
    let _ = stream.write_all(b"hello");
    assert!(
        accepted.read(&mut [0; 5]).is_err(),
        "not even what was open"
    );
    drop(listener);
    // The other joins, and the first leaves for another group.
    let mut other = rules(2);
    other.isolated = Some("blue".to_owned());
    put(&world, &other);
    let to = at(guest4(2), 80);
    assert_eq!(knock(&one, to, &two, 80), Knock::From(guest4(1)));
    world
        .host
        .run(|| change(&world.network, &blue, &red))
        .unwrap();
    assert_eq!(knock(&one, to, &two, 80), Knock::Refused);
    world
        .host
        .run(|| change(&world.network, &red, &free))
        .unwrap();
    assert_eq!(knock(&one, to, &two, 80), Knock::Refused, "the other is");
    world.host.run(|| withdraw(&world.network, &other)).unwrap();
    assert_eq!(knock(&one, to, &two, 80), Knock::From(guest4(1)));
}
