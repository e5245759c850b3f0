//! An address is one VE's, and nobody else's that can be asked.

use std::fs;
use std::os::unix::fs::symlink;

use veld_tests::{Cmd, Host, Ve, host, until};

use crate::lan::{Lan, MACHINE};
use crate::neighbour::mac_of;
use crate::{BUSYBOX, HOST, addresses, give_addresses, ip, reaches};

/// Addresses of the LAN that nobody has.
const FREE: [&str; 2] = ["198.18.0.7", "fd98::7"];

/// Whether an address answers the host.
fn answers(address: &str) -> bool {
    let ping = ["ping", "-c", "1", "-W", "1", address];
    Cmd::program(BUSYBOX, ping).run().status == 0
}

/// The claims that there are.
fn claims(host: &Host) -> Vec<String> {
    let entries = fs::read_dir(host.data().join("addresses")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lock")
        .collect();
    names.sort();
    names
}

fn with_addresses<'h>(host: &'h Host, name: &str, addresses: &[&str]) -> Ve<'h> {
    let options = addresses.iter().flat_map(|address| ["--ip", address]);
    host.ve(name).with(options).create()
}

#[test]
fn of_twenty_creations_at_once_none_shares_an_address() {
    let host = host!();
    let creations: Vec<_> = (0..20)
        .map(|number| {
            let name = format!("ve{number}");
            let words = [
                "create",
                &name,
                "--template",
                &veld_tests::Template::Busybox.name(),
            ];
            host.cmd(words).spawn()
        })
        .collect();
    for creation in creations {
        creation.output().done();
    }
    let mut all: Vec<String> = (0..20)
        .flat_map(|number| addresses(&host.existing(&format!("ve{number}"))))
        .collect();
    all.sort();
    assert_eq!(claims(&host), all);
    all.dedup();
    assert_eq!(all.len(), 40);
}

#[test]
fn an_address_of_another_ve_is_refused_until_it_is_free() {
    let host = host!();
    let a = with_addresses(&host, "a", &["10.0.0.7", "fd00::7"]);
    let b = host.ve("b").create();
    for taken in ["10.0.0.7", "fd00::7"] {
        let words = ["create", "c", "--template", "busybox-1", "--ip", taken];
        let words = words.map(|word| {
            let template = veld_tests::Template::Busybox.name();
            if word == "busybox-1" {
                template
            } else {
                word.to_owned()
            }
        });
        let fact = format!("{taken} is an address of VE a");
        host.veld(&words)
            .fails(1, &format!("veld: c: cannot create: {fact}"));
        b.veld("set", [format!("ip+={taken}")])
            .fails(1, &format!("veld: b: cannot set: {fact}"));
        b.start();
        b.veld("set", [format!("ip+={taken}")])
            .fails(1, &format!("veld: b: cannot set: {fact}"));
        b.stop();
    }
    let mut expected = [["10.0.0.7".to_owned(), "fd00::7".to_owned()], addresses(&b)].concat();
    expected.sort();
    assert_eq!(claims(&host), expected, "a refusal leaves no claim");
    a.veld("set", ["ip-=10.0.0.7"]).done();
    b.veld("set", ["ip+=10.0.0.7"]).done();
    a.destroy();
    b.veld("set", ["ip+=fd00::7"]).done();
    assert_eq!(claims(&host).len(), 4);
}

#[test]
fn addresses_come_and_go_while_a_ve_runs() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    let own = addresses(&ve);
    let others = ["10.9.9.9", "fd09::9"];
    for other in others {
        assert!(!answers(other));
        ve.veld("set", [format!("ip+={other}")]).done();
        assert!(answers(other), "{other}");
        let inside = ve.exec(["ip", "-o", "address"]).ok().stdout;
        assert!(inside.contains(&format!(" {other}/")), "{inside}");
    }
    assert!(own.iter().all(|address| answers(address)));
    for other in others {
        ve.veld("set", [format!("ip-={other}")]).done();
        assert!(!answers(other), "{other}");
    }
    // For this run alone: it is the VE's as long as that, and nobody else's.
    ve.veld("set", ["--runtime", "ip+=10.9.9.9"]).done();
    assert!(answers("10.9.9.9"));
    let other = host.ve("b").create();
    other
        .veld("set", ["ip+=10.9.9.9"])
        .fails(1, "veld: b: cannot set: 10.9.9.9 is an address of VE a");
    ve.stop();
    other.veld("set", ["ip+=10.9.9.9"]).done();
    assert!(own.iter().all(|address| claims(&host).contains(address)));
}

#[test]
fn an_address_of_the_host_is_refused() {
    let host = host!();
    give_addresses();
    let template = veld_tests::Template::Busybox.name();
    for own in HOST {
        let fact = format!("{own} is an address of this host");
        host.veld(["create", "a", "--template", &template, "--ip", own])
            .fails(1, &format!("veld: a: cannot create: {fact}"));
    }
    let ve = with_addresses(&host, "b", &["192.0.2.9"]);
    ip(&["address", "add", "192.0.2.9/32", "dev", "lo"]);
    ve.veld("start", [""; 0]).fails(
        1,
        "veld: b: cannot start: 192.0.2.9 is an address of this host",
    );
    ip(&["address", "delete", "192.0.2.9/32", "dev", "lo"]);
    ve.start();
    assert!(answers("192.0.2.9"));
}

