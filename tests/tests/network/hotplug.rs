//! Interfaces that come, change and go while a VE runs.

use veld_tests::{Ve, host};

use crate::modes::{make_bridge, soon_reaches};
use crate::{HOST, addresses, give_addresses, ip, reaches};

fn set(ve: &Ve<'_>, what: &str) {
    ve.veld("set", [what]).ok();
}

fn link(ve: &Ve<'_>, name: &str) -> String {
    ve.exec(["ip", "address", "show", "dev", name]).ok().stdout
}

#[test]
fn an_interface_comes_changes_and_goes() {
    let host = host!();
    give_addresses();
    let _bridge = make_bridge("br0", "10.9.0.1/24");
    let _other = make_bridge("br1", "10.7.0.1/24");
    let ve = host.ve("a").start();
    set(&ve, "net.eth1=bridge:br0,ip=10.9.0.2/24");
    assert!(reaches(&ve, "10.9.0.1"));
    set(&ve, "net.eth1.mtu=1300");
    assert!(link(&ve, "eth1").contains("mtu 1300"));
    assert!(ip(&["link", "show", "veld101.1"]).contains("mtu 1300"));
    set(&ve, "net.eth1.mac=02:00:00:00:00:77");
    assert!(link(&ve, "eth1").contains("02:00:00:00:00:77"));
    assert!(soon_reaches(&ve, "10.9.0.1"), "under its new MAC address");
    set(&ve, "net.eth1.name=lan0");
    assert!(link(&ve, "lan0").contains("10.9.0.2/24"));
    set(&ve, "net.eth1.ip+=10.9.0.5/24");
    assert!(link(&ve, "lan0").contains("10.9.0.5/24"));
    set(&ve, "net.eth1.ip-=10.9.0.2/24");
    assert!(!link(&ve, "lan0").contains("10.9.0.2/24"));
    assert!(soon_reaches(&ve, "10.9.0.1"));
    set(&ve, "net.eth1.gateway=10.9.0.1");
    let routes = ve.exec(["ip", "route"]).ok().stdout;
    assert!(routes.contains("default via 10.9.0.1 dev lan0"), "{routes}");
    set(&ve, "net.eth1=bridge:br1,ip=10.7.0.2/24,name=lan0");
    assert!(soon_reaches(&ve, "10.7.0.1"));
    assert!(!link(&ve, "lan0").contains("10.9.0."));
    assert!(reaches(&ve, HOST[0]), "eth0 is as it was");
    set(&ve, "net.eth1=");
    let links = ve.exec(["ls", "/sys/class/net"]).ok().stdout;
    assert!(!links.contains("lan0"), "{links}");
    assert!(!ip(&["-o", "link"]).contains("veld101.1"));
    assert!(reaches(&ve, HOST[0]));
}

#[test]
fn addresses_of_the_first_interface_come_and_go() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    let [four, six] = addresses(&ve);
    set(&ve, "ip+=10.117.9.9");
    let at = |address: &str| ip(&["route", "get", address]);
    assert!(at("10.117.9.9").contains("dev veld101"));
    let inside = |address: &str| link(&ve, "eth0").contains(address);
    assert!(inside("10.117.9.9/32"));
    set(&ve, &format!("ip-={six}"));
    assert!(!inside(&six) && !reaches(&ve, HOST[1]));
    set(&ve, &format!("ip+={six}"));
    assert!(soon_reaches(&ve, HOST[1]), "with its gateway");
    set(&ve, "ip-=10.117.9.9");
    assert!(!inside("10.117.9.9") && inside(&four));
    assert!(reaches(&ve, HOST[0]));
}

#[test]
fn links_that_are_nobodys_are_swept() {
    let host = host!();
    let ve = host.ve("a").start();
    let stopped = host.ve("b").create();
    for orphan in ["veld999", "veld999.3", "veld102"] {
        ip(&["link", "add", orphan, "type", "veth", "peer", "name", "x0"]);
        ip(&["link", "set", "x0", "name", &format!("far-{orphan}")]);
    }
    std::fs::create_dir_all(stopped.run_directory()).unwrap();
    host.veld(["net", "repair"]).ok();
    let links = ip(&["-o", "link"]);
    assert!(
        !links.contains("veld999") && !links.contains("veld102"),
        "{links}"
    );
    assert!(links.contains("veld101"), "{links}");
    ve.stop();
}

#[test]
fn what_cannot_be_leaves_the_ve_as_it_was() {
    let host = host!();
    give_addresses();
    let _bridge = make_bridge("br0", "10.9.0.1/24");
    let ves = ["a", "b"].map(|name| host.ve(name).start());
    let of_other = &addresses(&ves[1])[0];
    let addresses_inside = || {
        let shown = link(&ves[0], "eth0");
        let lines = shown.lines().filter(|line| line.contains("inet"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = addresses_inside();
    let refused = |what: &str, says: &str| {
        let done = ves[0].veld("set", [what]);
        assert_eq!(done.status, 1, "{what}");
        assert!(done.stderr.contains(says), "{}", done.stderr);
    };
    refused("net.eth1=bridge:br9,ip=10.9.0.2/24", "there is no link br9");
    ves[0]
        .sh("ip link add eth1 type veth peer name other0")
        .done();
    refused(
        "net.eth1=bridge:br0,ip=10.9.0.2/24",
        "link eth1 already exists",
    );
    assert!(!ip(&["-o", "link"]).contains("veld101.1"));
    let done = ves[0].veld("set", [format!("ip+={of_other}")]);
    assert_eq!(done.status, 1, "{}", done.stderr);
    assert!(done.stderr.contains(of_other.as_str()), "{}", done.stderr);
    assert_eq!(addresses_inside(), before);
    assert!(reaches(&ves[0], of_other), "whose it is");
}

#[test]
fn a_ve_that_is_at_odds_with_its_interface_is_in_nobodys_way() {
    let host = host!();
    give_addresses();
    let ve = host.ve("a").start();
    let four = &addresses(&ve)[0];
    ve.sh("ip link set eth0 down; ip link set eth0 name mine0; ip link add eth0 type veth peer name x0")
        .done();
    set(&ve, "ip+=10.117.9.9");
    assert!(link(&ve, "mine0").contains("10.117.9.9"));
    ve.sh("ip link del mine0").done();
    ve.sh("ip link del eth0").done();
    ve.veld("set", ["publish=8080:80", "deny=in tcp 81", "rate-in=1G"])
        .done();
    set(&ve, "ip-=10.117.9.9");
    assert!(link(&ve, "eth0").contains(four.as_str()), "made anew");
    assert!(soon_reaches(&ve, HOST[0]));
    ve.stop();
}
