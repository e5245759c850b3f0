//! Links come whole or not at all, and go by their names.

mod world;

use std::os::fd::AsFd;
use std::time::Instant;

use veld_network::Error;
use world::{HOST4, HOST6, Netns, World, any, guest4, guest6, link, send, talks};

#[test]
fn the_first_packet_each_way_arrives_while_another_guest_goes() {
    let Some(world) = World::new() else { return };
    let mut last = None;
    for id in 1..=20 {
        let guest = world.guest(id);
        drop(last.take());
        for (own, host) in [(guest4(id), HOST4), (guest6(id), HOST6)] {
            let out = send(&guest, any(own), &world.host, host);
            assert_eq!(out, Some(own), "from guest {id}");
            let back = send(&world.host, any(own), &guest, own);
            assert_eq!(back, Some(host), "to guest {id}");
        }
        last = Some(guest);
    }
}

#[test]
fn a_second_link_of_one_name_is_refused_and_the_first_lives() {
    let Some(world) = World::new() else { return };
    let (one, other) = (world.guest(1), Netns::new());
    let mut again = link(1);
    again.addresses = vec![guest4(9).into()];
    for guest in [&one, &other] {
        let error = world.attach(guest, &again).unwrap_err();
        assert!(
            matches!(&error, Error::LinkExists { name } if name == "veld1"),
            "{error:?}"
        );
        assert_eq!(error.to_string(), "link veld1 already exists");
        assert_eq!(error.errno(), Some(17));
    }
    assert!(talks(&world.host, &one, guest4(1)));
    assert!(!other.ip("-o link").contains("eth0"));
}

#[test]
fn a_name_taken_inside_is_refused_by_that_name() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    let error = world.attach(&one, &link(2)).unwrap_err();
    assert_eq!(error.to_string(), "link eth0 already exists");
    assert!(!world.exists("veld2"));
}

#[test]
fn an_address_has_one_link() {
    let Some(world) = World::new() else { return };
    let (one, two) = (world.guest(1), Netns::new());
    for address in [guest4(1), guest6(1)] {
        let mut second = link(2);
        second.addresses = vec![guest4(2).into(), guest6(2).into(), address.into()];
        let error = world.attach(&two, &second).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("address {address} is already routed to link veld1")
        );
        assert_leaves_nothing(&world, &two, "veld2");
    }
    assert!(talks(&world.host, &one, guest4(1)));
}

#[test]
fn a_failing_step_inside_leaves_nothing() {
    let Some(world) = World::new() else { return };
    let guest = Netns::new();
    guest.set_sysctl("ipv6/conf/all/disable_ipv6", 1);
    guest.set_sysctl("ipv6/conf/default/disable_ipv6", 1);
    let error = world.attach(&guest, &link(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "link eth0 inside has IPv6 switched off (see disable_ipv6)"
    );
    assert_leaves_nothing(&world, &guest, "veld1");
    let mut ipv4 = link(1);
    ipv4.addresses = vec![guest4(1).into()];
    world.attach(&guest, &ipv4).unwrap();
    assert!(talks(&guest, &world.host, HOST4));
}

#[test]
fn an_mtu_that_a_veth_cannot_have_is_refused_by_the_kernel() {
    let Some(world) = World::new() else { return };
    let guest = Netns::new();
    let mut wrong = link(1);
    wrong.mtu = Some(10);
    wrong.addresses = vec![guest4(1).into()];
    let error = world.attach(&guest, &wrong).unwrap_err();
    assert_eq!(error.to_string(), "cannot create link veld1");
    assert_eq!(error.errno(), Some(22));
    // Too small for IPv6, so the link has none.
    wrong.mtu = Some(1000);
    world.attach(&guest, &wrong).unwrap();
    assert!(talks(&guest, &world.host, HOST4));
}

#[test]
fn detach_takes_a_link_whole_and_may_be_repeated() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    assert!(world.exists("veld1"));
    for _ in 0..2 {
        world.detach("veld1").unwrap();
        assert!(!world.exists("veld1"));
        assert!(!one.ip("-o link").contains("eth0"));
    }
    assert!(!world.host.ip("route").contains("10.77.0.1"));
    assert!(!world.host.ip("-6 route").contains("fd77::1"));
    world.attach(&one, &link(1)).unwrap();
    assert!(talks(&one, &world.host, HOST4));
}

#[test]
fn what_is_no_veth_is_not_removed() {
    let Some(world) = World::new() else { return };
    let error = world.detach("lo").unwrap_err();
    assert_eq!(error.to_string(), "link lo is not a veth pair");
    assert!(world.exists("lo"));
    let error = world.detach("../eth0").unwrap_err();
    assert!(matches!(error, Error::BadName { .. }), "{error:?}");
}

