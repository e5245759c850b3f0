//! Pools of addresses: each gives what is free, to one VE each.

use std::fs;

use veld_tests::{Host, Template, Ve, host};

use crate::lan::Lan;
use crate::{addresses, ip};

/// One with fourteen addresses, for VEs that the world can reach.
const PUBLIC: &str = "[pool.public]\nnetwork = \"203.0.113.0/28\"\nnat = false\n";

fn create(host: &Host, name: &str, address: &str) -> veld_tests::Running {
    let template = Template::Busybox.name();
    host.cmd(["create", name, "--template", &template, "--ip", address])
        .spawn()
}

/// All addresses of a VE's config.
fn all(ve: &Ve<'_>) -> Vec<String> {
    let shown = ve.show();
    let addresses = shown["addresses"].as_array().unwrap().iter();
    addresses
        .map(|address| address.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_pool_gives_each_address_once_and_says_when_it_is_empty() {
    let host = host!();
    host.configure(PUBLIC);
    let creations: Vec<_> = (0..16)
        .map(|number| create(&host, &format!("ve{number}"), "public"))
        .collect();
    let mut made = Vec::new();
    for (number, creation) in creations.into_iter().enumerate() {
        let output = creation.output();
        if output.status == 0 {
            made.extend(all(&host.existing(&format!("ve{number}"))));
        } else {
            let fact = "no free address in pool public (203.0.113.0/28): all 14 are taken";
            output.fails(1, &format!("veld: ve{number}: cannot create: {fact}"));
        }
    }
    made.sort();
    let mut expected: Vec<String> = (1..15).map(|it| format!("203.0.113.{it}")).collect();
    expected.sort();
    assert_eq!(made, expected);
    let some = host.veld(["list", "--all", "-H", "-o", "name"]);
    let name = some.lines().next().unwrap_or("ve0").to_owned();
    let freed = all(&host.existing(&name));
    host.existing(&name).destroy();
    create(&host, "next", "public").output().done();
    assert_eq!(all(&host.existing("next")), freed);
}

#[test]
fn an_address_of_a_pool_can_be_chosen_and_added() {
    let host = host!();
    host.configure(PUBLIC);
    create(&host, "a", "public:203.0.113.5").output().done();
    let a = host.existing("a");
    assert_eq!(all(&a), ["203.0.113.5"]);
    let refused = |wish: &str, fact: &str| {
        create(&host, "b", wish)
            .output()
            .fails(1, &format!("veld: b: cannot create: {fact}"));
    };
    refused("public:203.0.113.5", "203.0.113.5 is an address of VE a");
    for outside in ["203.0.113.16", "203.0.113.0", "203.0.113.15", "2001:db8::5"] {
        refused(
            &format!("public:{outside}"),
            &format!("{outside} is not an address of pool public (203.0.113.0/28)"),
        );
    }
    refused(
        "private",
        "no pool private: this host has pool4, pool6, public",
    );
    a.start();
    let told = a.veld("set", ["ip+=public", "ip+=pool6"]).ok();
    let [chosen, second, third] = all(&a).try_into().unwrap();
    let got = format!("a: set ip+=public ip+=pool6; it has {second} {third} now\n");
    assert_eq!(told.stdout, got);
    assert_eq!(chosen, "203.0.113.5");
    assert!(second.starts_with("203.0.113."), "{second}");
    let inside = a.exec(["ip", "-o", "address"]).ok().stdout;
    for address in [&second, &third] {
        assert!(inside.contains(&format!(" {address}/")), "{inside}");
    }
    let config = fs::read_to_string(a.config()).unwrap();
    assert!(!config.contains("public"), "{config}");
    a.veld("set", ["--runtime", "ip+=public"]).fails(
        1,
        "veld: a: cannot set: an address of a pool is for good, and cannot be for this run",
    );
    // As an administrator would write it into the file.
    let edited = config.replace("\"203.0.113.5\"", "\"public:203.0.113.6\"");
    a.stop();
    fs::write(a.config(), edited).unwrap();
    a.start();
    assert_eq!(all(&a)[0], "203.0.113.6");
}

#[test]
fn what_others_have_of_a_pool_is_passed_over() {
    let host = host!();
    let lan = Lan::new();
    // The host has the first address and its neighbour the second.
    host.configure("[pool.lan]\nnetwork = \"198.18.0.0/29\"\n");
    let mut made: Vec<String> = (0..4)
        .flat_map(|number| {
            let name = format!("ve{number}");
            create(&host, &name, "lan").output().done();
            all(&host.existing(&name))
        })
        .collect();
    made.sort();
    assert_eq!(
        made,
        ["198.18.0.3", "198.18.0.4", "198.18.0.5", "198.18.0.6"]
    );
    let fact = "no free address in pool lan (198.18.0.0/29): all 6 are taken";
    create(&host, "late", "lan")
        .output()
        .fails(1, &format!("veld: late: cannot create: {fact}"));
    let first = host.existing("ve0");
    first.start();
    assert!(lan.reaches(&all(&first)[0]));
    drop(lan);
}

#[test]
fn a_default_pool_that_is_smaller_than_numbers_serves_all_it_can() {
    let host = host!();
    host.configure("[network]\npool4 = \"10.50.0.0/28\"\npool6 = \"fd50::/64\"\n");
    let mut made: Vec<String> = (0..14)
        .map(|number| {
            let ve = host.ve(&format!("ve{number}")).create();
            let [ipv4, ipv6] = addresses(&ve);
            assert!(ipv6.starts_with("fd50::"), "{ipv6}");
            ipv4
        })
        .collect();
    made.sort();
    let mut expected: Vec<String> = (1..15).map(|it| format!("10.50.0.{it}")).collect();
    expected.sort();
    assert_eq!(made, expected);
    let template = Template::Busybox.name();
    host.veld(["create", "late", "--template", &template]).fails(
        1,
        "veld: late: cannot create: no free address in pool pool4 (10.50.0.0/28): all 14 are taken",
    );
    let left = ip(&["-o", "link"]);
    assert!(!left.contains("veld"), "{left}");
}

#[test]
fn pools_with_addresses_in_common_are_refused_with_both_names() {
    let host = host!();
    host.configure(&format!(
        "{PUBLIC}[pool.other]\nnetwork = \"203.0.113.8/29\"\n"
    ));
    let listed = host.veld(["list"]);
    assert_eq!(listed.status, 1, "{}", listed.stdout);
    for name in ["pool.public", "pool.other"] {
        assert!(listed.stderr.contains(name), "{}", listed.stderr);
    }
    host.configure("");
}
