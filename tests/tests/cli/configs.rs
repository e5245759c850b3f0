//! Config files as people leave them: every mistake at once, each with its line.

use std::fs;

use veld_tests::{Cmd, Host, Template, Ve, host};

/// Writes the VE's config anew with `edit`, and starts it.
fn start_with(ve: &Ve<'_>, edit: impl Fn(&str) -> String) -> veld_tests::Output {
    let config = fs::read_to_string(ve.config()).unwrap();
    fs::write(ve.config(), edit(&config)).unwrap();
    let started = ve.veld("start", [""; 0]);
    fs::write(ve.config(), config).unwrap();
    started
}

/// The line of a text that begins like this, from 1.
fn line_of(text: &str, begin: &str) -> usize {
    text.lines()
        .position(|line| line.starts_with(begin))
        .unwrap()
        + 1
}

#[test]
fn every_mistake_is_a_line_with_its_place() {
    let host = host!();
    let ve = host.ve("web1").create();
    let path = ve.config().display().to_string();
    let config = fs::read_to_string(ve.config()).unwrap();
    let lines = config.lines().count();
    let hostname = line_of(&config, "hostname");
    let refused = start_with(&ve, |config| {
        config.replace("hostname = \"web1\"", "hostname = \"a_b\"")
            + "[resources]\nram = \"lots\"\ncpus = 0\ncolour = \"red\"\n"
    });
    let expected = [
        format!("veld: {path}:{hostname}: hostname: \"a_b\" is not a host name: '_' at position 1"),
        format!(
            "veld: {path}:{}: resources.ram: \"lots\" is not a size: allowed is a number with K, M, G, T or P (pages)",
            lines + 2
        ),
        format!(
            "veld: {path}:{}: resources.cpus: \"0\" is out of range: allowed is 1 to 8192",
            lines + 3
        ),
        format!(
            "veld: {path}:{}: unknown key resources.colour: allowed are ram, ram-guarantee, ram-low, \
             ram-high, swap, swap-high, cpus, cpumask, cpuunits, cpulimit, processes, ioweight, iolimit, \
             iopslimit, hugepages, oom-score-adj",
            lines + 4
        ),
    ];
    refused.fails(1, &expected.join("\n"));
    ve.start();
}

#[test]
fn keys_that_are_missing_are_all_named() {
    let host = host!();
    let ve = host.ve("web1").create();
    let path = ve.config().display().to_string();
    let kept = |line: &&str| !line.starts_with("uuid") && !line.starts_with("template");
    let refused = start_with(&ve, |config| {
        config.lines().filter(kept).collect::<Vec<_>>().join("\n")
    });
    let expected = [
        format!("veld: {path}: uuid: is missing: allowed is a UUID"),
        format!("veld: {path}: template: is missing: allowed is the name of a template"),
    ];
    refused.fails(1, &expected.join("\n"));
}

#[test]
fn a_config_of_a_newer_version_is_left_alone() {
    let host = host!();
    let ve = host.ve("web1").create();
    let path = ve.config().display().to_string();
    let line = line_of(&fs::read_to_string(ve.config()).unwrap(), "version");
    let refused = start_with(&ve, |config| {
        config.replace("version = 1", "version = 2\nnew = 1")
    });
    let expected =
        format!("veld: {path}:{line}: version: config file of version 2, this veld knows up to 1");
    refused.fails(1, &expected);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let host = host!();
    let ve = host.ve("web1").create();
    let path = ve.config().display().to_string();
    let refused = start_with(&ve, |_| "version = 1\nhostname = = 2\n".to_owned());
    assert_eq!(refused.status, 1);
    let expected = format!("veld: {path}:2: not TOML: ");
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
}

#[test]
fn a_mistyped_key_is_answered_with_the_right_one() {
    let host = host!();
    let ve = host.ve("web1").create();
    let path = ve.config().display().to_string();
    let refused = start_with(&ve, |config| config.replace("onboot", "onbot"));
    let line = line_of(&fs::read_to_string(ve.config()).unwrap(), "onboot");
    refused.fails(
        1,
        &format!("veld: {path}:{line}: unknown key onbot, did you mean onboot?"),
    );
}

#[test]
fn files_that_were_removed_by_hand_are_named() {
    let host = host!();
    let ve = host.ve("web1").create();
    let missing = |path: &std::path::Path| {
        let path = path.display();
        format!(
            "veld: web1: cannot start: cannot read {path}: No such file or directory (os error 2)"
        )
    };
    let id = ve.directory().join("id");
    for path in [ve.config(), id] {
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        ve.veld("start", [""; 0]).fails(1, &missing(&path));
        fs::write(&path, content).unwrap();
    }
    let refused = start_with(&ve, |config| {
        config.replace("template = \"", "template = \"un")
    });
    let template = Template::Busybox.name();
    refused.fails(
        1,
        &format!(
            "veld: web1: cannot start: its files stand on template {template}, its config says un{template}"
        ),
    );
    ve.start();
}

#[test]
fn comments_and_spelling_of_a_config_are_kept() {
    let host = host!();
    let ve = host.ve("web1").create();
    let config = fs::read_to_string(ve.config()).unwrap();
    let own = format!("# mine\n{config}\n[resources]\nram = \"0.0625G\" # little\n");
    fs::write(ve.config(), &own).unwrap();
    ve.start();
    assert_eq!(ve.show()["limits"]["ram_bytes"], 64 << 20);
    ve.stop();
    assert_eq!(fs::read_to_string(ve.config()).unwrap(), own);
}

#[test]
fn mistakes_in_the_hosts_config_stop_every_command() {
    let host = host!();
    host.ve("web1").create();
    host.configure("colour = 1\n\n[network]\npool4 = \"10.0.0.1/16\"\nlink_prefix = \"Veld\"\n");
    let path = host.config().display().to_string();
    let text = fs::read_to_string(host.config()).unwrap();
    let (first, second) = (line_of(&text, "colour"), line_of(&text, "pool4"));
    let third = line_of(&text, "link_prefix");
    let expected = [
        format!("veld: {path}:{first}: unknown key ids.colour: allowed are first"),
        format!("veld: {path}:{second}: network.pool4: \"10.0.0.1/16\" is not a network: bits behind the prefix are set, did you mean 10.0.0.0/16?"),
        format!("veld: {path}:{third}: network.link_prefix: \"Veld\" is not the beginning of a link's name: allowed is 1 to 7 lower-case letters"),
    ]
    .join("\n");
    host.veld(["list"]).fails(1, &expected);
    host.veld(["start", "web1"]).fails(1, &expected);
    // The program's status must not be mistaken for the command's.
    host.veld(["exec", "web1", "true"]).fails(125, &expected);
}

#[test]
fn a_config_that_is_named_must_be_there() {
    let run = |host: &Host, config: &str| {
        Cmd::program(Host::program(), ["list"])
            .env("VELD_CONFIG", config)
            .directory(host.directory())
            .run()
    };
    let host = host!();
    let missing = "veld: cannot read /nosuch.toml: No such file or directory (os error 2)";
    run(&host, "/nosuch.toml").fails(1, missing);
    let relative =
        "veld: VELD_CONFIG: \"veld.toml\" is not a path: allowed is an absolute path without ..";
    run(&host, "veld.toml").fails(1, relative);
}
