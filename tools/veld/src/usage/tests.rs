//! What is said of a command line that makes no sense.

use clap::{CommandFactory, Parser, ValueEnum};

use super::*;
use crate::cli::Cli;
use crate::commands::Column;

fn error(words: &[&str]) -> Error {
    Cli::try_parse_from([&["veld"], words].concat()).unwrap_err()
}

/// What is printed behind "veld: ".
fn told(words: &[&str]) -> String {
    let owned: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    line(&error(words), &owned)
}

#[test]
fn what_is_missing_is_named() {
    for (words, expected) in [
        (&["start"] as &[&str], "start: missing VE or --all"),
        (&["stop", "-f"], "stop: missing VE or --all"),
        (&["restart"], "restart: missing VE or --all"),
        (&["kill"], "kill: missing VE or --all"),
        (&["destroy"], "destroy: missing VE or --all"),
        (&["create"], "create: missing --template, NAME"),
        (&["create", "web1"], "create: missing --template"),
        (&["create", "-t", "debian"], "create: missing NAME"),
        (&["show"], "show: missing VE"),
        (&["set"], "set: missing VE, KEY=VALUE"),
        (&["set", "web1"], "set: missing KEY=VALUE"),
        (&["set", "web1", "--runtime"], "set: missing KEY=VALUE"),
        (&["console"], "console: missing VE"),
        (&["logs", "-f"], "logs: missing VE"),
        (&["enter"], "enter: missing VE"),
        (&["exec"], "exec: missing VE, COMMAND"),
        (&["exec", "web1"], "exec: missing COMMAND"),
        (&["exec", "web1", "--"], "exec: missing COMMAND"),
        (&["template", "build"], "template build: missing NAME"),
        (&["template", "import"], "template import: missing SOURCE"),
        (&["template", "pull"], "template pull: missing SOURCE"),
        (
            &["template", "update"],
            "template update: missing NAME or --all",
        ),
        (&["template", "search"], "template search: missing REMOTE"),
        (&["template", "remove"], "template remove: missing NAME"),
        (&["--debug", "start"], "start: missing VE or --all"),
        (&["create", "a", "-t"], "create: --template needs a value"),
        (&["list", "--sort"], "list: --sort needs a value"),
        (&["list", "-o"], "list: --output needs a value"),
        (&["exec", "-e"], "exec: --env needs a value"),
    ] {
        assert_eq!(told(words), expected, "{words:?}");
    }
}

#[test]
fn what_is_not_known_is_named() {
    for (words, expected) in [
        (&["strat", "web1"] as &[&str], "unknown command strat"),
        (&["--debug", "strat"], "unknown command strat"),
        (&["template", "biuld"], "template: unknown command biuld"),
        (&["start", "--wiat", "a"], "start: unknown option --wiat"),
        (&["start", "-x", "a"], "start: unknown option -x"),
        (&["--bogus"], "unknown option --bogus"),
        (&["show", "a", "b"], "show: one word too many: b"),
        (&["list", "a"], "list: one word too many: a"),
        (
            &["set", "a", "ram=1G", "--frce"],
            "set: unknown option --frce",
        ),
        (
            &["set", "a", "rma=1G"],
            "set: unknown key \"rma\", did you mean ram?",
        ),
        (
            &["set", "a", "zzzzzz=1"],
            "set: unknown key \"zzzzzz\": veld set --list tells all",
        ),
        (
            &["list", "-o", "name,x"],
            "list: --output: \"x\" is not one of name, id, status, since, ip, template, hostname, pid, uptime, onboot, snapshots, disk",
        ),
        (
            &["list", "-s", "x"],
            "list: --sort: \"x\" is not a column: allowed are name, id, status, since, ip, template, hostname, pid, uptime, onboot, snapshots, disk",
        ),
    ] {
        assert_eq!(told(words), expected, "{words:?}");
    }
}

#[test]
fn what_does_not_go_together_is_named() {
    for (words, expected) in [
        (
            &["start", "--all", "a"] as &[&str],
            "start: --all does not go with VE",
        ),
        (
            &["stop", "a", "-f", "-t", "3"],
            "stop: --force does not go with --timeout",
        ),
        (
            &["exec", "-tT", "a", "sh"],
            "exec: --tty does not go with --no-tty",
        ),
        (
            &["list", "--json", "-q"],
            "list: --json does not go with --quiet",
        ),
        (
            &["list", "-Hq"],
            "list: --no-header does not go with --quiet",
        ),
        (&["set", "--list", "a"], "set: --list does not go with VE"),
        (&["list", "-qq"], "list: --quiet may be given once only"),
        (&["list", "--json=yes"], "list: --json takes no value"),
    ] {
        assert_eq!(told(words), expected, "{words:?}");
    }
}

