//! A VE that serves a file system itself, and serves it badly.

use std::time::{Duration, Instant};

use veld_tests::{Ve, host, until};

/// Less than a stop takes that gives up, and much more than one needs.
const SOON: Duration = Duration::from_secs(8);

#[test]
fn a_process_that_waits_for_its_own_file_system_does_not_hold_up_a_stop() {
    let host = host!();
    let ve = host.ve("web1").start();
    hang(&ve);
    let begun = Instant::now();
    ve.veld("stop", ["--force"]).done();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    host.nothing_remains();
}

#[test]
fn a_process_that_waits_for_its_own_file_system_does_not_hold_up_a_destroy() {
    let host = host!();
    let ve = host.ve("web1").start();
    hang(&ve);
    let begun = Instant::now();
    ve.veld("destroy", ["--force"]).done();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    host.nothing_remains();
}

#[test]
fn a_stop_leaves_the_file_systems_of_other_ves_alone() {
    let host = host!();
    let ves = ["web1", "web2"].map(|name| host.ve(name).start());
    ves.iter().for_each(hang);
    ves[0].veld("stop", ["--force"]).done();
    // It would say which error ended its wait.
    assert_eq!(said(&ves[1]), "asked");
    ves[1].exec(["pidof", "probe"]).ok();
}

/// A process of the VE's waits for an answer that nobody will give.
fn hang(ve: &Ve<'_>) {
    ve.bring_probe();
    ve.sh("mkdir /var/served && /var/probe hang /var/served </dev/null >/var/said 2>&1 &")
        .done();
    until("the file system was asked", || said(ve) == "asked");
}

fn said(ve: &Ve<'_>) -> String {
    ve.exec(["cat", "/var/said"]).stdout.trim_end().to_owned()
}
