//! Rules beside those of others, and beside those of many.

mod knock;
mod world;

use std::time::{Duration, Instant};

use knock::{Knock, at, knock, rules, tcp};
use veld_network::{
    Direction, GuestRules, Policy, PolicyRule, admit, rebuild, reload_host, remove_host, withdraw,
};
use world::{HOST4, LAN4, World, guest4};

/// What firewalls and managers of containers load: chains at the same hooks, NAT
/// of their own, the old tables of iptables.
const OTHERS: &str = "
table inet firewalld {
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname \"up0\" tcp dport 25 reject with icmpx admin-prohibited
    }
    chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; policy accept; }
    chain nat_POSTROUTING {
        type nat hook postrouting priority srcnat + 10; policy accept;
        oifname \"up0\" ip saddr 172.16.0.0/12 masquerade
    }
}
table ip nat {
    chain DOCKER { iifname \"docker0\" return
        iifname != \"docker0\" tcp dport 9000 dnat to 172.17.0.2:80
    }
    chain PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local jump DOCKER
    }
    chain POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
        oifname != \"docker0\" ip saddr 172.17.0.0/16 masquerade
    }
}
table ip filter {
    chain FORWARD { type filter hook forward priority filter; policy accept;
        oifname \"docker0\" ct state established,related accept
    }
}
table netdev shaping {
    chain none { }
}
";

fn full(id: u32) -> GuestRules {
    let port = 2000 + u16::try_from(id).expect("at most 1,010 guests");
    GuestRules {
        number: id,
        links: vec![format!("veld{id}")],
        addresses: vec![std::net::Ipv4Addr::from_bits(0x0a4d_0000 | id).into()],
        // Not of loopback, for which there would have to be a link.
        publish: vec![tcp(Some("198.18.0.1"), port, 80)],
        policy: Policy {
            deny: vec![PolicyRule {
                direction: Direction::Out,
                protocol: None,
                ports: None,
                peer: Some("192.0.2.0/24".parse().expect("a network")),
            }],
            denies_in: true,
            ..Policy::default()
        },
        isolated: Some(format!("group{}", id % 10)),
    }
}

#[test]
fn tables_of_others_stay_byte_for_byte() {
    let Some(world) = World::new() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "a script for nft, which is gone with the test"
    )]
    std::fs::write(file.path(), OTHERS).unwrap();
    world.host.nft(&format!("-f {}", file.path().display()));
    let tables = ["inet firewalld", "ip nat", "ip filter", "netdev shaping"];
    let others = || tables.map(|table| world.host.nft(&format!("-a list table {table}")));
    let before = others();
    let one = world.guest(1);
    let mut ports = rules(1);
    ports.publish = vec![tcp(None, 8080, 80)];
    ports.policy.denies_out = true;
    ports.isolated = Some("blue".to_owned());
    world.host.run(|| {
        admit(&world.network, &ports).unwrap();
        reload_host(&world.network).unwrap();
        assert!(rebuild(&world.network, &[ports.clone()]).is_empty());
    });
    assert_eq!(others(), before);
    let to = at(HOST4, 8080);
    assert_eq!(knock(&world.lan, to, &one, 80), Knock::From(LAN4));
    world.host.run(|| {
        withdraw(&world.network, &ports).unwrap();
        remove_host(&world.network).unwrap();
    });
    assert_eq!(others(), before);
    let left = world.host.nft("list tables");
    assert_eq!(left.lines().count(), tables.len(), "{left}");
}

#[test]
fn a_thousand_guests_cost_a_guest_little() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let measure = |id: u32| {
        let guest = full(id);
        let begun = Instant::now();
        world.host.run(|| admit(&world.network, &guest)).unwrap();
        begun.elapsed()
    };
    let first: Duration = (1..=10).map(measure).min().unwrap();
    let all: Vec<GuestRules> = (11..=1000).map(full).collect();
    let begun = Instant::now();
    let refused = world.host.run(|| rebuild(&world.network, &all));
    let together = begun.elapsed();
    assert!(refused.is_empty(), "{refused:?}");
    let last: Duration = (1001..=1010).map(measure).min().unwrap();
    assert!(
        last < Duration::from_millis(5),
        "{first:?} for one of ten, {last:?} for one of a thousand, {together:?} for all"
    );
    println!("{first:?} of ten, {last:?} of a thousand, {together:?} for 990");
    // No chain that packets pass is longer.
    let length = |chain: &str| {
        let printed = world.host.nft(&format!("list chain inet veld {chain}"));
        printed.lines().count()
    };
    for chain in ["forward", "input", "output", "published", "postrouting"] {
        assert!(length(chain) < 16, "{chain}");
    }
    let to = at(HOST4, 2001);
    assert_eq!(knock(&world.lan, to, &one, 80), Knock::Refused, "denied");
    // Each waits for the kernel, which lets nobody use what is gone.
    for id in (1..=10).chain(1001..=1010) {
        let guest = full(id);
        world.host.run(|| withdraw(&world.network, &guest)).unwrap();
    }
    let left = world.host.nft("list table inet veld");
    let gone =
        |id: u32| !left.contains(&format!("ve{id}_")) && !left.contains(&format!("\"veld{id}\""));
    assert!((1..=10).chain(1001..=1010).all(gone) && !gone(11), "{left}");
    assert_eq!(
        knock(&world.host, at(guest4(1), 80), &one, 80),
        Knock::From(HOST4)
    );
}