#[test]
fn an_address_that_a_neighbour_has_is_refused() {
    let host = host!();
    let lan = Lan::new();
    let ve = host.ve("a").start();
    for (number, taken) in MACHINE.iter().enumerate() {
        let fact = format!("{taken} is in use by {} on up0", lan.mac());
        ve.veld("set", [format!("ip+={taken}")])
            .fails(1, &format!("veld: a: cannot set: {fact}"));
        let other = with_addresses(&host, &format!("b{number}"), &[taken]);
        other
            .veld("start", [""; 0])
            .fails(1, &format!("veld: b{number}: cannot start: {fact}"));
        assert_eq!(other.status(), "stopped");
        assert!(answers(taken), "the neighbour still has it");
    }
    assert!(addresses(&ve).iter().all(|own| answers(own)));
    assert!(!ip(&["-o", "link"]).contains("veld102"));
}

#[test]
fn an_address_of_the_lan_is_answered_for_while_the_ve_runs() {
    let host = host!();
    let lan = Lan::new();
    let ve = with_addresses(&host, "a", &FREE);
    let answered = || ip(&["neigh", "show", "proxy"]) + &ip(&["-6", "neigh", "show", "proxy"]);
    for _ in 0..2 {
        assert!(FREE.iter().all(|free| !lan.reaches(free)));
        ve.start();
        for (free, neighbour) in FREE.iter().zip(MACHINE) {
            assert!(lan.reaches(free), "{free}");
            assert_eq!(lan.believes(free), Some(mac_of("up0")));
            // Not by the host's address: it is its own that the LAN knows.
            assert!(reaches(&ve, neighbour), "{neighbour}");
        }
        ve.veld("set", [format!("ip-={}", FREE[0])]).done();
        assert!(!lan.reaches(FREE[0]));
        assert!(!answered().contains(FREE[0]));
        ve.veld("set", [format!("ip+={}", FREE[0])]).done();
        assert!(lan.reaches(FREE[0]));
        ve.stop();
        assert_eq!(answered(), "");
    }
    // However the run ends.
    ve.start();
    veld_tests::signal(ve.shim_pid(), rustix::process::Signal::KILL);
    veld_tests::signal(ve.init_pid(), rustix::process::Signal::KILL);
    until("the next command sweeps", || ve.status() == "stopped");
    ve.start();
    assert!(lan.reaches(FREE[1]));
    ve.stop();
    assert_eq!(answered(), "");
}

#[test]
fn neighbours_hear_where_an_address_has_moved() {
    let host = host!();
    let lan = Lan::new();
    let ve = with_addresses(&host, "a", &FREE);
    let old = "02:00:00:00:00:99";
    for free in FREE {
        let words = [
            "neigh",
            "replace",
            free,
            "lladdr",
            old,
            "dev",
            "eth0",
            "nud",
            "reachable",
        ];
        lan.ip(&words);
    }
    // What was heard this very second the kernel does not replace.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    ve.start();
    let mac = mac_of("up0");
    for free in FREE {
        until("the neighbour has heard", || {
            lan.believes(free) == Some(mac.clone())
        });
    }
}

#[test]
fn a_claim_that_stands_for_nothing_is_nobodys() {
    let host = host!();
    let a = host.ve("a").create();
    let [own, _] = addresses(&a);
    let claim = |address: &str| host.data().join("addresses").join(address);
    // Of a creation that was killed, and of a config that was edited.
    symlink("gone", claim("10.9.9.8")).unwrap();
    symlink("a", claim("10.9.9.9")).unwrap();
    let b = with_addresses(&host, "b", &["10.9.9.8", "10.9.9.9"]);
    assert_eq!(
        fs::read_link(claim("10.9.9.8")).unwrap().to_str(),
        Some("b")
    );
    assert_eq!(addresses(&b), ["10.9.9.8", "10.9.9.9"]);
    // One that was lost is made again, unless another was faster.
    fs::remove_file(claim(&own)).unwrap();
    a.start();
    assert_eq!(fs::read_link(claim(&own)).unwrap().to_str(), Some("a"));
    a.stop();
    fs::remove_file(claim(&own)).unwrap();
    b.veld("set", [format!("ip+={own}")]).done();
    a.veld("start", [""; 0]).fails(
        1,
        &format!("veld: a: cannot start: {own} is an address of VE b"),
    );
}

/// One on a bridge is on the LAN itself: it is looked for there, and tells it where it is.
#[test]
fn a_ve_on_a_bridge_is_looked_for_and_announced_on_it() {
    let host = host!();
    let lan = Lan::new();
    ip(&["link", "add", "br0", "type", "bridge"]);
    ip(&["link", "set", "up0", "master", "br0"]);
    ip(&["link", "set", "br0", "up"]);
    let on_bridge = |name: &str, address: &str| {
        let options = ["--network", "bridge:br0", "--ip", address];
        host.ve(name).with(options).create()
    };
    let ve = on_bridge("a", "198.18.0.2/24");
    let fact = format!("198.18.0.2 is in use by {} on br0", lan.mac());
    ve.veld("start", [""; 0])
        .fails(1, &format!("veld: a: cannot start: {fact}"));
    let ve = on_bridge("b", "198.18.0.7/24");
    let old = "02:00:00:00:00:99";
    let words = ["neigh", "replace", FREE[0], "lladdr", old, "dev", "eth0"];
    lan.ip(&[&words[..], &["nud", "reachable"]].concat());
    // What was heard this very second the kernel does not replace.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    ve.start();
    let inside = ve.exec(["cat", "/sys/class/net/eth0/address"]).ok();
    until("the LAN has heard", || {
        lan.believes(FREE[0]).as_deref() == Some(inside.line())
    });
    assert!(lan.reaches(FREE[0]));
    ve.stop();
    ip(&["link", "delete", "br0"]);
}
