//! A set that goes wrong leaves a VE that runs with the links and addresses of its
//! config, be that the old or the new.

use std::cell::Cell;
use std::fs;

use veld_tests::{Cmd, Host, Template, Ve, host};

use crate::walk::{Fault, Kind, walk};

#[test]
fn a_set_that_fails_leaves_the_links() {
    sets(&host!(Template::NoInit), Kind::Eio);
}

#[test]
fn links_of_a_killed_set_are_put_right_by_the_next_look() {
    sets(&host!(Template::NoInit), Kind::Kill);
}

#[test]
fn what_a_killed_set_left_to_undo_the_next_look_undoes() {
    let host = &host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit).start();
    let before = held(&ve);
    // The last is what cannot be, when the first has been done.
    let words = ["set", "web1", "ip+=10.117.9.9", "net.eth1=bridge:br9"];
    for number in 1.. {
        let fault = Fault::new(host, number, Kind::Kill);
        let output = fault.veld(host, &words);
        let passed = fault.passed();
        assert_ne!(output.status, 0);
        assert!(ve.show().is_object());
        assert_eq!(held(&ve), before, "at point {number}: {:?}", passed.last());
        if passed.len() < number {
            assert!(passed.contains(&"remove address".to_owned()), "{passed:?}");
            break;
        }
    }
    ve.veld("stop", ["--force"]).done();
}

/// What the host routes to the VE, what links it has there, and what the VE has.
fn held(ve: &Ve<'_>) -> [String; 3] {
    let ip = |words: &[&str]| Cmd::program("ip", words).run().ok().stdout;
    let shown = ve.show();
    let links = ip(&["-o", "link"]);
    let ours = links.lines().filter(|line| line.contains(": veld101"));
    let ours = ours.filter_map(|line| line.split_once(": ")?.1.split(" qdisc").next());
    [
        ip(&["route"]),
        ours.collect::<Vec<_>>().join("\n"),
        shown["links"].to_string(),
    ]
}

fn sets(host: &Host, kind: Kind) {
    let ip = |words: &[&str]| Cmd::program("ip", words).run().ok();
    ip(&["link", "add", "br0", "type", "bridge"]);
    let ve = host.ve("web1").template(Template::NoInit).start();
    let turn = Cell::new(0);
    walk(
        host,
        ("set", 1, kind),
        |fault| {
            turn.set(turn.get() + 1);
            let new = 1 + turn.get() % 200;
            let first = format!("ip=10.117.9.{new}");
            let second = format!("net.eth1=bridge:br0,ip=10.9.0.{new}/24,mtu={}", 1300 + new);
            fault.veld(host, &["set", "web1", &first, &second])
        },
        |round| {
            // A set that was killed is put right by whoever looks.
            assert!(ve.show().is_object());
            let config = fs::read_to_string(ve.config()).unwrap();
            let [routes, links, inside] = held(&ve);
            for turn in 0..=turn.get() {
                let new = 1 + turn % 200;
                let is = config.contains(&format!("10.9.0.{new}/24"));
                let address = format!("10.117.9.{new}");
                assert_eq!(config.contains(&format!("\"{address}\"")), is);
                assert_eq!(routes.contains(&format!("{address} dev veld101 ")), is);
                assert_eq!(inside.contains(&format!("{address}/32")), is, "{inside}");
                assert_eq!(inside.contains(&format!("10.9.0.{new}/24")), is);
                assert_eq!(links.contains(&format!("mtu {}", 1300 + new)), is);
            }
            let is_new = config.contains(&format!("10.9.0.{}/24", 1 + turn.get() % 200));
            assert!(!round.is_done() || is_new);
            assert!(!round.has_failed() || !is_new);
        },
    );
    // What those that were killed had claimed stays until somebody wants it, or
    // another set of this VE fails.
    assert_eq!(ve.veld("set", ["net.eth2=bridge:br9"]).status, 1);
    ve.veld("stop", ["--force"]).done();
    ip(&["link", "del", "br0"]);
}
