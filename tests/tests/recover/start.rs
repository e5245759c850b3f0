//! A start that goes wrong leaves a stopped VE and nothing else, whoever of its
//! processes it was that failed or was killed.

use std::fs;

use veld_tests::{Host, Template, Ve, host, until};

use crate::walk::{Kind, Round, walk, walked};

walked!(unconnected: a_start_that_fails_leaves_nothing,
    a_start_without_space_leaves_nothing,
    a_killed_start_is_started_again);

#[test]
fn a_connected_start_that_fails_leaves_nothing() {
    connected(&host!(Template::NoInit), Kind::Eio);
}

#[test]
fn a_killed_connected_start_is_started_again() {
    connected(&host!(Template::NoInit), Kind::Kill);
}

fn unconnected(host: &Host, kind: Kind) {
    starts(host, kind, "none");
}

/// The host's own things, forwarding and rules, are made by the first start of
/// a network namespace; a failed one leaves them, as they are no VE's.
fn connected(host: &Host, kind: Kind) {
    starts(host, kind, "routed");
}

fn starts(host: &Host, kind: Kind, network: &str) {
    let ve = host
        .ve("web1")
        .template(Template::NoInit)
        .with(["--network", network])
        .create();
    walk(
        host,
        ("start", 1, kind),
        |fault| {
            let output = fault.veld(host, &["start", "web1"]);
            is_through(&ve);
            output
        },
        |round| {
            if round.has_failed() {
                host.nothing_remains();
                assert_eq!(left_in_run_directory(host), Vec::<String>::new());
            }
            started_or_starts(host, round);
            ve.veld("stop", ["--force"]).done();
            if !round.has_failed() {
                host.nothing_remains();
            }
            assert_eq!(left_in_run_directory(host), Vec::<String>::new());
        },
    );
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// What the launcher does once the command is told that PID 1 runs is over, too: it
/// is the shim now, or has ended.
pub(crate) fn is_through(ve: &Ve<'_>) {
    until("the launcher is through", || {
        let pid = ve.show()["shim_pid"].as_i64();
        let name = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok());
        name.is_none_or(|name| name.trim_end() == "veld-shim")
    });
}

/// The VE runs or can be started, whichever the round says.
pub(crate) fn started_or_starts(host: &Host, round: &Round<'_>) {
    let ve = host.existing("web1");
    let again = ve.veld("start", ["--wait"]);
    if again.status != 0 {
        assert!(!round.has_failed(), "{}", round.output.stderr);
        again.fails(1, "veld: web1: is already running");
    }
    // Past this the VE ends by itself, as one whose init fails at once does.
    if round.is_done() && round.point != "execute program" {
        assert_ne!(again.status, 0, "started twice");
    }
    if round.unharmed {
        ve.exec(["true"]).done();
    }
}

/// What a stopped VE has no use for in its run directory.
pub(crate) fn left_in_run_directory(host: &Host) -> Vec<String> {
    const STAYS: [&str; 8] = [
        "lock",
        "ended",
        "failure",
        "console.log",
        "console.log.1",
        "events",
        "events.1",
        "refusals",
    ];
    let entries = std::fs::read_dir(host.existing("web1").run_directory());
    let names = entries.into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !STAYS.contains(&name.as_str()))
        .collect()
}
