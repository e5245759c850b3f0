//! The host's part: loaded once, replaced when it should be, and taken away.

mod world;

use std::net::Ipv6Addr;
use std::os::fd::AsFd;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use veld_network::{
    Error, GuestRules, HostNetwork, Rules, admit, attach, ensure_host, rebuild, remove_host,
    withdraw,
};
use world::{HOST4, HOST6, LAN4, Netns, World, any, guest4, guest6, network, send, talks};

#[test]
fn rules_are_loaded_once_and_links_add_none() {
    let Some(world) = World::new() else { return };
    let rules = world.host.nft("-a list ruleset");
    assert!(
        rules.contains("fib saddr . iif oif missing drop"),
        "{rules}"
    );
    let _guests = [world.guest(1), world.guest(2)];
    let again = world.host.run(|| ensure_host(&world.network)).unwrap();
    assert_eq!(again, Rules::Loaded, "as long as nobody has filled them");
    // Each rule and each table has a number that only it ever had.
    assert_eq!(world.host.nft("-a list ruleset"), rules);
    let filled = world.host.run(|| {
        assert!(rebuild(&world.network, &[]).is_empty());
        ensure_host(&world.network).unwrap()
    });
    assert_eq!(filled, Rules::Kept);
}

#[test]
fn many_starts_at_once_lose_no_rules() {
    let Some(world) = World::new() else { return };
    let host = Netns::new();
    host.ip("link set lo up");
    let longest = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8_u8)
            .map(|id| {
                let (host, network) = (&host, &world.network);
                scope.spawn(move || {
                    let guest = GuestRules {
                        number: id.into(),
                        links: vec![format!("veld{id}")],
                        isolated: Some("blue".to_owned()),
                        ..GuestRules::default()
                    };
                    host.run(|| {
                        if ensure_host(network).unwrap() == Rules::Loaded {
                            assert!(rebuild(network, &[]).is_empty());
                        }
                        admit(network, &guest).unwrap();
                        world::tool("nft", "list table inet veld").len()
                    })
                })
            })
            .collect();
        let lengths = starts.into_iter().map(|start| start.join().unwrap());
        lengths.max().unwrap()
    });
    // None of the tables that were loaded took the place of another.
    assert_eq!(host.nft("list table inet veld").len(), longest);
    let members = host.nft("list set inet veld members_blue");
    assert_eq!(members.matches("veld").count(), 1 + 8, "{members}");
}

#[test]
fn other_pools_replace_the_rules_and_leave_other_tables_alone() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    world.host.nft("add table inet other");
    world.host.nft("add chain inet veld leftover");
    let changed = network("10.99.0.0/16", "fd99::/64");
    let loaded = world.host.run(|| ensure_host(&changed)).unwrap();
    assert_eq!(loaded, Rules::Loaded);
    let rules = world.host.nft("list ruleset");
    assert!(
        rules.contains("ip saddr 10.99.0.0/16 masq") && rules.contains("ip6 saddr fd99::/64 masq")
    );
    assert!(!rules.contains("10.77.0.0") && !rules.contains("leftover"));
    assert!(rules.contains("table inet other"));
    let seen = send(&one, any(LAN4), &world.lan, LAN4);
    assert_eq!(seen, Some(guest4(1)), "no longer masqueraded");
    world.host.run(|| ensure_host(&world.network)).unwrap();
    let seen = send(&one, any(LAN4), &world.lan, LAN4);
    assert_eq!(seen, Some(HOST4), "and masqueraded again");
}

#[test]
fn a_host_without_pools_still_checks_sources() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let none = HostNetwork {
        masquerade: Vec::new(),
        inner: Vec::new(),
        ..world.network.clone()
    };
    world.host.run(|| ensure_host(&none)).unwrap();
    assert!(!world.host.nft("list ruleset").contains("10.77"));
    assert_eq!(send(&one, any(LAN4), &world.lan, LAN4), Some(guest4(1)));
    one.ip("addr add fd77::9/128 dev eth0 nodad");
    for (source, arrives) in [(guest6(1), true), (guest6(9), false)] {
        let seen = send(&one, source, &world.host, HOST6);
        assert_eq!(seen.is_some(), arrives, "{source}");
    }
}

#[test]
fn what_was_added_is_taken_away_twice() {
    let Some(world) = World::new() else { return };
    world.host.nft("add table inet other");
    for _ in 0..2 {
        world.host.run(|| remove_host(&world.network)).unwrap();
        assert_eq!(world.host.nft("list tables").trim(), "table inet other");
        assert!(!world.host.ip("addr show dev lo").contains("169.254"));
    }
    world.host.run(|| ensure_host(&world.network)).unwrap();
    assert!(talks(&world.guest(1), &world.lan, LAN4));
}