#[test]
fn what_a_dead_guest_left_is_not_in_the_way() {
    let Some(world) = World::new() else { return };
    for round in 0..10 {
        drop(world.guest(1));
        // Another name with the address, then the name itself.
        let mut next = link(1);
        if round % 2 == 0 {
            next.host_name = "veldnext".into();
        }
        let guest = Netns::new();
        let begun = Instant::now();
        world.attach(&guest, &next).unwrap();
        println!("attached over what was left in {:?}", begun.elapsed());
        assert!(talks(&guest, &world.host, HOST4));
        assert!(talks(&world.host, &guest, guest6(1)));
        world.detach(&next.host_name).unwrap();
    }
}

#[test]
fn a_guest_may_have_its_own_user_namespace() {
    let Some(world) = World::new() else { return };
    let guest = unprivileged::Guest::new();
    world
        .host
        .run(|| veld_network::attach(guest.netns.as_fd(), &link(1)))
        .unwrap();
    assert!(world.exists("veld1"));
    let seen = world
        .host
        .run(|| veld_network::observe(guest.netns.as_fd()))
        .unwrap();
    let names: Vec<&str> = seen.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["lo", "eth0"]);
}

#[test]
fn the_host_where_the_tests_run_is_as_before() {
    let Some(world) = World::new() else { return };
    let look = || {
        let links = world::tool("ip", "-o link");
        let ours = links.lines().filter(|l| l.contains("vntest")).count();
        let table = world::tool("nft", "list tables").contains("inet vntest");
        let gateway = world::tool("ip", "-o addr show dev lo");
        let sysctls = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]
            .map(|name| veld_kernfs::read(format!("/proc/sys/net/{name}").as_ref()).unwrap());
        (ours, table, gateway, sysctls)
    };
    let before = look();
    let mut network = world.network.clone();
    network.link_prefix = "vntest".into();
    world
        .host
        .run(|| veld_network::ensure_host(&network))
        .unwrap();
    let guest = Netns::new();
    let mut ours = link(1);
    ours.host_name = "vntest1".into();
    world.attach(&guest, &ours).unwrap();
    assert_eq!(look(), before, "with a link");
    world.detach("vntest1").unwrap();
    world
        .host
        .run(|| veld_network::remove_host(&network))
        .unwrap();
    assert_eq!(look(), before, "after it");
}

#[test]
fn times_are_printed() {
    let Some(world) = World::new() else { return };
    let time = |what: &str, work: &mut dyn FnMut()| {
        let begun = Instant::now();
        work();
        println!("{what}: {:?}", begun.elapsed());
    };
    let guests: Vec<Netns> = (0..10).map(|_| Netns::new()).collect();
    world.host.run(|| {
        for _ in 0..3 {
            time("ensure_host, all there", &mut || {
                veld_network::ensure_host(&world.network).unwrap();
            });
        }
        for (id, guest) in (1..).zip(&guests) {
            time("attach", &mut || {
                veld_network::attach(guest.as_fd(), &link(id)).unwrap();
            });
        }
        time("observe", &mut || {
            assert!(veld_network::observe(guests[0].as_fd()).unwrap().complete);
        });
        time("counters", &mut || {
            assert!(veld_network::counters("veld1").unwrap().is_some());
        });
        time("detach", &mut || veld_network::detach("veld1").unwrap());
        time("detach, gone", &mut || {
            veld_network::detach("veld1").unwrap()
        });
    });
    assert!(!world.exists("veld1") && world.exists("veld2"));
}

fn assert_leaves_nothing(world: &World, guest: &Netns, name: &str) {
    assert!(!world.exists(name));
    let routes = world.host.ip("route") + &world.host.ip("-6 route");
    assert!(!routes.contains(name), "{routes}");
    let inside = guest.ip("-o link");
    assert!(!inside.contains("eth0"), "{inside}");
    assert!(inside.contains("state DOWN"), "lo is as it was: {inside}");
}

/// A namespace that belongs to another user namespace, as a VE's does.
mod unprivileged {
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    pub(crate) struct Guest {
        pub(crate) netns: File,
        process: Child,
    }

    impl Guest {
        #[expect(
            clippy::disallowed_methods,
            clippy::unwrap_used,
            reason = "only a process without threads can have a user namespace"
        )]
        pub(crate) fn new() -> Self {
            let mut process = Command::new("unshare")
                .args(["--user", "--net", "sh", "-c", "echo there; read end"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut there = String::new();
            let stdout = process.stdout.take().unwrap();
            BufReader::new(stdout).read_line(&mut there).unwrap();
            assert_eq!(there, "there\n");
            let netns = File::open(format!("/proc/{}/ns/net", process.id())).unwrap();
            Self { netns, process }
        }
    }

    impl Drop for Guest {
        fn drop(&mut self) {
            drop(self.process.stdin.take());
            let _ = self.process.wait();
        }
    }
}
