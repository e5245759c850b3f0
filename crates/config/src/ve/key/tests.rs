//! Keys by their names, and configs changed by them.

use super::*;
use crate::{Dns, Mode, Uuid, VeName};

fn config() -> VeConfig {
    let name: VeName = "web1".parse().unwrap();
    let uuid: Uuid = "c1f0f6ab-52b5-4f0c-8b67-6b7f9b2b5a11".parse().unwrap();
    VeConfig::new(uuid, "debian".parse().unwrap(), &name)
}

fn assigned(config: &VeConfig, words: &[&str]) -> Result<VeConfig, String> {
    let assignments: Vec<Assignment> = words.iter().map(|word| word.parse().unwrap()).collect();
    config
        .assign(&assignments)
        .map_err(|error| error.to_string())
}

fn refused(word: &str) -> String {
    word.parse::<Assignment>().unwrap_err().to_string()
}

#[test]
fn no_two_keys_have_one_word() {
    let mut words: Vec<&str> = Key::all().map(Key::word).collect();
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count);
    for key in Key::all() {
        assert_eq!(key.word().parse::<Key>().unwrap(), key);
        assert_eq!(key.name().parse::<Key>().unwrap(), key);
        assert_eq!(key.placeholder().is_empty(), key.is_switch());
    }
    assert_eq!("nofile".parse::<Key>().unwrap().name(), "rlimits.nofile");
}

#[test]
fn values_are_set_and_unset() {
    let words = ["ram=512M", "cpuunits=2000", "onboot=yes", "nofile=10:20"];
    let new = assigned(&config(), &words).unwrap();
    assert_eq!(new.resources.ram.unwrap().to_string(), "512M");
    assert!(new.onboot);
    let nofile: Key = "nofile".parse().unwrap();
    assert_eq!(nofile.said_by(&new).as_deref(), Some("10:20"));
    let old = assigned(&new, &["ram=", "cpuunits=", "onboot=no", "nofile="]).unwrap();
    assert_eq!(old, config());
}

#[test]
fn the_last_of_two_counts() {
    let new = assigned(&config(), &["ram=512M", "ram=1G"]).unwrap();
    assert_eq!(new.resources.ram.unwrap().to_string(), "1G");
}

#[test]
fn a_pair_is_two_settings() {
    let new = assigned(&config(), &["ram=400M:512M", "swap=0:1G"]).unwrap();
    assert_eq!(new.resources.ram_high.unwrap().to_string(), "400M");
    assert_eq!(new.resources.swap.unwrap().to_string(), "1G");
    assert_eq!(new.resources.swap_high, None);
    // Without a barrier it stays.
    let more = assigned(&new, &["ram=1G"]).unwrap();
    assert_eq!(more.resources.ram_high.unwrap().to_string(), "400M");
    let none = assigned(&new, &["ram=1G:1G"]).unwrap();
    assert_eq!(none.resources.ram_high, None);
}

#[test]
fn lists_grow_and_shrink() {
    let some = assigned(&config(), &["ip=10.0.0.1,fd00::1", "dns+=host"]).unwrap();
    assert_eq!(some.network.ip.len(), 2);
    assert_eq!(some.network.dns, [Dns::Host]);
    let other = assigned(&some, &["ip+=10.0.0.2", "ip-=fd00:0::1", "network=none"]).unwrap();
    let ip: Key = "ip".parse().unwrap();
    assert_eq!(ip.said_by(&other).as_deref(), Some("10.0.0.1,10.0.0.2"));
    assert_eq!(other.network.mode, Mode::None);
    let twice = assigned(&some, &["ip+=10.0.0.1"]).unwrap_err();
    assert_eq!(twice, "ip: \"10.0.0.1\" is there twice");
    let absent = assigned(&some, &["ip-=10.0.0.9"]).unwrap_err();
    assert_eq!(absent, "ip: \"10.0.0.9\" is not in the list");
}

#[test]
fn all_that_is_wrong_is_told() {
    let wrong = ["ram", "cpus", "onboot"].map(|word| {
        let value = if word == "ram" { "1" } else { "zero" };
        Assignment::new(word.parse().unwrap(), value)
    });
    let wrong = config().assign(&wrong).unwrap_err().to_string();
    let lines: Vec<&str> = wrong.lines().collect();
    assert_eq!(
        lines,
        [
            "onboot: \"zero\" is not a switch: allowed is true or false",
            "ram: \"1\" is out of range: allowed is 4M or more",
            "cpus: \"zero\" is not a whole number: allowed is 1 to 8192",
        ]
    );
    let wrong = assigned(&config(), &["hostname="]).unwrap_err();
    assert_eq!(wrong, "hostname: cannot be unset");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let wrong = assigned(&config(), &["ram=64M", "ram-guarantee=128M"]).unwrap_err();
    assert_eq!(wrong, "ram-guarantee: 128M is more than the ram of 64M");
    let wrong = assigned(&config(), &["cpus=3", "cpumask=0-1"]).unwrap_err();
    assert_eq!(wrong, "cpus: 3 is more than the cpumask 0-1 has");
}

#[test]
fn words_that_are_no_settings_are_refused() {
    assert_eq!(
        refused("ram"),
        "\"ram\" is not a setting: allowed is KEY=VALUE"
    );
    assert_eq!(refused("rma=1G"), "unknown key \"rma\", did you mean ram?");
    assert_eq!(
        refused("colour=red"),
        "unknown key \"colour\": veld set --list tells all"
    );
    assert_eq!(
        refused("ram=1"),
        "ram: \"1\" is out of range: allowed is 4M or more"
    );
    assert!(refused("ram+=1G").contains("only of a list elements are added or removed"));
    assert_eq!(
        refused("uuid=x"),
        "unknown key \"uuid\": veld set --list tells all"
    );
}

#[test]
fn a_value_is_checked_alone() {
    let ram: Key = "ram".parse().unwrap();
    ram.check("400M:512M").unwrap();
    assert_eq!(
        ram.check("12Q").unwrap_err(),
        "\"12Q\" is not a size: allowed is a number with K, M, G, T or P (pages)"
    );
}

#[test]
fn a_pair_stands_for_two_settings_and_anything_else_for_itself() {
    let parts = |text: &str| -> Vec<String> {
        let assignment: Assignment = text.parse().unwrap();
        assignment.parts().iter().map(ToString::to_string).collect()
    };
    assert_eq!(parts("ram=400M:512M"), ["ram=512M", "ram-high=400M"]);
    assert_eq!(parts("swap=16M:32M"), ["swap=32M", "swap-high=16M"]);
    // A barrier that is the limit is none.
    assert_eq!(parts("ram=512M:512M"), ["ram=512M", "ram-high="]);
    assert_eq!(parts("ram=512M"), ["ram=512M"]);
    assert_eq!(parts("rlimit-nofile=1:2"), ["rlimit-nofile=1:2"]);
    let replaces = |text: &str| text.parse::<Assignment>().unwrap().replaces();
    assert!(replaces("dns=10.0.0.1") && !replaces("dns+=10.0.0.1") && !replaces("dns-=10.0.0.1"));
}
