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
fn words_of_openvz_are_taken_with_their_units() {
    let words = ["diskspace=10485760:11534336", "diskinodes=200000:220000"];
    let new = assigned(&config(), &words).unwrap();
    assert_eq!(new.storage.disk.unwrap().to_string(), "11G");
    assert_eq!(new.storage.inodes, Some(220_000));
    assert_eq!(
        words[0].parse::<Assignment>().unwrap().to_string(),
        "disk=11G"
    );
    let old = assigned(&new, &["diskspace=unlimited", "diskinodes="]).unwrap();
    assert_eq!(old, config());
    assert_eq!(
        refused("diskspace=2G:1G"),
        "diskspace: \"2G:1G\" is out of range: allowed is a soft limit of at most the hard"
    );
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
    assert_eq!(some.network.first.ip.len(), 2);
    assert_eq!(some.network.dns, [Dns::Host]);
    let other = assigned(&some, &["ip+=10.0.0.2", "ip-=fd00:0::1", "network=none"]).unwrap();
    let ip: Key = "ip".parse().unwrap();
    assert_eq!(ip.said_by(&other).as_deref(), Some("10.0.0.1,10.0.0.2"));
    assert_eq!(other.network.first.mode, Mode::None);
    let twice = assigned(&some, &["ip+=10.0.0.1"]).unwrap_err();
    assert_eq!(twice, "ip: \"10.0.0.1\" is there twice");
    let absent = assigned(&some, &["ip-=10.0.0.9"]).unwrap_err();
    assert_eq!(absent, "ip: \"10.0.0.9\" is not in the list");
}

#[test]
fn a_mount_is_taken_away_by_its_place() {
    let two = ["mount+=/srv:/srv:ro", "mount+=tmpfs:/cache:size=1M"];
    let two = assigned(&config(), &two).unwrap();
    let mount: Key = "mount".parse().unwrap();
    assert_eq!(
        mount.said_by(&two).as_deref(),
        Some("/srv:/srv:ro,tmpfs:/cache:size=1M")
    );
    let one = assigned(&two, &["mount-=/cache"]).unwrap();
    assert_eq!(mount.said_by(&one).as_deref(), Some("/srv:/srv:ro"));
    let none = assigned(&one, &["mount-=/srv:/srv:ro"]).unwrap();
    assert_eq!(none, config());
    let absent = assigned(&two, &["mount-=/other"]).unwrap_err();
    assert_eq!(absent, "mount: \"/other\" is not in the list");
    let twice = assigned(&two, &["mount+=/srv:/cache"]).unwrap_err();
    assert_eq!(twice, "mount: two mounts on /cache");
    assert!(refused("mount+=/srv").starts_with("mount: \"/srv\" is not a mount: "));
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
    let of = |text: &str| text.parse::<Assignment>().unwrap();
    let older = of("dns=10.0.0.2");
    assert!(of("dns=10.0.0.1").replaces(&older) && !of("ip=10.0.0.1").replaces(&older));
    assert!(!of("dns+=10.0.0.1").replaces(&older) && !of("dns-=10.0.0.1").replaces(&older));
}

#[test]
fn interfaces_come_change_and_go() {
    let net: Key = "net".parse().unwrap();
    let said = |config: &VeConfig| net.said_by(config);
    let whole = "net.eth1=bridge:br0,ip=10.0.1.2/24,ip=fd01::2/64,gateway=10.0.1.1";
    let one = assigned(&config(), &[whole]).unwrap();
    let eth1 = &one.network.others[&"eth1".parse().unwrap()];
    assert_eq!(eth1.mode, Mode::Bridge);
    assert_eq!(eth1.addresses().count(), 2);
    assert_eq!(said(&one).as_deref(), whole.strip_prefix("net."));
    let changes = [
        "net.eth1.mtu=1400",
        "net.eth1.ip-=10.0.1.2/24",
        "net.eth1.name=lan0",
    ];
    let other = assigned(&one, &changes).unwrap();
    let expected = "eth1=bridge:br0,name=lan0,ip=fd01::2/64,gateway=10.0.1.1,mtu=1400";
    assert_eq!(said(&other).as_deref(), Some(expected));
    let unset = assigned(&other, &["net.eth1.mtu=", "net.eth1.name="]).unwrap();
    let expected = "eth1=bridge:br0,ip=fd01::2/64,gateway=10.0.1.1";
    assert_eq!(said(&unset).as_deref(), Some(expected));
    assert_eq!(said(&assigned(&unset, &["net.eth1="]).unwrap()), None);
}

