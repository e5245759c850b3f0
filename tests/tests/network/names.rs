//! VEs that know each other by name.

use std::fs;

use rustix::process::Signal;
use veld_tests::{Cmd, Host, Ve, host, signal, until};

use crate::addresses;

/// What `name` is to a VE, by the server that its resolv.conf names: sorted.
fn look_up(ve: &Ve<'_>, name: &str) -> Vec<String> {
    let answer = ve.exec(["nslookup", name]);
    // The server itself is told of before an empty line.
    let lines = answer.stdout.lines().skip_while(|line| !line.is_empty());
    let mut found: Vec<String> = lines
        .filter_map(|line| Some(line.strip_prefix("Address")?.split_once(": ")?.1.to_owned()))
        .collect();
    found.sort();
    found
}

fn sorted(mut addresses: Vec<String>) -> Vec<String> {
    addresses.sort();
    addresses
}

/// The server that runs for this host.
fn server(host: &Host) -> Option<i32> {
    let file = host.run().join(".names/dnsmasq.pid");
    let pid = fs::read_to_string(file).ok()?.trim().parse().ok()?;
    veld_tests::alive(pid).then_some(pid)
}

#[test]
fn a_ve_that_asks_finds_all_others_by_name_as_they_come_and_go() {
    let host = host!();
    if !Cmd::is_there("dnsmasq") {
        return;
    }
    let before = host.ve("before").start();
    assert_eq!(server(&host), None, "nobody asks");
    let asks = host.ve("asks").with(["--dns", "veld"]).start();
    let resolver = asks.exec(["cat", "/etc/resolv.conf"]).ok().stdout;
    assert_eq!(resolver, "nameserver 169.254.0.1\n");
    for name in ["before", "before.veld"] {
        let expected = sorted(addresses(&before).to_vec());
        until("the name is known", || look_up(&asks, name) == expected);
    }
    let later = host.ve("later").start();
    let expected = sorted(addresses(&later).to_vec());
    until("the name is known", || {
        look_up(&asks, "later.veld") == expected
    });
    later.veld("set", ["ip+=10.9.9.9"]).done();
    let expected = sorted([addresses(&later).to_vec(), vec!["10.9.9.9".to_owned()]].concat());
    until("the address is known", || {
        look_up(&asks, "later.veld") == expected
    });
    later.stop();
    until("the name is gone", || {
        look_up(&asks, "later.veld").is_empty()
    });
    assert!(look_up(&asks, "nobody.veld").is_empty());
    asks.stop();
    assert_eq!(server(&host), None, "it ends with the last who asks");
}

#[test]
fn a_server_that_died_is_started_with_the_next_ve() {
    let host = host!();
    if !Cmd::is_there("dnsmasq") {
        return;
    }
    let one = host.ve("one").with(["--dns", "veld"]).start();
    let first = server(&host).unwrap();
    let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap();
    let user = status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .unwrap();
    assert!(!user.contains("\t0\t"), "{user}");
    let groups = fs::read_to_string(format!("/proc/{first}/cgroup")).unwrap();
    assert!(!groups.contains(host.cgroup_parent()), "{groups}");
    signal(first, Signal::KILL);
    until("it is dead", || server(&host).is_none());
    let two = host.ve("two").with(["--dns", "veld"]).start();
    let second = server(&host).unwrap();
    assert_ne!(first, second);
    let expected = sorted(addresses(&two).to_vec());
    until("the name is known", || look_up(&one, "two") == expected);
    one.stop();
    assert_eq!(server(&host), Some(second), "one still asks");
    // However the last run ends.
    signal(two.init_pid(), Signal::KILL);
    two.becomes("stopped");
    until("it ends", || server(&host).is_none());
}

#[test]
fn a_number_that_is_anothers_by_now_is_left_alone() {
    let host = host!();
    if !Cmd::is_there("dnsmasq") {
        return;
    }
    let ve = host.ve("one").with(["--dns", "veld"]).start();
    let server = server(&host).unwrap();
    let mut other = Cmd::program("sleep", ["100"]).spawn();
    let file = host.run().join(".names/dnsmasq.pid");
    fs::write(&file, format!("{}\n", other.pid())).unwrap();
    ve.stop();
    assert!(!other.has_ended());
    signal(server, Signal::KILL);
    until("it is dead", || !veld_tests::alive(server));
}

#[test]
fn a_ve_with_ipv6_alone_asks_by_ipv6() {
    let host = host!();
    if !Cmd::is_there("dnsmasq") {
        return;
    }
    let other = host.ve("other").start();
    let options = ["--dns", "veld", "--ip", "fd50::5"];
    let ve = host.ve("asks").with(options).start();
    let resolver = ve.exec(["cat", "/etc/resolv.conf"]).ok().stdout;
    assert_eq!(resolver, "nameserver fd76:656c:64:ffff::35\n");
    let expected = sorted(addresses(&other).to_vec());
    until("the name is known", || look_up(&ve, "other") == expected);
}

#[test]
fn names_need_a_way_to_the_host() {
    let host = host!();
    if !Cmd::is_there("dnsmasq") {
        return;
    }
    let template = veld_tests::Template::Busybox.name();
    let words = [
        "create",
        "a",
        "--template",
        &template,
        "--network",
        "none",
        "--dns",
        "veld",
    ];
    host.veld(words).fails(
        1,
        "veld: a: cannot create: dns=veld needs a routed interface, by which the host is reached",
    );
}

#[test]
fn what_the_host_says_of_names_is_for_those_that_have_a_way() {
    let host = host!();
    if !Cmd::is_there("dnsmasq") {
        return;
    }
    host.configure("[network]\ndns = [\"veld\"]\n");
    let without = host.ve("without").with(["--network", "none"]).start();
    assert_eq!(server(&host), None, "nobody can ask");
    let with = host.ve("with").start();
    assert!(server(&host).is_some());
    let expected = sorted(addresses(&with).to_vec());
    until("the name is known", || look_up(&with, "with") == expected);
    with.stop();
    assert_eq!(server(&host), None);
    without.stop();
}
