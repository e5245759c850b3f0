//! What can be read of a guest that does its best to confuse.

mod world;

use std::os::fd::AsFd;

use veld_network::{Observed, all_counters, counters, observe};
use world::{HOST4, Netns, SILENCE, World, guest4, guest6, link, talks};

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn look(world: &World, guest: &Netns) -> Observed {
    world.host.run(|| observe(guest.as_fd())).unwrap()
}

#[test]
fn a_guests_own_network_is_seen_as_it_is() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    one.ip("addr add 192.168.5.5/24 dev eth0");
    let seen = look(&world, &one);
    assert!(seen.complete);
    let [lo, eth0] = seen.links.as_slice() else {
        panic!("two links: {seen:?}");
    };
    assert_eq!((lo.name.as_str(), lo.up), ("lo", true));
    assert_eq!((eth0.name.as_str(), eth0.up), ("eth0", true));
    let addresses: Vec<String> = eth0.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        [
            format!("{}/32", guest4(1)),
            "192.168.5.5/24".to_owned(),
            format!("{}/128", guest6(1)),
            "fe80::45:ff:fe00:1/64".to_owned(),
        ]
    );
    assert!(world.host.ip("-o link").contains("up0"), "and we are back");
}

#[test]
fn what_a_guest_has_too_much_of_is_not_read() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    one.run(|| {
        let batch: String = (0..1000)
            .map(|n| format!("addr add 172.16.{}.{}/32 dev lo\n", n / 250, n % 250))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batch");
        std::fs::File::create(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, batch.as_bytes()))
            .unwrap();
        world::tool("ip", &format!("-batch {}", path.display()));
    });
    let seen = look(&world, &one);
    assert!(!seen.complete);
    let count: usize = seen.links.iter().map(|link| link.addresses.len()).sum();
    assert_eq!(count, 256);
    for n in 0..70 {
        one.ip(&format!("link add many{n} type veth peer name more{n}"));
    }
    let seen = look(&world, &one);
    assert!(seen.links.len() == 64, "{}", seen.links.len());
}

#[test]
fn a_name_that_is_not_text_hides_nothing_else() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    one.run(|| rename_to_latin1("eth0"));
    let seen = look(&world, &one);
    assert!(seen.complete, "{seen:?}");
    assert_eq!(seen.links[1].name, "caf\u{fffd}");
    assert_eq!(seen.links[1].addresses[0].ip(), guest4(1));
    world.host.run(|| counters("veld1")).unwrap().unwrap();
    world.detach("veld1").unwrap();
}

#[test]
fn counters_count_as_the_guest_does() {
    let Some(world) = World::new() else { return };
    let one = world.guest(1);
    std::thread::sleep(SILENCE);
    let count = || world.host.run(|| counters("veld1")).unwrap().unwrap();
    let before = count();
    let listener = world.host.udp(HOST4, 0);
    let to = listener.local_addr().unwrap();
    let sender = one.udp(guest4(1), 0);
    for _ in 0..10 {
        sender.send_to(&[0; 1000], to).unwrap();
        listener.recv_from(&mut [0; 1000]).unwrap();
    }
    let after = count();
    assert!(after.sent_packets - before.sent_packets >= 10);
    assert!(after.sent_bytes - before.sent_bytes >= 10_000);
    assert!(after.received_bytes - before.received_bytes < 10_000);
    assert_eq!(world.host.run(|| counters("veld2")).unwrap(), None);
    let all = world.host.run(|| all_counters("veld")).unwrap();
    assert_eq!(all.keys().collect::<Vec<_>>(), ["veld1"]);
    assert!(all["veld1"].sent_bytes >= after.sent_bytes);
    assert!(all["veld1"].sent_packets >= after.sent_packets);
    assert!(all["veld1"].received_bytes >= after.received_bytes);
    assert!(all["veld1"].received_bytes < after.received_bytes + 10_000);
}

#[test]
fn what_is_no_network_namespace_is_refused() {
    let Some(world) = World::new() else { return };
    let file = std::fs::File::open("/proc/self/ns/mnt").unwrap();
    let error = world.host.run(|| observe(file.as_fd())).unwrap_err();
    assert_eq!(error.to_string(), "cannot enter the network namespace");
    assert_eq!(error.errno(), Some(22));
    let error = world
        .host
        .run(|| veld_network::attach(file.as_fd(), &link(1)))
        .unwrap_err();
    assert_eq!(error.errno(), Some(22));
    assert!(!world.exists("veld1"));
    assert!(talks(&world.guest(1), &world.host, HOST4));
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
