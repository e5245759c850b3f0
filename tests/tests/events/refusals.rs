//! Limits that are reached.

use std::time::Duration;

use serde_json::Value;
use veld_tests::{Cgroup, Host, Ve, host, until};

use crate::life::objects;

/// Events of this kind.
fn of_kind(host: &Host, ve: &Ve<'_>, kind: &str) -> Vec<Value> {
    let mut all = objects(host, &[ve.name()]);
    all.retain(|object| object["event"] == kind);
    all
}

/// The row of a limit in `show --json`.
fn refused(ve: &Ve<'_>, limit: &str) -> Option<Value> {
    let shown = ve.show();
    let mut rows = shown["refusals"].as_array().unwrap().iter();
    rows.find(|row| row["limit"] == limit).cloned()
}

#[test]
fn a_fork_that_is_refused_is_a_row_an_event_and_a_sentence() {
    let host = host!();
    let options = ["--network", "none", "--processes", "40"];
    let ve = host.ve("web1").with(options).start();
    assert_eq!(refused(&ve, "processes"), None);
    assert_eq!(ve.probe(["fork", "200"]).status, 1);
    until("it is told", || {
        !of_kind(&host, &ve, "limit-hit").is_empty()
    });
    let told = of_kind(&host, &ve, "limit-hit").remove(0);
    assert_eq!(told["limit"], "processes");
    assert_eq!(told["limit_processes"], 40);
    assert_eq!(told["limit_bytes"], Value::Null);
    let times = told["times"].as_u64().unwrap();
    let s = if times == 1 { "" } else { "s" };
    let sentence = format!("fork refused: 40 processes reached {times} time{s}");
    assert_eq!(told["text"], sentence);

    until("all of it is seen", || {
        let kernel = ve.group().knob(&["pids.events"]).unwrap();
        let row = refused(&ve, "processes").unwrap();
        kernel == format!("max {}", row["times"]) && row["last_unix_seconds"].is_f64()
    });
    let rows = ve.veld("show", [""; 0]).ok();
    let row = rows.stdout.lines().find(|row| row.starts_with("refused"));
    let row = row.unwrap();
    assert!(
        row.starts_with("refused      fork: 40 processes reached "),
        "{row}"
    );
    assert!(row.ends_with(" UTC"), "{row}");

    // Until the next start it is what is known of the last run.
    ve.stop();
    assert!(refused(&ve, "processes").unwrap()["times"].as_u64() > Some(0));
    ve.start();
    assert_eq!(refused(&ve, "processes"), None);
}

#[test]
fn a_kill_for_want_of_memory_is_told_and_touches_nothing_outside() {
    let host = host!();
    let options = ["--network", "none", "--ram", "64M", "--swap", "0"];
    let ve = host.ve("web1").with(options).start();
    let other = host.ve("other").with(["--network", "none"]).start();
    let bystander = other.exec_cmd([""; 0], ["sleep", "1000"]).spawn();
    let (shim, init) = (ve.shim_pid(), ve.init_pid());
    assert_eq!(ve.probe(["eat", "100"]).status, 137);
    until("it is told", || !of_kind(&host, &ve, "oom").is_empty());
    let told = of_kind(&host, &ve, "oom").remove(0);
    assert_eq!(told["text"], "out of memory: 1 process killed");
    assert_eq!(told["limit_bytes"], Value::Null);
    let row = refused(&ve, "out-of-memory").unwrap();
    assert_eq!(row["times"], 1);
    assert!(row["last_unix_seconds"].is_f64(), "{row}");
    assert_eq!((ve.shim_pid(), ve.init_pid()), (shim, init));
    assert_eq!(refused(&other, "out-of-memory"), None);
    assert!(of_kind(&host, &other, "oom").is_empty());
    let parent = Cgroup::at(host.cgroup_parent());
    assert!(parent.processes().len() > 2);
    drop(bystander);
}

#[test]
fn a_flood_of_refusals_costs_the_host_nothing_to_speak_of() {
    let host = host!();
    let options = [
        "--network",
        "none",
        "--processes",
        "30",
        "--cpulimit",
        "50%",
    ];
    let ve = host.ve("web1").with(options).start();
    let shim = ve.shim_pid();
    ve.bring_probe();
    let flood = ve
        .exec_cmd([""; 0], ["/var/probe", "insist", "60000"])
        .spawn();
    until("it floods and that is told", || {
        times(&ve) > 100 && !of_kind(&host, &ve, "limit-hit").is_empty()
    });
    let (before, events, ticks) = (
        times(&ve),
        of_kind(&host, &ve, "limit-hit").len(),
        used(shim),
    );
    std::thread::sleep(Duration::from_secs(5));
    let (after, told, spent) = (
        times(&ve) - before,
        of_kind(&host, &ve, "limit-hit").len() - events,
        used(shim) - ticks,
    );
    drop(flood);
    assert!(after > 10_000, "only {after} refusals in five seconds");
    // One a second, and whatever is between two looks.
    assert!((3..=7).contains(&told), "{told} events");
    // Of 500 ticks of ten milliseconds.
    assert!(spent <= 3, "{spent} ticks of the shim's");
    let all = of_kind(&host, &ve, "limit-hit");
    let sum: u64 = all.iter().map(|one| one["times"].as_u64().unwrap()).sum();
    let last = all.last().unwrap()["times_in_all"].as_u64().unwrap();
    assert_eq!(sum, last, "each refusal is told once");
    ve.veld("stop", ["--force"]).done();
}

#[test]
fn the_record_of_events_is_bounded_whatever_happens() {
    let host = host!();
    let ve = host.ve("web1").with(["--network", "none"]).start();
    let file = ve.run_directory().join("events");
    let line = "1700000000.0 set something that is as long as a line may well be\n";
    std::fs::write(&file, line.repeat(1200)).unwrap();
    ve.stop();
    let size = |name: &str| {
        std::fs::metadata(ve.run_directory().join(name))
            .unwrap()
            .len()
    };
    assert!(size("events") < 1024, "{}", size("events"));
    assert!(size("events.1") > 64 * 1024, "{}", size("events.1"));
    let told = objects(&host, &["web1"]);
    assert_eq!(told.len(), 1203, "what was put aside is shown, too");
    assert_eq!(told.last().unwrap()["event"], "stopped");
}

fn times(ve: &Ve<'_>) -> u64 {
    refused(ve, "processes").map_or(0, |row| row["times"].as_u64().unwrap())
}

/// Processor time of a process, in ticks of ten milliseconds.
fn used(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|field| field.parse::<u64>().unwrap()).sum()
}
