//! What `veld net` tells of how VEs are connected.

use std::fs;

use serde_json::{Value, json};
use veld_tests::host;

#[test]
fn a_list_has_each_interface_of_those_that_run() {
    let host = host!();
    let options = ["--publish", "8080:80", "--ip", "10.117.7.1"];
    let _web = host.ve("web").with(options).start();
    let _none = host.ve("none").with(["--network", "none"]).start();
    let _idle = host.ve("idle").create();
    let listed = host.veld(["net", "list"]).ok();
    let rows: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let header = "VE INTERFACE MODE HOST ON ADDRESSES PUBLISHED";
    assert_eq!(rows[0].join(" "), header);
    assert_eq!(rows[1].join(" "), "none - none - - - -");
    let web = "web eth0 routed veld101 - 10.117.7.1 8080:80/tcp";
    assert_eq!(rows[2].join(" "), web);
    assert_eq!(rows.len(), 3);
    let all: Value =
        serde_json::from_str(&host.veld(["net", "list", "-a", "--json"]).ok().stdout).unwrap();
    let running: Vec<(&str, bool)> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|ve| {
            (
                ve["name"].as_str().unwrap(),
                ve["running"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(running, [("idle", false), ("none", true), ("web", true)]);
    assert_eq!(all[2]["interfaces"][0]["addresses"], json!(["10.117.7.1"]));
}

#[test]
fn a_ve_is_shown_as_it_is_and_not_as_it_will_be() {
    let host = host!();
    let ve = host.ve("web").with(["--ip", "10.117.7.1"]).start();
    ve.exec(["ping", "-c", "1", "-W", "1", "10.117.7.99"]);
    host.veld(["set", "web", "--runtime", "mtu=1400"]).done();
    let shown = host.veld(["net", "show", "web"]).ok();
    let row = |key: &str| {
        let line = shown
            .lines()
            .find(|line| line.trim_start().starts_with(key));
        line.unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("this is"), "this is in force");
    assert_eq!(
        row("interface"),
        "interface eth0 routed, veld101 on the host"
    );
    assert_eq!(row("mac"), "mac 02:45:00:00:00:65");
    assert_eq!(row("mtu"), "mtu 1400");
    let told: Value =
        serde_json::from_str(&host.veld(["net", "show", "web", "--json"]).ok().stdout).unwrap();
    assert!(told["interfaces"][0]["sent_packets"].as_u64().unwrap() > 0);
    ve.stop();
    let shown = host.veld(["net", "show", "web"]).ok().stdout;
    assert!(
        shown.contains("from the next start") && !shown.contains("mtu"),
        "{shown}"
    );
}

#[test]
fn the_bridge_of_veld_is_named_and_so_is_what_was_not_set() {
    let host = host!();
    let options = [
        "--net=eth1=bridge",
        "--net=eth2=macvlan:lan0",
        "--dns=192.0.2.53",
    ];
    host.ve("web").with(options).create();
    let listed = host.veld(["net", "list", "--all"]).ok().stdout;
    let rows = listed
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let rows: Vec<String> = rows.map(|row| row.join(" ")).collect();
    assert_eq!(rows[2], "web eth1 bridge veld101.1 veldbr - -");
    assert_eq!(rows[3], "web eth2 macvlan - lan0 - -");
    let shown = host.veld(["net", "show", "web"]).ok().stdout;
    assert!(
        shown.contains("veld101.1 on the host, connected to veldbr"),
        "{shown}"
    );
    assert!(shown.contains("\ndns          192.0.2.53\n"), "{shown}");
    let told: Value =
        serde_json::from_str(&host.veld(["net", "show", "web", "--json"]).ok().stdout).unwrap();
    let second = &told["interfaces"][1];
    assert_eq!(second["connected_to"], "veldbr");
    assert_eq!(second["mac"], "06:45:00:00:00:65");
    // One on top of a link has no end there.
    assert!(
        shown.contains("eth2 macvlan, connected to lan0\n"),
        "{shown}"
    );
    assert_eq!(told["interfaces"][2]["host_link"], Value::Null);
    assert_eq!(told["dns"], json!(["192.0.2.53"]));
    assert_eq!(told["traffic_over"], "slow");
    assert_eq!(told["traffic_rate_bytes_per_second"], 128 * 1024);
}

#[test]
fn a_config_that_makes_no_sense_hides_no_other() {
    let host = host!();
    let _web = host.ve("web").start();
    let bad = host.ve("bad").create();
    fs::write(bad.config(), "ip = 5\n").unwrap();
    let listed = host.veld(["net", "list", "--all"]);
    assert_eq!(listed.status, 1);
    assert!(listed.stdout.contains("web"), "{}", listed.stdout);
    let unknown_key = "config.toml:1: unknown key ip, did you mean network.ip?";
    assert!(listed.stderr.contains(unknown_key), "{}", listed.stderr);
    let unknown = host.veld(["net", "show", "nobody"]);
    assert_eq!(unknown.stderr, "veld: nobody: no such VE\n");
}
