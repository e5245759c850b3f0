//! `veld host doctor`: what is too small for how many VEs.

use serde_json::Value;
use veld_tests::{Cmd, Host, host};

fn settings() -> String {
    let all = "sysctl -a 2>/dev/null | grep -E '^(fs|kernel|net)\\.' | \
               grep -E 'gc_thresh|conntrack_(max|buckets)|_max|max_|-max' | grep -v random";
    Cmd::program("sh", ["-c", all]).run().ok().stdout
}

fn doctor(host: &Host, words: &[&str]) -> (i32, Value) {
    let all = [&["host", "doctor", "--json"], words].concat();
    let output = host.veld(all);
    let shown = serde_json::from_str(&output.stdout);
    (
        output.status,
        shown.unwrap_or_else(|_| panic!("{}", output.stderr)),
    )
}

#[test]
fn what_is_too_small_decides_the_exit_status_and_nothing_changes() {
    let host = host!();
    let before = settings();
    let (status, shown) = doctor(&host, &["--ves", "1"]);
    assert_eq!(
        (status, &shown["is_enough"]),
        (0, &Value::Bool(true)),
        "{shown}"
    );
    let (status, shown) = doctor(&host, &["--ves", "1000000"]);
    assert_eq!((status, &shown["is_enough"]), (1, &Value::Bool(false)));
    let limits = shown["limits"].as_array().unwrap();
    let pids = limits
        .iter()
        .find(|it| it["name"] == "kernel.pid_max")
        .unwrap();
    let current = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    assert_eq!(pids["current"].to_string(), current.trim());
    assert_eq!(pids["needed"], 4_194_304);
    assert!(pids["enough_for_ves"].as_u64().unwrap() < 1_000_000);
    let text = host.veld(["host", "doctor", "--ves", "1000000"]);
    assert_eq!(text.status, 1);
    assert!(
        text.stdout.contains("Too small for 1000000 VEs"),
        "{}",
        text.stdout
    );
    assert_eq!(settings(), before);
    assert!(!std::path::Path::new("/etc/sysctl.d/60-veld.conf").exists());
}

#[test]
fn it_is_asked_for_a_hundred_ves_unless_told() {
    let host = host!();
    host.ve("a").create();
    assert_eq!(doctor(&host, &[]).1["ves"], 100);
    for wrong in ["0", "x"] {
        let said = host.veld(["host", "doctor", "--ves", wrong]);
        let is_not = "is not a number of VEs: allowed is 1 or more";
        said.fails(2, &format!("veld: host: --ves: \"{wrong}\" {is_not}"));
    }
}

#[test]
fn another_firewall_that_drops_is_named_and_left_alone() {
    let host = host!();
    if !Cmd::is_there("nft") {
        return;
    }
    let chain = "add table ip filter; add chain ip filter FORWARD \
                 { type filter hook forward priority 0; policy drop; }";
    Cmd::program("nft", [chain]).run().ok();
    let rules = || Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    let before = rules();
    let (_, shown) = doctor(&host, &[]);
    let notes = shown["notes"].as_array().unwrap();
    let note = notes.iter().find(|it| it["kind"] == "firewall").unwrap();
    assert_eq!(note["subject"], "chain ip filter FORWARD");
    let advice = note["advice"].as_str().unwrap();
    assert!(
        advice.contains("iptables -I FORWARD -i veld+ -j ACCEPT"),
        "{advice}"
    );
    assert_eq!(rules(), before);
    Cmd::program("nft", ["delete table ip filter"]).run().ok();
}

#[test]
fn switches_of_the_host_are_told_of() {
    let host = host!();
    let off = "echo 0 >/proc/sys/net/ipv4/ip_forward";
    Cmd::program("sh", ["-c", off]).run().ok();
    let switch = |shown: &Value| {
        let notes = shown["notes"].as_array().unwrap().iter();
        notes
            .filter(|it| it["subject"] == "net.ipv4.ip_forward")
            .count()
    };
    assert_eq!(switch(&doctor(&host, &[]).1), 1);
    let ve = host.ve("a").start();
    assert_eq!(switch(&doctor(&host, &[]).1), 0);
    ve.stop();
}