#[test]
fn a_value_that_makes_no_sense_is_named_with_what_is_allowed() {
    for (words, expected) in [
        (
            &["create", "Web", "-t", "x"] as &[&str],
            "create: \"Web\" is not a VE name: 'W' at position 0",
        ),
        (
            &["create", "a", "-t", "x", "--ram", "1Q"],
            "create: --ram: \"1Q\" is not a size: allowed is a number with K, M, G, T or P (pages)",
        ),
        (
            &["create", "a", "-t", "x", "--network", "vlan"],
            "create: --network: \"vlan\" is not a network mode: allowed is routed, bridge, \
             macvlan, ipvlan, physical or none",
        ),
        (
            &["set", "a", "ram"],
            "set: \"ram\" is not a setting: allowed is KEY=VALUE",
        ),
        (
            &["set", "a", "ram+=1G"],
            "set: \"ram+=1G\" is not a setting: allowed is one value: only of a list elements \
             are added or removed",
        ),
        (
            &["set", "a", "ram=512M:256M"],
            "set: ram: \"512M:256M\" is out of range: allowed is a barrier of at most the limit",
        ),
        (
            &["set", "a", "rlimit-nofile=5:3"],
            "set: rlimit-nofile: \"5:3\" is out of range: allowed is a soft limit of at most the \
             hard one",
        ),
        (
            &["template", "build", "a", "--init", "s6"],
            "template build: --init: \"s6\" is not an init to build Debian with: allowed is systemd, \
             sysvinit, openrc, openrc-init, runit, finit, busybox or none",
        ),
        (
            &["start", "--wait=x", "a"],
            "start: --wait: \"x\" is not a duration: allowed is seconds, or a number with s, m, h or d, as 1h30m",
        ),
        (
            &["logs", "-n", "x", "a"],
            "logs: --lines: \"x\" is not a whole number: allowed is 0 or more",
        ),
        (
            &["exec", "-e", "A", "a", "sh"],
            "exec: --env: \"A\" is not a variable: allowed is K=V",
        ),
    ] {
        assert_eq!(told(words), expected, "{words:?}");
    }
}

#[test]
fn a_person_is_told_what_was_probably_meant() {
    for (words, expected) in [
        (&["strat", "a"] as &[&str], Some("did you mean start")),
        (&["xyzzy"], Some("veld --help lists the commands")),
        (&["start", "--wiat", "a"], Some("did you mean --wait")),
        (&["start"], None),
        (&["logs", "-n", "x", "a"], None),
    ] {
        assert_eq!(hint(&error(words)).as_deref(), expected, "{words:?}");
    }
}

#[test]
fn a_word_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let bad = std::ffi::OsStr::from_bytes(b"a\xff");
    let words = ["veld".as_ref(), "show".as_ref(), bad];
    let error = Cli::try_parse_from(words).unwrap_err();
    assert_eq!(
        line(&error, &["show".to_owned()]),
        "show: a word is not UTF-8"
    );
}

#[test]
fn what_follows_the_program_is_the_programs() {
    let words = ["veld", "exec", "web1", "ls", "-l", "--", "--debug"];
    let Ok(cli) = Cli::try_parse_from(words) else {
        panic!("{words:?} was refused");
    };
    assert!(!cli.debug);
    let crate::cli::Command::Exec(exec) = cli.command else {
        panic!("{words:?} is not exec");
    };
    assert_eq!(exec.command, ["ls", "-l", "--", "--debug"]);
}

#[test]
fn the_help_is_sound_and_no_line_of_it_is_too_long() {
    let mut all = Cli::command();
    all.clone().debug_assert();
    all.build();
    let mut commands = vec![all];
    while let Some(mut command) = commands.pop() {
        let help = command.render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        assert!(command.get_about().is_some(), "{help}");
        if command.get_bin_name() == Some("veld list") {
            let columns = Column::value_variants().iter();
            let columns: Vec<_> = columns.filter_map(ValueEnum::to_possible_value).collect();
            let columns: Vec<_> = columns.iter().map(|column| column.get_name()).collect();
            let line = format!("\nColumns: {}.\n", columns.join(", "));
            assert!(help.contains(&line), "{help}");
        }
        commands.extend(command.get_subcommands().cloned());
    }
}
