//! What a start sets up, what a VE is told of it, and what a stop leaves.

use std::collections::BTreeSet;

use serde_json::json;
use veld_tests::{Cmd, host};

use crate::{addresses, ip};

#[test]
fn a_start_does_not_change_the_rules_that_the_first_one_made() {
    let host = host!();
    if !Cmd::is_there("nft") {
        return;
    }
    let rules = || Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    assert_eq!(rules(), "");
    let first = host.ve("a").start();
    let made = rules();
    assert!(made.contains("table inet veld"), "{made}");
    let _others = ["b", "c"].map(|name| {
        let ve = host.ve(name).start();
        assert_eq!(rules(), made, "{name}");
        ve
    });
    first.stop();
    assert_eq!(rules(), made);
}

#[test]
fn links_and_routes_go_with_the_run() {
    let host = host!();
    let kept = host.ve("a").start();
    let all = || {
        let tables = [
            ip(&["-o", "link"]),
            ip(&["-4", "route", "show", "table", "all"]),
            ip(&["-6", "route", "show", "table", "all"]),
        ];
        tables.concat()
    };
    let ve = host.ve("b").create();
    for _ in 0..2 {
        ve.start();
        let there = all();
        for address in addresses(&ve) {
            assert!(
                there.contains(&format!("{address} dev veld102 ")),
                "{there}"
            );
        }
        ve.stop();
        veld_tests::until("its link is gone", || !all().contains("veld102"));
        let left = all();
        for address in addresses(&ve) {
            assert!(!left.contains(&format!("{address} ")), "{left}");
        }
        for address in addresses(&kept) {
            assert!(left.contains(&format!("{address} dev veld101 ")), "{left}");
        }
    }
}

#[test]
fn a_ve_without_a_network_has_the_loopback_device_alone() {
    let host = host!();
    let ve = host.ve("a").with(["--network", "none"]).start();
    assert_eq!(ve.exec(["ls", "/sys/class/net"]).ok().line(), "lo");
    for family in ["-4", "-6"] {
        let routes = ve.exec(["ip", family, "route"]).ok();
        assert_eq!(routes.stdout, "", "{family}");
    }
    let shown = ve.show();
    assert_eq!(shown["addresses"], json!([]));
    assert_eq!(shown["links"].as_array().unwrap().len(), 1);
    assert_eq!(shown["links"][0]["name"], "lo");
    assert!(!ip(&["-o", "link"]).contains("veld"));
}

#[test]
fn the_files_inside_name_the_ve_and_its_servers() {
    let host = host!();
    let options = ["--hostname", "www", "--dns", "192.0.2.53"];
    let ve = host.ve("a").with(options).start();
    let file = |name: &str| ve.exec(["cat", name]).ok().stdout;
    assert_eq!(ve.exec(["hostname"]).ok().line(), "www");
    assert_eq!(file("/etc/hostname"), "www\n");
    assert_eq!(file("/etc/resolv.conf"), "nameserver 192.0.2.53\n");
    let hosts = file("/etc/hosts");
    let names = |address: &str| {
        let line = hosts.lines().find(|line| line.starts_with(address));
        let words = line.unwrap_or_default().split_whitespace().skip(1);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("127.0.0.1"), ["localhost"], "{hosts}");
    assert!(names("::1").contains(&"localhost".to_owned()), "{hosts}");
    assert_eq!(names("127.0.1.1"), ["www"], "{hosts}");
}

#[test]
fn show_tells_the_addresses_that_are_there() {
    let host = host!();
    let ve = host.ve("a").start();
    ve.sh("ip address add 198.51.100.7/32 dev eth0").done();
    let words = "ip -o address | awk '{print $2, $4}'";
    let inside = ve.sh(words).ok();
    let inside: BTreeSet<String> = inside.lines().map(str::to_owned).collect();
    let shown = ve.show();
    let mut told = BTreeSet::new();
    for link in shown["links"].as_array().unwrap() {
        for address in link["addresses"].as_array().unwrap() {
            let (link, address) = (link["name"].as_str().unwrap(), address.as_str().unwrap());
            told.insert(format!("{link} {address}"));
        }
    }
    assert_eq!(told, inside);
    assert!(told.contains("eth0 198.51.100.7/32"));
    for address in addresses(&ve) {
        let length = if address.contains(':') { 128 } else { 32 };
        assert!(
            told.contains(&format!("eth0 {address}/{length}")),
            "{told:?}"
        );
    }
}
