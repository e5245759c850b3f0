//! What is said of a `veld set` that makes no sense.

use std::fs;

use veld_tests::host;

/// A setting, and what is wrong with it.
const SETTINGS: &[(&str, &str)] = &[
    ("ram", "\"ram\" is not a setting: allowed is KEY=VALUE"),
    ("=5", "unknown key \"\": veld set --list tells all"),
    ("rma=5M", "unknown key \"rma\", did you mean ram?"),
    (
        "template=x",
        "unknown key \"template\": veld set --list tells all",
    ),
    (
        "inotify-watchs=3",
        "unknown key \"inotify-watchs\", did you mean inotify-watches?",
    ),
    (
        "ram+=5M",
        "\"ram+=5M\" is not a setting: allowed is one value: only of a list elements are added \
         or removed",
    ),
    ("ram=1", "ram: \"1\" is out of range: allowed is 4M or more"),
    (
        "resources.cpus=x",
        "cpus: \"x\" is not a whole number: allowed is 1 to 8192",
    ),
    (
        "cpumask=3-1",
        "cpumask: \"3-1\" is not a list of CPUs: allowed is numbers up to 8191, as 0-3,8",
    ),
    (
        "oom-score-adj=2000",
        "oom-score-adj: \"2000\" is out of range: allowed is -1000 to 1000",
    ),
    (
        "ioweight=5000",
        "ioweight: \"5000\" is out of range: allowed is 1 to 1000",
    ),
    (
        "onboot=maybe",
        "onboot: \"maybe\" is not a switch: allowed is true or false",
    ),
];

#[test]
fn settings_that_make_no_sense() {
    let host = host!();
    let ve = host.ve("web1").create();
    let before = fs::read(ve.config()).unwrap();
    for (setting, what) in SETTINGS {
        ve.veld("set", ["processes=100", setting])
            .fails(2, &format!("veld: set: {what}"));
    }
    host.veld(["set"])
        .fails(2, "veld: set: missing VE, KEY=VALUE");
    ve.veld("set", [""; 0])
        .fails(2, "veld: set: missing KEY=VALUE");
    host.veld(["set", "nosuch", "ram=64M"])
        .fails(1, "veld: nosuch: no such VE");
    for (setting, what) in [
        ("hostname=", "hostname: cannot be unset"),
        ("dns-=10.1.1.1", "dns: \"10.1.1.1\" is not in the list"),
        ("ram-low=1G", "ram-low: 1G is more than the ram of 64M"),
    ] {
        ve.veld("set", ["ram=64M", setting])
            .fails(1, &format!("veld: web1: cannot set: {what}"));
    }
    ve.veld("set", ["ram=64M", "--runtime"]).fails(
        1,
        "veld: web1: is not running; without --runtime it counts from the next start",
    );
    assert_eq!(fs::read(ve.config()).unwrap(), before);
}

#[test]
fn the_list_of_keys_is_for_people_and_programs() {
    let host = host!();
    let list = host.veld(["set", "--list"]).ok().stdout;
    assert!(list.starts_with("KEY "), "{list}");
    assert!(list.contains("memory.limit_in_bytes"), "{list}");
    let list = host.veld(["set", "--list", "--json"]).ok().stdout;
    let keys: serde_json::Value = serde_json::from_str(&list).unwrap();
    let words = keys.as_array().unwrap().iter();
    let words: Vec<&str> = words.map(|key| key["word"].as_str().unwrap()).collect();
    for word in ["ram", "cpumask", "rlimit-nofile", "inotify-watches", "dns"] {
        assert!(words.contains(&word), "no {word}");
    }
}
