//! Events while they happen.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use veld_tests::{Host, Running, Template, Ve, host, signal, until};

/// `veld events -f`, whose output the test reads.
fn follow(host: &Host, words: &[&str]) -> (Running, BufReader<ChildStdout>) {
    let head = ["events", "--follow", "--json"].into_iter();
    let mut cmd = host.cmd(head.chain(words.iter().copied()));
    cmd.inner().stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = cmd.spawn_as_it_is();
    let stdout = running.child().stdout.take().unwrap();
    (running, BufReader::new(stdout))
}

/// The VE and the kind of the next event.
fn next(stream: &mut BufReader<ChildStdout>) -> (String, String) {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let object: Value = serde_json::from_str(&line).unwrap();
    let word = |key: &str| object[key].as_str().unwrap().to_owned();
    (word("ve"), word("event"))
}

fn expect(stream: &mut BufReader<ChildStdout>, ve: &str, kinds: &[&str]) {
    for kind in kinds {
        assert_eq!(next(stream), (ve.to_owned(), (*kind).to_owned()));
    }
}

fn small<'h>(host: &'h Host, name: &str) -> Ve<'h> {
    let ve = host.ve(name).template(Template::NoInit);
    ve.with(["--network", "none"]).create()
}

#[test]
fn a_ve_that_is_made_and_started_later_is_followed_too() {
    let host = host!(Template::NoInit);
    // Before there is any, and any directory to look into.
    let (mut follower, mut stream) = follow(&host, &[]);
    let ve = small(&host, "web1");
    ve.start();
    expect(&mut stream, "web1", &["started", "up"]);
    let other = small(&host, "other");
    other.start();
    expect(&mut stream, "other", &["started", "up"]);
    ve.veld("stop", ["--force"]).done();
    expect(&mut stream, "web1", &["stopping", "stopped"]);
    // One of the same name is another.
    ve.destroy();
    let again = small(&host, "web1");
    again.start();
    expect(&mut stream, "web1", &["started", "up"]);
    for ve in [&again, &other] {
        ve.veld("stop", ["--force"]).done();
        expect(&mut stream, ve.name(), &["stopping", "stopped"]);
    }
    assert!(!follower.has_ended());
    signal(follower.pid(), Signal::INT);
    until("Ctrl-C ends it", || follower.has_ended());
}

#[test]
fn what_was_before_comes_first_and_others_are_left_out() {
    let host = host!(Template::NoInit);
    let (ve, other) = (small(&host, "web1"), small(&host, "other"));
    ve.start();
    let (follower, mut stream) = follow(&host, &["web1"]);
    expect(&mut stream, "web1", &["started", "up"]);
    other.start();
    other.veld("stop", ["--force"]).done();
    ve.veld("stop", ["--force"]).done();
    expect(&mut stream, "web1", &["stopping", "stopped"]);
    drop(follower);
}

#[test]
fn events_that_are_put_aside_meanwhile_are_neither_lost_nor_repeated() {
    let host = host!(Template::NoInit);
    let ve = small(&host, "web1");
    ve.start();
    let (follower, mut stream) = follow(&host, &[]);
    expect(&mut stream, "web1", &["started", "up"]);
    let file = ve.run_directory().join("events");
    let filler = "1.0 paused\n".repeat(64 * 1024 / 11);
    let mut appended = std::fs::File::options().append(true).open(&file).unwrap();
    std::io::Write::write_all(&mut appended, filler.as_bytes()).unwrap();
    ve.veld("stop", ["--force"]).done();
    let mut paused = 0;
    loop {
        match next(&mut stream).1.as_str() {
            "paused" => paused += 1,
            other => break assert_eq!(other, "stopping"),
        }
    }
    assert_eq!(paused, 64 * 1024 / 11);
    expect(&mut stream, "web1", &["stopped"]);
    ve.start();
    expect(&mut stream, "web1", &["started", "up"]);
    drop(follower);
    ve.veld("stop", ["--force"]).done();
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let host = host!(Template::NoInit);
    let (mut follower, stream) = follow(&host, &[]);
    drop(stream);
    until("it ends though nothing happens", || follower.has_ended());
    assert_eq!(follower.output().status, 0);
}
