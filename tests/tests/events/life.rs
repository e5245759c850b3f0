//! Starts and ends.

use serde_json::Value;
use veld_tests::{Host, Template, Ve, host, until};

/// The kinds of the events of a VE, in order.
pub(crate) fn kinds(host: &Host, ve: &Ve<'_>) -> Vec<String> {
    let objects = objects(host, &[ve.name()]);
    let kind = |object: &Value| object["event"].as_str().unwrap().to_owned();
    objects.iter().map(kind).collect()
}

/// What `veld events --json` has of these VEs.
pub(crate) fn objects(host: &Host, names: &[&str]) -> Vec<Value> {
    let words = ["events", "--json"].into_iter();
    let told = host.veld(words.chain(names.iter().copied())).ok();
    let lines = told.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The sentences of `veld events`.
fn sentences(host: &Host, ve: &Ve<'_>) -> Vec<String> {
    let told = host.veld(["events", ve.name()]).ok();
    let sentence = |line: &str| {
        let (_, rest) = line.split_once(&format!("  {}  ", ve.name())).unwrap();
        rest.to_owned()
    };
    told.stdout.lines().map(sentence).collect()
}

#[test]
fn a_life_is_told_in_order_and_until_the_ve_is_destroyed() {
    let host = host!();
    assert_eq!(host.veld(["events"]).ok().stdout, "");
    let ve = host.ve("web1").with(["--network", "none"]).start();
    ve.stop();
    ve.veld("start", ["--wait"]).done();
    ve.veld("restart", ["--wait", "--force"]).done();
    ve.stop();
    let expected = [
        "started",
        "up",
        "asked to shut down",
        "shutting down",
        "stopped: was stopped",
        "started",
        "up",
        "about to be killed",
        "stopped: was killed",
        "started",
        "up",
        "asked to shut down",
        "shutting down",
        "stopped: was stopped",
    ];
    assert_eq!(sentences(&host, &ve), expected);
    ve.destroy();
    assert_eq!(host.veld(["events"]).ok().stdout, "");
    host.veld(["events", "web1"])
        .fails(1, "veld: web1: no such VE");
}

#[test]
fn an_end_from_inside_and_what_follows_are_told() {
    let host = host!();
    let options = ["--network", "none", "--restart", "always"];
    let ve = host.ve("web1").with(options).start();
    ve.veld("kill", [""; 0]).ok();
    until("it runs again", || kinds(&host, &ve).len() >= 6);
    let expected = ["started", "up", "stopped", "restarting", "started", "up"];
    assert_eq!(kinds(&host, &ve), expected);
    let all = sentences(&host, &ve);
    assert_eq!(all[2], "stopped: its PID 1 was killed by signal 9");
    assert!(all[3].starts_with("to be started again at 2"), "{}", all[3]);
    assert!(all[3].ends_with(" UTC, number 1 in a row"), "{}", all[3]);
    assert_eq!(all[4], "started again, number 1 in a row");
    let objects = objects(&host, &["web1"]);
    let at = |object: &Value| object["at_unix_seconds"].as_f64().unwrap();
    assert!(objects.windows(2).all(|two| at(&two[0]) <= at(&two[1])));
    ve.veld("stop", ["--force"]).done();
}

#[test]
fn a_start_that_fails_is_told_with_its_reason() {
    let host = host!();
    let ve = host.ve("web1").with(["--network", "none"]).create();
    // Where a directory of its layer is to be is a file.
    let work = ve.directory().join("private/work");
    std::fs::rename(&work, ve.directory().join("aside")).unwrap();
    std::fs::write(&work, "").unwrap();
    let failed = ve.veld("start", [""; 0]);
    assert_eq!(failed.status, 1);
    let told = sentences(&host, &ve);
    let reason = failed.stderr.trim_end();
    let reason = reason.strip_prefix("veld: web1: cannot start: ").unwrap();
    assert_eq!(told, [format!("not started: {reason}")]);
    std::fs::remove_file(&work).unwrap();
    std::fs::rename(ve.directory().join("aside"), &work).unwrap();
}

#[test]
fn a_ve_without_a_shim_is_told_of_by_the_command_that_ends_it() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).start();
    let shim = ve.shim_pid();
    veld_tests::signal(shim, rustix::process::Signal::KILL);
    until("the shim is gone", || !veld_tests::alive(shim));
    ve.veld("stop", ["--force"]).done();
    assert_eq!(kinds(&host, &ve), ["started", "up", "stopping", "stopped"]);
}

#[test]
fn events_of_several_ves_are_one_stream() {
    let host = host!(Template::NoInit);
    let make = |name: &str| {
        let ve = host.ve(name).template(Template::NoInit);
        ve.with(["--network", "none"]).create()
    };
    let (a, b) = (make("a"), make("b"));
    a.start();
    b.start();
    a.veld("stop", ["--force"]).done();
    let names: Vec<String> = objects(&host, &[])
        .iter()
        .map(|object| object["ve"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a", "a", "b", "b", "a", "a"]);
    assert_eq!(objects(&host, &["b"]).len(), 2);
    b.veld("stop", ["--force"]).done();
}
