//! Snapshots that are made and deleted by themselves.

use std::fs;

use serde_json::json;
use veld_tests::{Host, host};

use crate::life::list;

fn run_due(host: &Host) -> veld_tests::Output {
    host.veld(["snapshot", "run-due"])
}

#[test]
fn a_schedule_makes_snapshots_and_deletes_those_that_are_over() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--snapshots", "hourly keep 2"])
        .create();
    host.ve("web2").create();
    host.veld(["set", "web1", "snapshots+=daily for 7d"]).ok();
    host.veld(["snapshot", "create", "web1", "by-hand"]).ok();
    host.veld(["snapshot", "run-due", "--dry-run"])
        .says("web1: would make a snapshot (hourly, daily)");
    assert_eq!(list(&host, &ve).len(), 1);
    let made = run_due(&host).ok();
    assert!(
        made.line().starts_with("web1: made snapshot 20"),
        "{}",
        made.stdout
    );
    assert_eq!(run_due(&host).ok().stdout, "", "a period has one");
    assert_eq!(list(&host, &ve)[1]["schedules"], json!(["hourly", "daily"]));
    // As if hours had passed since each.
    for _ in 0..3 {
        age(&ve, 3601);
        run_due(&host).ok();
    }
    let hourly = |it: &&serde_json::Value| {
        it["schedules"]
            .as_array()
            .unwrap()
            .contains(&json!("hourly"))
    };
    let all = list(&host, &ve);
    let kept = all.iter().filter(hourly).count();
    // The first of all is kept for its day.
    assert!((3..=4).contains(&kept), "{all:?}");
    assert!(all.iter().any(|it| it["name"] == "by-hand"));
    age(&ve, 8 * 86_400);
    let said = run_due(&host).ok().stdout;
    assert_eq!(
        said.matches("deleted snapshot").count(),
        all.len() - 2,
        "{said}"
    );
    assert!(list(&host, &ve).iter().any(|it| it["name"] == "by-hand"));
}

/// Makes all snapshots of a VE so many seconds older.
fn age(ve: &veld_tests::Ve<'_>, seconds: u64) {
    for entry in fs::read_dir(ve.directory().join("snapshots")).unwrap() {
        let file = entry.unwrap().path().join("snapshot.toml");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let old = text
            .lines()
            .find_map(|line| line.strip_prefix("created = "));
        let old: u64 = old.unwrap().parse().unwrap();
        let (from, to) = (
            format!("created = {old}"),
            format!("created = {}", old - seconds),
        );
        fs::write(&file, text.replace(&from, &to)).unwrap();
    }
}

#[test]
fn one_that_cannot_be_does_not_keep_others_from_it() {
    let host = host!();
    let words = ["--snapshots", "hourly keep 2"];
    let bad = host.ve("a").with(words).create();
    let good = host.ve("b").with(words).create();
    fs::write(bad.directory().join("snapshots"), "").unwrap();
    let ran = run_due(&host);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.starts_with("veld: a: cannot "), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
    assert_eq!(list(&host, &good).len(), 1);
    fs::remove_file(bad.directory().join("snapshots")).unwrap();
    host.veld(["snapshot", "run-due", "c"])
        .fails(1, "veld: c: no such VE");
}

#[test]
fn one_by_hand_goes_when_its_time_is_over() {
    let host = host!();
    let ve = host.ve("web1").create();
    host.veld(["snapshot", "create", "web1", "brief", "--expires", "0s"])
        .ok();
    host.veld(["snapshot", "create", "web1", "long", "--expires", "1h"])
        .ok();
    run_due(&host).says("web1: deleted snapshot brief");
    assert_eq!(list(&host, &ve).len(), 1);
}