#[test]
fn uplinks_that_listen_to_routers_go_on_listening() {
    let Some(world) = World::new() else { return };
    let host = Netns::new();
    for link in ["auto0", "fixed0", "veld9"] {
        host.ip(&format!("link add {link} type veth peer name {link}x"));
    }
    host.set_sysctl("ipv6/conf/fixed0/accept_ra", 0);
    host.run(|| ensure_host(&world.network)).unwrap();
    let accept = |link: &str| host.sysctl(&format!("ipv6/conf/{link}/accept_ra"));
    assert_eq!(accept("auto0"), "2");
    assert_eq!(accept("fixed0"), "0");
    assert_eq!(accept("veld9"), "1", "ours never listens");
    assert_eq!(accept("default"), "1");
    assert_eq!(host.sysctl("ipv4/ip_forward"), "1");
    assert_eq!(host.sysctl("ipv6/conf/all/forwarding"), "1");
    // Somebody who decides otherwise later is not overruled.
    host.set_sysctl("ipv6/conf/auto0/accept_ra", 1);
    host.run(|| ensure_host(&world.network)).unwrap();
    assert_eq!(accept("auto0"), "1");
}

#[test]
fn the_gateways_address_is_nobodys_source() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    // The host has no address on the link, and must not choose the gateway's.
    assert_eq!(send(&world.host, any(HOST4), &one, guest4(1)), Some(HOST4));
    let route = world.host.ip("route get 10.77.0.1");
    assert!(route.contains(&format!("src {HOST4}")), "{route}");
    let local = world.host.ip("-6 addr show dev veld1 scope link");
    assert_eq!(local.matches("inet6").count(), 1, "{local}");
    assert!(local.contains(&format!(
        "{}/128",
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)
    )));
}

#[test]
fn a_prefix_that_would_be_a_rule_is_refused() {
    let Some(world) = World::new() else { return };
    let mut wrong = world.network.clone();
    wrong.link_prefix = "x\" drop".into();
    let error = world.host.run(|| ensure_host(&wrong)).unwrap_err();
    assert!(error.to_string().contains("is not a link name"), "{error}");
    assert!(world.host.run(|| remove_host(&wrong)).is_err());
}

#[test]
fn a_host_without_nft_forwards_all_the_same_and_says_so() {
    let Some(world) = World::new() else { return };
    let host = Netns::new();
    host.ip("link set lo up");
    let error = host.run(|| {
        hide_nft();
        ensure_host(&world.network).unwrap_err()
    });
    assert!(matches!(error, Error::NoNftables(_)), "{error:?}");
    assert_eq!(error.to_string(), "cannot run nft");
    assert_eq!(host.sysctl("ipv4/ip_forward"), "1");
    assert!(host.ip("addr show dev lo").contains("169.254.0.1/32"));
    assert_eq!(host.nft("list tables"), "");
    // A guest without rules needs none; one with them is not left without.
    let mut guest = GuestRules {
        number: 1,
        links: vec!["veld1".to_owned()],
        addresses: vec![guest4(1)],
        ..GuestRules::default()
    };
    host.run(|| admit(&world.network, &guest)).unwrap();
    guest.policy.denies_in = true;
    let error = host.run(|| admit(&world.network, &guest)).unwrap_err();
    assert_eq!(error.to_string(), "table inet veld is not loaded");
    host.run(|| withdraw(&world.network, &guest)).unwrap();
}

#[test]
fn a_host_that_switched_ipv6_off_has_ipv4_links() {
    let Some(world) = World::new() else { return };
    let (host, guest) = (Netns::new(), Netns::new());
    host.ip("link set lo up");
    host.ip(&format!("addr add {HOST4}/32 dev lo"));
    for conf in ["all", "default"] {
        host.set_sysctl(&format!("ipv6/conf/{conf}/disable_ipv6"), 1);
    }
    let mut link = world::link(1);
    link.addresses = vec![guest4(1).into()];
    host.run(|| {
        ensure_host(&world.network).unwrap();
        attach(guest.as_fd(), &link).unwrap();
    });
    assert!(talks(&guest, &host, HOST4));
    assert!(talks(&host, &guest, guest4(1)));
}

/// Hides the folders where nft is from the calling thread alone.
fn hide_nft() {
    unshare(CloneFlags::CLONE_NEWNS).expect("root may have mounts of its own");
    let nothing = None::<&str>;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).expect("mounts can be private");
    let tmpfs = Some("tmpfs");
    mount(tmpfs, "/usr/sbin", tmpfs, MsFlags::empty(), nothing).expect("a tmpfs");
}
