//! A set that goes wrong leaves a VE that runs with what its config says, be
//! that the old or the new.

use std::cell::Cell;
use std::fs;

use serde_json::Value;
use veld_tests::{Host, Template, Ve};

use crate::walk::{Kind, Round, walk, walked};

walked!(saved: a_set_that_fails_changes_nothing,
    a_set_without_space_changes_nothing,
    a_killed_set_is_put_right_by_the_next_look);

walked!(for_this_run: a_set_for_this_run_that_fails_changes_nothing,
    a_set_for_this_run_without_space_changes_nothing,
    a_killed_set_for_this_run_is_put_right_by_the_next_look);

fn saved(host: &Host, kind: Kind) {
    sets(host, kind, &[]);
}

fn for_this_run(host: &Host, kind: Kind) {
    sets(host, kind, &["--runtime"]);
}

fn sets(host: &Host, kind: Kind, options: &[&str]) {
    let ve = host
        .ve("web1")
        .template(Template::NoInit)
        .with(["--network", "none"])
        .start();
    let init = ve.init_pid();
    // Something that is for this run alone, and is to stay so.
    ve.veld("set", ["cpuunits=5000", "--runtime"]).done();
    let turn = Cell::new(0);
    let before = Cell::new(state(&ve));
    walk(
        host,
        ("set", 1, kind),
        |fault| {
            turn.set(turn.get() + 1);
            let new = turn.get();
            let settings = [
                format!("ram={}M", 100 + new),
                format!("processes={}", 200 + new),
                format!("inotify-watches={}", 300 + new),
                format!("oom-score-adj={}", 400 + new),
            ];
            let words = ["set", "web1"].into_iter();
            let words = words.chain(settings.iter().map(String::as_str));
            let words: Vec<&str> = words.chain(options.iter().copied()).collect();
            fault.veld(host, &words)
        },
        |round| {
            let after = state(&ve);
            is_old_or_new(round, turn.get(), &before.take(), &after);
            before.set(after);
            assert_eq!(ve.init_pid(), init);
            assert_eq!(unexpected(&ve), Vec::<String>::new());
        },
    );
    ve.veld("stop", ["--force"]).done();
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// What is set, with what is for this run, and what the kernel has.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct State {
    set: [String; 5],
    held: [String; 5],
}

const WORDS: [&str; 5] = [
    "ram",
    "processes",
    "inotify-watches",
    "oom-score-adj",
    "cpuunits",
];

/// Looks once; a set that was killed has been put right then.
fn state(ve: &Ve<'_>) -> State {
    let shown = ve.show();
    let said = |section: &str, word: &str| shown[section][word].as_str().map(str::to_owned);
    let set = WORDS.map(|word| {
        said("settings_of_this_run", word)
            .or_else(|| said("settings", word))
            .unwrap_or_default()
    });
    let held = [
        megabytes(&shown["kernel"]["memory_limit_bytes"]),
        number(&shown["kernel"]["processes_limit"]),
        watches(ve),
        score(ve),
        number(&shown["kernel"]["cpu_units"]),
    ];
    State { set, held }
}

fn megabytes(bytes: &Value) -> String {
    bytes
        .as_u64()
        .map_or_else(String::new, |bytes| format!("{}M", bytes >> 20))
}

fn number(value: &Value) -> String {
    value
        .as_u64()
        .map_or_else(String::new, |number| number.to_string())
}

fn watches(ve: &Ve<'_>) -> String {
    let read = ve.exec(["cat", "/proc/sys/user/max_inotify_watches"]).ok();
    let most = read.line().to_owned();
    if most == i32::MAX.to_string() {
        String::new()
    } else {
        most
    }
}

/// Of PID 1, and of what is brought in.
fn score(ve: &Ve<'_>) -> String {
    let file = format!("/proc/{}/oom_score_adj", ve.init_pid());
    let score = fs::read_to_string(file).unwrap().trim_end().to_owned();
    assert_eq!(
        ve.exec(["cat", "/proc/self/oom_score_adj"]).ok().line(),
        score
    );
    if score == "0" { String::new() } else { score }
}

fn is_old_or_new(round: &Round<'_>, turn: u32, before: &State, after: &State) {
    assert_eq!(after.set, after.held, "the config and the kernel");
    let is_new = after.set[0] == format!("{}M", 100 + turn);
    if !is_new {
        assert_eq!(before, after, "neither the old nor the new");
    }
    if round.is_done() {
        assert!(is_new, "it is done, and {after:?}");
    }
    if round.has_failed() {
        assert!(!is_new, "it failed, and {after:?}");
    }
    assert_eq!(after.held[4], "5000");
}

/// What has no business in the run directory of a VE that runs. A replacement that
/// was killed is written over by the next one.
fn unexpected(ve: &Ve<'_>) -> Vec<String> {
    const BELONGS: [&str; 15] = [
        "lock",
        "record",
        "in-force",
        "events",
        "events.1",
        "refusals",
        "runtime",
        "console.sock",
        "console.log",
        "console.log.1",
        "init",
        "ready",
        "status",
        ".setting.new",
        ".runtime.new",
    ];
    let entries = fs::read_dir(ve.run_directory()).unwrap().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| !BELONGS.contains(&name.as_str()))
        .collect()
}