#[test]
fn the_first_interface_has_the_words_of_others_too() {
    let ip: Key = "ip".parse().unwrap();
    let one = assigned(&config(), &["net.eth0.mtu=1400", "net.eth0.ip+=10.0.0.7"]).unwrap();
    assert_eq!(one.network.first.mtu, Some(1400));
    assert_eq!(ip.said_by(&one).as_deref(), Some("10.0.0.7"));
    let bridged = assigned(&one, &["net.eth0=bridge:br0,ip=10.0.1.2/24"]).unwrap();
    assert_eq!(bridged.network.first.mtu, None);
    assert_eq!(ip.said_by(&bridged).as_deref(), Some("10.0.1.2/24"));
    let link: Key = "link".parse().unwrap();
    assert_eq!(link.said_by(&bridged).as_deref(), Some("br0"));
    let routed = assigned(&bridged, &["network=routed", "ip=10.0.0.7"]).unwrap();
    assert_eq!(link.said_by(&routed), None);
    let again = assigned(&routed, &["network=bridge:br1"]).unwrap();
    assert_eq!(link.said_by(&again).as_deref(), Some("br1"));
}

#[test]
fn what_is_wrong_with_an_interface_is_told() {
    let table = [
        (
            "net.eth1=bridg",
            "net.eth1: mode: \"bridg\" is not a network mode: allowed is routed, bridge, macvlan, ipvlan, physical or none",
        ),
        ("net.eth1=routed,mtu", "net.eth1: \"mtu\" is not KEY=VALUE"),
        (
            "net.eth1=routed,mtu=5",
            "net.eth1: mtu: \"5\" is out of range: allowed is 68 to 65535",
        ),
        (
            "net.eth1=routed,mtu=500,mtu=600",
            "net.eth1: mtu is there twice",
        ),
        (
            "net.eth1.mac=01:00:00:00:00:01",
            "net.eth1.mac: \"01:00:00:00:00:01\" is not a MAC address: allowed is that of one interface; this is a multicast address",
        ),
        (
            "net.eth1.name=sixteen-letters.",
            "net.eth1.name: \"sixteen-letters.\" is not the name of an interface: 16 characters, allowed are 15",
        ),
        (
            "net.eth1.rate-n=1M",
            "unknown key \"net.ethN.rate-n\", did you mean net.ethN.rate-in?",
        ),
        (
            "net.eth1.mtu+=5",
            "\"net.eth1.mtu+=5\" is not a setting: allowed is one value: only of a list elements are added or removed",
        ),
        (
            "net=x",
            "\"net=x\" is not a setting: allowed is net.eth1=MODE[:LINK][,KEY=VALUE] or net.eth1.KEY=VALUE",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(
            text.parse::<Assignment>().unwrap_err().to_string(),
            expected
        );
    }
    let absent = assigned(&config(), &["net.eth1.mtu=1400"]).unwrap_err();
    assert_eq!(absent, "net: there is no eth1: net.eth1=MODE makes one");
    let conflict = assigned(
        &config(),
        &["net.eth1=bridge,rate-in=1M", "net.eth1.mode=macvlan"],
    );
    assert_eq!(
        conflict.unwrap_err(),
        "net.eth1.rate-in: only routed interfaces and those on bridges have a rate\n\
         net.eth1.link: macvlan needs an interface of the host's"
    );
}

#[test]
fn a_later_assignment_covers_what_it_is_of() {
    let of = |text: &str| text.parse::<Assignment>().unwrap();
    let [whole, mtu, name] = ["net.eth1=routed", "net.eth1.mtu=1400", "net.eth1.name=x"].map(of);
    assert!(whole.replaces(&mtu) && mtu.replaces(&mtu));
    assert!(!mtu.replaces(&whole) && !mtu.replaces(&name));
    assert!(!whole.replaces(&of("net.eth2=routed")));
    assert!(mtu.is_about(&name) && !mtu.is_about(&of("net.eth2.mtu=1400")));
}
