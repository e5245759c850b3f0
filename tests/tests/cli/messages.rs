//! A table row for each mistake: the words typed, the status, the line.

use veld_tests::{Host, Output, Template, host};

/// A name of 64 characters.
const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn names_that_are_none() {
    let host = host!();
    let is_not = |name: &str, why: &str| format!("\"{name}\" is not a VE name: {why}");
    for (name, why) in [
        ("a/b", is_not("a/b", "'/' at position 1")),
        ("../x", is_not("../x", "'.' at position 0")),
        ("..", is_not("..", "'.' at position 0")),
        (LONG, is_not(LONG, "64 characters, allowed are 63")),
        ("Web", is_not("Web", "'W' at position 0")),
        ("101", is_not("101", "digits alone are a VE's id")),
        ("", is_not("", "it is empty")),
        ("a b", is_not("a b", "' ' at position 1")),
        ("web_1", is_not("web_1", "'_' at position 3")),
        ("web\n1", is_not("web\\n1", "'\\n' at position 3")),
        (
            "web\u{1b}[2J",
            is_not("web\\u{1b}[2J", "'\\u{1b}' at position 3"),
        ),
    ] {
        let template = Template::Busybox.name();
        let refused = host.veld(["create", "--template", &template, "--", name]);
        refused.fails(2, &format!("veld: create: {why}"));
        if name != "101" {
            host.veld(["start", "--", name])
                .fails(2, &format!("veld: start: {why}"));
        }
    }
    for id in ["0", "36863", "99999999999999999999"] {
        let line = format!("veld: start: \"{id}\" is not a VE id: allowed is 1 to 36862");
        host.veld(["start", id]).fails(2, &line);
    }
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn ves_and_templates_that_are_not_there() {
    let host = host!();
    for verb in [
        "start", "stop", "restart", "kill", "show", "console", "logs", "destroy",
    ] {
        host.veld([verb, "nosuch"])
            .fails(1, "veld: nosuch: no such VE");
        host.veld([verb, "555"]).fails(1, "veld: 555: no such VE");
    }
    host.veld(["exec", "nosuch", "true"])
        .fails(125, "veld: nosuch: no such VE");
    host.veld(["enter", "nosuch"])
        .fails(125, "veld: nosuch: no such VE");
    let line = "veld: web1: cannot create: no template nosuch";
    host.veld(["create", "web1", "-t", "nosuch"]).fails(1, line);
    for verb in ["show", "remove"] {
        host.veld(["template", verb, "nosuch"])
            .fails(1, "veld: no template nosuch");
    }
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// An option of `veld create`, a value, and what is wrong with it.
const VALUES: &[(&str, &str, &str)] = &[
    ("--ram", "0", "is out of range: allowed is 4M or more"),
    ("--ram", "1", "is out of range: allowed is 4M or more"),
    (
        "--ram",
        "12Q",
        "is not a size: allowed is a number with K, M, G, T or P (pages)",
    ),
    (
        "--ram",
        "-5",
        "is not a size: allowed is a number with K, M, G, T or P (pages)",
    ),
    (
        "--ram",
        "99999999T",
        "is out of range: allowed is less than 8388608T",
    ),
    (
        "--swap",
        "x",
        "is not a size: allowed is a number with K, M, G, T or P (pages)",
    ),
    ("--cpus", "0", "is out of range: allowed is 1 to 8192"),
    ("--cpus", "99999", "is out of range: allowed is 1 to 8192"),
    (
        "--cpus",
        "-1",
        "is not a whole number: allowed is 1 to 8192",
    ),
    (
        "--cpus",
        "1.5",
        "is not a whole number: allowed is 1 to 8192",
    ),
    ("--cpuunits", "0", "is out of range: allowed is 1 to 500000"),
    (
        "--cpulimit",
        "0",
        "is out of range: allowed is 1% to 819200%, 100% is one CPU",
    ),
    (
        "--processes",
        "1",
        "is out of range: allowed is 8 to 4194304",
    ),
    (
        "--processes",
        "-10",
        "is not a whole number: allowed is 8 to 4194304",
    ),
    ("--ip", "300.1.1.1", "is not an IP address"),
    ("--ip", "127.0.0.1", "cannot be used: it is loopback"),
    ("--ip", "fe80::1", "cannot be used: it is link-local"),
    (
        "--dns",
        "x",
        "is not a name server: allowed is host, veld or the IP address of one",
    ),
    (
        "--network",
        "brigde",
        "is not a network mode: allowed is routed, bridge, macvlan, ipvlan, physical or none",
    ),
    ("--hostname", "a_b", "is not a host name: '_' at position 1"),
    (
        "--template",
        "Bad",
        "is not a template name: 'B' at position 0",
    ),
];

#[test]
fn values_that_make_no_sense() {
    let host = host!();
    for &(option, value, why) in VALUES {
        let template = Template::Busybox.name();
        let mut words = vec!["create", "web1", option, value];
        if option != "--template" {
            words.extend(["-t", template.as_str()]);
        }
        let line = format!("veld: create: {option}: \"{value}\" {why}");
        host.veld(words).fails(2, &line);
    }
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// Words of a command line, and what is wrong with them.
const LINES: &[(&[&str], &str)] = &[
    (&["strat", "web1"], "unknown command strat"),
    (&["template", "nosuch"], "template: unknown command nosuch"),
    (&["start", "--wiat", "web1"], "start: unknown option --wiat"),
    (&["show", "web1", "more"], "show: one word too many: more"),
    (&["show"], "show: missing VE"),
    (&["start"], "start: missing VE or --all"),
    (&["create", "web1"], "create: missing --template"),
    (&["exec", "web1"], "exec: missing COMMAND"),
    (
        &["start", "--all", "web1"],
        "start: --all does not go with VE",
    ),
    (
        &["stop", "web1", "-t", "5", "-f"],
        "stop: --timeout does not go with --force",
    ),
    (
        &["exec", "-t", "-T", "web1", "sh"],
        "exec: --tty does not go with --no-tty",
    ),
    (
        &["list", "-q", "--json"],
        "list: --quiet does not go with --json",
    ),
    (
        &["create", "a", "--ram", "8M", "--ram", "9M"],
        "create: --ram may be given once only",
    ),
    (&["create", "a", "--ram"], "create: --ram needs a value"),
    (
        &["exec", "-e", "A", "web1", "sh"],
        "exec: --env: \"A\" is not a variable: allowed is K=V",
    ),
    (
        &["start", "--wait=x", "web1"],
        "start: --wait: \"x\" is not a duration: allowed is seconds, or a number with s, m, h or d, as 1h30m",
    ),
    (
        &["stop", "-t", "-1", "web1"],
        "stop: --timeout: \"-1\" is not a duration: allowed is seconds, or a number with s, m, h or d, as 1h30m",
    ),
    (
        &["kill", "-s", "NOPE", "web1"],
        "kill: --signal: \"NOPE\" is not a signal: allowed are names as TERM or RTMIN+4 and 1 to 64",
    ),
    (
        &["kill", "-s", "0", "web1"],
        "kill: --signal: \"0\" is not a signal: allowed are names as TERM or RTMIN+4 and 1 to 64",
    ),
    (
        &["logs", "-n", "x", "web1"],
        "logs: --lines: \"x\" is not a whole number: allowed is 0 or more",
    ),
    (
        &["logs", "-n", "-1", "web1"],
        "logs: --lines: \"-1\" is not a whole number: allowed is 0 or more",
    ),
    (
        &["list", "-o", "nosuch"],
        "list: --output: \"nosuch\" is not one of name, id, status, since, ip, template, hostname, pid, uptime, onboot, snapshots, disk",
    ),
    (
        &["list", "--sort", "x"],
        "list: --sort: \"x\" is not a column: allowed are name, id, status, since, ip, template, hostname, pid, uptime, onboot, snapshots, disk",
    ),
];

#[test]
fn command_lines_that_make_no_sense() {
    let host = host!();
    for (words, line) in LINES {
        host.veld(*words).fails(2, &format!("veld: {line}"));
    }
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_person_is_given_a_hint_and_a_program_is_not() {
    let host: Host = host!();
    let line = "veld: start: unknown option --wiat";
    host.veld(["start", "--wiat", "web1"]).fails(2, line);
    let (status, shown) = host.terminal(["start", "--wiat", "web1"]).ended();
    assert_eq!(status, 2);
    assert_eq!(
        shown,
        format!("{line}\r\nveld: hint: did you mean --wait\r\n")
    );
}

#[test]
fn nothing_is_wrong_with_asking_for_help() {
    let host = host!();
    for words in [
        &["--help"] as &[&str],
        &["-h"],
        &["start", "--help"],
        &["template", "build", "-h"],
    ] {
        let helped = host.veld(words);
        assert_eq!(
            (helped.status, helped.stderr.as_str()),
            (0, ""),
            "{words:?}"
        );
        assert!(helped.stdout.contains("Usage: veld"), "{}", helped.stdout);
    }
    let version = host.veld(["--version"]).ok();
    assert!(version.stdout.starts_with("veld "), "{}", version.stdout);
    let nothing = host.veld([""; 0]);
    assert_eq!(nothing.status, 2);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let host = host!();
    host.ve("web1").create();
    let program = Host::program().display().to_string();
    let line = format!("{program} show web1 | true; {program} --help | head -1");
    let piped: Output = veld_tests::Cmd::program("sh", ["-c", &line])
        .env("VELD_CONFIG", host.config())
        .run();
    assert_eq!((piped.status, piped.stderr.as_str()), (0, ""));
}

#[test]
fn a_template_in_use_stays() {
    let host = host!();
    host.ve("a").create();
    host.ve("b").create();
    let name = Template::Busybox.name();
    let refused = host.veld(["template", "remove", &name]);
    refused.fails(1, &format!("veld: template {name} is in use by a, b"));
    assert!(Template::Busybox.root().is_dir());
}
