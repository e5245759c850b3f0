//! `veld autostart`: which VEs, in which order, and what one in the way does.

use std::fs;

use serde_json::Value;
use veld_tests::{Host, Template, host};

/// Makes a VE of the least kind.
fn make(host: &Host, name: &str, options: &[&str]) {
    let ve = host.ve(name).template(Template::NoInit);
    ve.with(["--network", "none"])
        .with(options.iter().copied())
        .create();
}

fn started(host: &Host, name: &str) -> f64 {
    host.existing(name).show()["started_unix_seconds"]
        .as_f64()
        .unwrap()
}

#[test]
fn those_with_onboot_start_the_least_order_first() {
    let host = host!(Template::NoInit);
    make(&host, "last", &["--onboot", "--bootorder", "10"]);
    make(&host, "a", &["--onboot"]);
    make(&host, "b", &["--onboot"]);
    make(&host, "dns", &["--onboot", "--bootorder", "-5"]);
    make(&host, "other", &[]);
    let output = host.veld(["autostart"]).ok();
    assert_eq!(output.stderr, "");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!((lines[0], lines[3]), ("dns: started", "last: started"));
    for name in ["a", "b"] {
        assert!(started(&host, "dns") < started(&host, name));
        assert!(started(&host, name) < started(&host, "last"));
    }
    assert_eq!(host.existing("other").status(), "stopped");
    // Those that run already are nobody's business.
    let again = host.veld(["autostart"]).ok();
    assert_eq!((again.stdout, again.stderr), (String::new(), String::new()));
}

#[test]
fn with_wait_the_services_of_one_order_are_up_before_the_next() {
    let host = host!();
    make(&host, "a", &["--onboot", "--bootorder", "2"]);
    host.ve("db")
        .with(["--onboot", "--bootorder", "1"])
        .create();
    let output = host.veld(["autostart", "--wait"]).ok();
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines[0].starts_with("db: started, up in "), "{lines:?}");
    let ready = host.existing("db").show()["ready_unix_seconds"].as_f64();
    assert!(ready.unwrap() < started(&host, "a"));
}

#[test]
fn one_that_cannot_start_keeps_no_other_from_it() {
    let host = host!(Template::NoInit);
    for name in ["a", "b", "c"] {
        make(&host, name, &["--onboot"]);
    }
    let config = host.existing("a").config();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("colour = 1\n{text}")).unwrap();
    fs::remove_dir_all(host.existing("b").directory().join("private")).unwrap();
    let output = host.veld(["autostart"]);
    assert_eq!((output.status, output.line()), (1, "c: started"));
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("/ve/a/config.toml:1: unknown key colour"));
    assert!(lines[1].starts_with("veld: b: cannot start: "), "{lines:?}");
    fs::write(&config, text).unwrap();
}

#[test]
fn one_that_waits_to_be_started_again_is_left_to_its_policy() {
    let host = host!(Template::NoInit);
    make(&host, "a", &["--onboot", "--restart", "always"]);
    host.veld(["autostart"]).ok();
    let ve = host.existing("a");
    ve.veld("kill", [""; 0]).ok();
    ve.becomes("restarting");
    assert_eq!(host.veld(["autostart"]).ok().stdout, "");
    ve.becomes("up");
    assert_eq!(ve.show()["restarts_in_a_row"], 1);
}

#[test]
fn what_create_is_told_of_starts_is_in_the_config() {
    let host = host!();
    let options = "--onboot --bootorder 7 --restart on-failure --init supervise --getty";
    let ve = host.ve("web1").with(options.split(' ')).create();
    let config = fs::read_to_string(ve.config()).unwrap();
    for line in [
        "onboot = true",
        "bootorder = 7",
        "restart = \"on-failure\"",
        "init = \"supervise\"",
        "getty = true",
    ] {
        assert!(config.lines().any(|other| other == line), "{config}");
    }
    let shown = ve.show();
    assert_eq!(shown["bootorder"], 7);
    assert_eq!(shown["restart"], Value::from("on-failure"));
    let wrong = host.veld(["create", "x", "-t", "x", "--restart", "maybe"]);
    assert_eq!(wrong.status, 2);
    let said = "\"maybe\" is not a restart policy: allowed is no, on-failure or always";
    assert!(wrong.stderr.contains(said), "{}", wrong.stderr);
}
