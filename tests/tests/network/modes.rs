//! Interfaces of every kind, with packets over each.

use veld_tests::{Cmd, Ve, host};

use crate::{HOST, give_addresses, ip, reaches};

/// A link of the test's host, which goes with the test.
pub(crate) struct Link(&'static str);

impl Drop for Link {
    fn drop(&mut self) {
        let _ = Cmd::program("ip", ["link", "del", self.0]).run();
    }
}

/// Makes a bridge of the host's with an address.
pub(crate) fn make_bridge(name: &'static str, address: &str) -> Link {
    ip(&["link", "add", name, "type", "bridge"]);
    ip(&["address", "add", address, "dev", name]);
    ip(&["link", "set", name, "up"]);
    Link(name)
}

/// Makes a cable between two links of the host's, the far one with an address.
pub(crate) fn make_cable(near: &str, far: &'static str, address: &str) -> Link {
    ip(&["link", "add", near, "type", "veth", "peer", "name", far]);
    ip(&["address", "add", address, "dev", far]);
    for link in [near, far] {
        ip(&["link", "set", link, "up"]);
    }
    Link(far)
}

/// Whether an address answers a VE soon: a link that nobody waits for may have its
/// carrier a moment later.
pub(crate) fn soon_reaches(ve: &Ve<'_>, address: &str) -> bool {
    (0..5).any(|_| reaches(ve, address))
}

#[test]
fn a_ve_on_a_bridge_reaches_its_neighbour_and_the_host() {
    let host = host!();
    let _bridge = make_bridge("br0", "10.9.0.1/24");
    ip(&["address", "add", "fd99::1/64", "dev", "br0", "nodad"]);
    let on_bridge = |name, addresses: [&str; 2]| {
        let options = [
            "--network",
            "bridge",
            "--link",
            "br0",
            "--gateway",
            "10.9.0.1",
            "--ip",
        ];
        let options = options
            .into_iter()
            .chain([addresses[0], "--ip", addresses[1]]);
        host.ve(name).with(options).start()
    };
    let one = on_bridge("a", ["10.9.0.2/24", "fd99::2/64"]);
    let _two = on_bridge("b", ["10.9.0.3/24", "fd99::3/64"]);
    for address in ["10.9.0.1", "10.9.0.3", "fd99::1", "fd99::3"] {
        assert!(reaches(&one, address), "{address}");
    }
    let routes = one.exec(["ip", "route"]).ok();
    assert!(routes.stdout.contains("default via 10.9.0.1"));
    let ports = ip(&["-o", "link", "show", "master", "br0"]);
    assert!(ports.contains("veld101") && ports.contains("veld102"));
    let end = ip(&["address", "show", "dev", "veld101"]);
    assert!(!end.contains("inet"), "{end}");
}

#[test]
fn velds_own_bridge_is_there_when_it_is_needed() {
    let host = host!();
    let _routed = host.ve("c").start();
    assert!(!ip(&["-o", "link"]).contains("veldbr"));
    let ves = ["a", "b"].map(|name| {
        let address = format!("10.9.0.{}/24", if name == "a" { 2 } else { 3 });
        host.ve(name)
            .with(["--network", "bridge", "--ip", &address])
            .start()
    });
    assert!(ip(&["-d", "link", "show", "veldbr"]).contains("stp_state 0"));
    assert!(reaches(&ves[0], "10.9.0.3"));
}

#[test]
fn a_macvlan_reaches_what_its_parent_leads_to() {
    let host = host!();
    let _cable = make_cable("up0", "up1", "10.8.0.1/24");
    let ves = ["10.8.0.2/24", "10.8.0.3/24"].map(|address| {
        let name = if address.contains(".2/") { "a" } else { "b" };
        let options = ["--network", "macvlan", "--link", "up0", "--ip", address];
        host.ve(name).with(options).start()
    });
    for address in ["10.8.0.1", "10.8.0.3"] {
        assert!(soon_reaches(&ves[0], address), "{address}");
    }
    let shown = ves[0].exec(["ip", "-o", "link", "show", "eth0"]).ok();
    assert!(shown.stdout.contains("02:45:00:00:00:65"), "of its number");
    // Its MAC address is free again at once.
    ves[0].stop();
    ves[0].start();
    assert!(soon_reaches(&ves[0], "10.8.0.1"));
}

#[test]
fn what_this_kernel_lacks_is_said_in_words() {
    let host = host!();
    let _cable = make_cable("up0", "up1", "10.8.0.1/24");
    let options = [
        "--network",
        "ipvlan",
        "--link",
        "up0",
        "--ip",
        "10.8.0.2/24",
    ];
    let ve = host.ve("a").with(options).create();
    let started = ve.veld("start", [] as [&str; 0]);
    if started.status == 0 {
        assert!(soon_reaches(&ve, "10.8.0.1"));
    } else {
        started.fails(1, "veld: a: cannot start: this kernel has no ipvlan");
    }
}

#[test]
fn interfaces_of_several_kinds_are_side_by_side() {
    let host = host!();
    give_addresses();
    let _bridge = make_bridge("br0", "10.9.0.1/24");
    let _cable = make_cable("up0", "up1", "10.8.0.1/24");
    let ve = host.ve("a").create();
    for set in [
        "net.eth1=bridge:br0,ip=10.9.0.2/24,mtu=1400,mac=02:00:00:00:00:11",
        "net.eth2=macvlan:up0,ip=10.8.0.2/24,name=lan0",
    ] {
        ve.veld("set", [set]).ok();
    }
    ve.start();
    for address in [HOST[0], HOST[1], "10.9.0.1", "10.8.0.1"] {
        assert!(soon_reaches(&ve, address), "{address}");
    }
    let links = ve.exec(["ls", "/sys/class/net"]).ok();
    let mut names: Vec<&str> = links.stdout.split_whitespace().collect();
    names.sort_unstable();
    assert_eq!(names, ["eth0", "eth1", "lan0", "lo"]);
    let shown = ve.exec(["ip", "-o", "link", "show", "eth1"]).ok().stdout;
    assert!(shown.contains("mtu 1400") && shown.contains("02:00:00:00:00:11"));
    assert!(ip(&["-o", "link", "show", "veld101.1"]).contains("mtu 1400"));
    ve.stop();
    veld_tests::until("its links are gone", || {
        !ip(&["-o", "link"]).contains("veld101")
    });
    if Cmd::is_there("nft") {
        let left = Cmd::program("nft", ["list", "table", "bridge", "veld"])
            .run()
            .ok();
        assert!(!left.stdout.contains("veld101"), "{}", left.stdout);
    }
}

#[test]
fn what_cannot_be_is_refused_by_its_name() {
    let host = host!();
    let _cable = make_cable("up0", "up1", "10.8.0.1/24");
    let ve = host.ve("a").create();
    for (set, says) in [
        ("net.eth1=bridge:br9,ip=10.9.0.2/24", "there is no link br9"),
        (
            "net.eth1=bridge:up0,ip=10.9.0.2/24",
            "link up0 is not a bridge",
        ),
        (
            "net.eth1=macvlan:up9,ip=10.9.0.2/24",
            "there is no link up9",
        ),
        ("net.eth1=physical:up9", "there is no link up9"),
    ] {
        ve.veld("set", [set]).ok();
        let started = ve.veld("start", [] as [&str; 0]);
        started.fails(1, &format!("veld: a: cannot start: {says}"));
        assert!(!ip(&["-o", "link"]).contains("veld101"), "{set}");
    }
    ve.veld("set", ["net.eth1="]).ok();
    for set in [
        "net.eth1=bridge:sixteen--letters",
        "net.eth1=bridge,mac=03:00:00:00:00:01",
    ] {
        let refused = ve.veld("set", [set]);
        assert_eq!(refused.status, 2, "{set}: {}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
    ve.start();
}

#[test]
fn a_host_without_ipv6_starts_ves_with_ipv4() {
    let host = host!();
    give_addresses();
    let write = |value| std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", value);
    write("1").unwrap();
    let ve = host.ve("a").create();
    let started = ve.veld("start", [] as [&str; 0]).ok();
    let says = "the host has IPv6 switched off: eth0 is without fd76:656c:64::65";
    assert!(started.stderr.contains(says), "{}", started.stderr);
    assert!(reaches(&ve, HOST[0]));
}
