//! What goes wrong around the host's rules leaves no entry of a VE that has stopped,
//! and of one that runs those of its config, be that the old or the new.

use std::cell::Cell;
use std::fs;

use veld_tests::{Cmd, Host, Template, Ve, host};

use crate::start::{is_through, started_or_starts};
use crate::walk::{Kind, walk};

#[test]
fn a_start_that_fails_leaves_no_rules() {
    starts(&host!(Template::NoInit), Kind::Eio);
}

#[test]
fn a_killed_start_has_its_rules_when_it_is_started_again() {
    starts(&host!(Template::NoInit), Kind::Kill);
}

#[test]
fn a_set_that_fails_leaves_the_rules() {
    sets(&host!(Template::NoInit), Kind::Eio);
}

#[test]
fn rules_of_a_killed_set_are_put_right_by_the_next_look() {
    sets(&host!(Template::NoInit), Kind::Kill);
}

/// A VE that has rules of every kind.
fn ruled(host: &Host) -> Ve<'_> {
    host.configure("[group.blue]\nisolated = true\ndefault-out = \"deny\"\n");
    let options = ["--publish", "8000:80", "--deny", "in tcp 9000"];
    host.ve("web1")
        .template(Template::NoInit)
        .with(options.into_iter().chain(["--group", "blue"]))
        .create()
}

/// What the rules hold that is not the same for all.
fn entries() -> Vec<String> {
    let rules = Cmd::program("nft", ["list", "ruleset"]).run().ok().stdout;
    let of_ves = ["elements", "chain ve", "tcp dport"];
    let lines = rules.lines().map(str::trim);
    lines
        .filter(|line| of_ves.iter().any(|of| line.starts_with(of)))
        .map(str::to_owned)
        .collect()
}

fn starts(host: &Host, kind: Kind) {
    let ve = ruled(host);
    let whole: Cell<Vec<String>> = Cell::default();
    ve.start();
    whole.set(entries());
    ve.veld("stop", ["--force"]).done();
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
                assert_eq!(entries(), Vec::<String>::new());
            }
            started_or_starts(host, round);
            let expected = whole.take();
            assert_eq!(entries(), expected);
            assert!(expected.len() > 8, "{expected:?}");
            whole.set(expected);
            ve.veld("stop", ["--force"]).done();
            assert_eq!(entries(), Vec::<String>::new());
        },
    );
}

fn sets(host: &Host, kind: Kind) {
    let ve = ruled(host);
    ve.start();
    let turn = Cell::new(0);
    walk(
        host,
        ("set", 1, kind),
        |fault| {
            turn.set(turn.get() + 1);
            let publish = format!("publish={}:80", 8000 + turn.get());
            let deny = format!("deny=in tcp {}", 9000 + turn.get());
            fault.veld(host, &["set", "web1", &publish, &deny])
        },
        |round| {
            ve.show();
            let config = fs::read_to_string(ve.config()).unwrap();
            let held = entries().join("\n");
            let in_force: Vec<u32> = (0..=turn.get())
                .filter(|turn| config.contains(&format!("\"{}:80/tcp\"", 8000 + turn)))
                .collect();
            let [is] = in_force[..] else {
                panic!("one port: {config}");
            };
            for turn in 0..=turn.get() {
                let [port, rule] = [
                    format!("tcp . {} : ", 8000 + turn),
                    format!("tcp dport {} goto", 9000 + turn),
                ];
                assert_eq!(held.matches(&port).count(), 2 * usize::from(turn == is));
                assert_eq!(
                    held.matches(&rule).count(),
                    usize::from(turn == is),
                    "{held}"
                );
            }
            if round.is_done() {
                assert_eq!(is, turn.get());
            }
            if round.has_failed() {
                assert_ne!(is, turn.get());
            }
        },
    );
    ve.veld("stop", ["--force"]).done();
    assert_eq!(entries(), Vec::<String>::new());
}
