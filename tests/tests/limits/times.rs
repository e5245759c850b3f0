//! When what was set counts: at once, for one run, or from the next start.

use std::fs;

use serde_json::json;
use veld_tests::{Ve, host, until};

use crate::knobs::all;

#[test]
fn limits_of_processes_count_from_the_next_start_and_not_before() {
    let host = host!();
    let ve = host.ve("web1").with(["--rlimit-nofile", "700:900"]).start();
    assert_eq!(open_files(&ve), ["700", "900"]);
    let set = ve
        .veld("set", ["rlimit-nofile=512:600", "processes=300"])
        .ok();
    assert_eq!(
        set.line(),
        "web1: set rlimit-nofile=512:600 processes=300; rlimit-nofile from the next start"
    );
    // Neither for what runs nor for what is brought in.
    assert_eq!(open_files(&ve), ["700", "900"]);
    assert_eq!(limit(ve.init_pid(), "Max open files"), ["700", "900"]);
    assert_eq!(ve.group().knob(&["pids.max"]).as_deref(), Some("300"));
    ve.stop();
    ve.start();
    assert_eq!(open_files(&ve), ["512", "600"]);
    assert_eq!(limit(ve.init_pid(), "Max open files"), ["512", "600"]);
}

/// Of a program that is brought in.
fn open_files(ve: &Ve<'_>) -> [String; 2] {
    ["ulimit -Sn", "ulimit -Hn"].map(|script| ve.sh(script).ok().line().to_owned())
}

/// Soft and hard limit of a process.
fn limit(pid: i32, name: &str) -> [String; 2] {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    [words.next().unwrap(), words.next().unwrap()]
}

#[test]
fn a_limit_that_cannot_be_had_fails_the_start_in_a_line() {
    let host = host!();
    let held = limit(std::process::id().cast_signed(), "Max open files")[1].clone();
    let may_raise = {
        let all = veld_tests::status_field(std::process::id().cast_signed(), "CapEff");
        // CAP_SYS_RESOURCE.
        u64::from_str_radix(&all, 16).unwrap() & (1 << 24) != 0
    };
    if may_raise || held.parse::<u64>().is_err() {
        return;
    }
    let more = held.parse::<u64>().unwrap() + 1;
    let nofile = more.to_string();
    let ve = host.ve("web1").with(["--rlimit-nofile", &nofile]).create();
    let refused = ve.veld("start", [""; 0]);
    refused.fails(
        1,
        &format!(
            "veld: web1: cannot start: cannot set the limit of nofile to {more}: \
             Operation not permitted (os error 1)"
        ),
    );
    host.nothing_remains();
    ve.veld("set", ["rlimit-nofile="]).done();
    ve.start();
}

#[test]
fn what_is_for_this_run_is_gone_with_it() {
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "300"]).start();
    let before = fs::read(ve.config()).unwrap();
    let set = ve
        .veld("set", ["processes=200", "ram=128M", "--runtime"])
        .ok();
    assert_eq!(set.line(), "web1: set processes=200 ram=128M for this run");
    assert_eq!(fs::read(ve.config()).unwrap(), before);
    let shown = ve.show();
    assert_eq!(
        shown["settings_of_this_run"],
        json!({"processes": "200", "ram": "128M"})
    );
    assert_eq!(shown["settings"]["processes"], json!("300"));
    assert_eq!(shown["kernel"]["processes_limit"], json!(200));
    // Another set leaves it, and one of the same key takes its place.
    ve.veld("set", ["cpuunits=2000"]).done();
    assert_eq!(ve.show()["kernel"]["memory_limit_bytes"], json!(128 << 20));
    ve.veld("set", ["processes=400"]).done();
    let shown = ve.show();
    assert_eq!(shown["settings_of_this_run"], json!({"ram": "128M"}));
    assert_eq!(shown["kernel"]["processes_limit"], json!(400));
    ve.stop();
    ve.start();
    let shown = ve.show();
    assert_eq!(shown["settings_of_this_run"], json!({}));
    assert_eq!(shown["kernel"]["memory_limit_bytes"], json!(null));
    assert_eq!(shown["kernel"]["processes_limit"], json!(400));
}

#[test]
fn a_reboot_from_inside_is_another_run() {
    let host = host!();
    let ve = host.ve("web1").start();
    let init = ve.init_pid();
    ve.veld("set", ["ram=128M", "--runtime"]).done();
    ve.veld("set", ["rlimit-nofile=512"]).done();
    let _ = ve.exec(["reboot"]);
    until("another PID 1 is up", || {
        let shown = ve.show();
        shown["status"] == "up" && shown["init_pid"] != init
    });
    assert_eq!(ve.show()["kernel"]["memory_limit_bytes"], json!(null));
    assert_eq!(open_files(&ve), ["512", "512"]);
}

#[test]
fn what_this_run_does_not_go_by_is_nothing_for_it() {
    let host = host!();
    let ve = host.ve("web1").start();
    let before = all(&ve);
    for (setting, why) in [
        (
            "rlimit-nofile=512",
            "rlimit-nofile counts from the next start",
        ),
        ("hostname=other", "hostname counts from the next start"),
        ("restart=always", "restart is read from the config alone"),
    ] {
        ve.veld("set", ["processes=200", setting, "--runtime"])
            .fails(
                1,
                &format!("veld: web1: cannot set: {why}, and cannot be for this run"),
            );
        assert_eq!(all(&ve), before);
    }
    ve.veld("set", ["hostname=other"]).done();
    assert_eq!(ve.exec(["hostname"]).ok().line(), "web1");
    ve.stop();
    ve.start();
    assert_eq!(ve.exec(["hostname"]).ok().line(), "other");
}

#[test]
fn a_list_is_added_to_and_taken_from() {
    let host = host!();
    let ve = host.ve("web1").create();
    ve.veld("set", ["dns=10.0.0.53"]).done();
    ve.veld("set", ["dns+=10.0.0.54", "dns+=host"]).done();
    assert_eq!(
        ve.show()["settings"]["dns"],
        json!("10.0.0.53,10.0.0.54,host")
    );
    ve.veld("set", ["dns-=10.0.0.53"]).done();
    assert_eq!(ve.show()["settings"]["dns"], json!("10.0.0.54,host"));
}

#[test]
fn a_set_that_was_killed_is_put_right_by_the_next_look() {
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "300"]).start();
    for delay in 0..12 {
        let value = 300 + delay;
        let mut set = ve
            .cmd(
                "set",
                [format!("processes={value}"), format!("cpuunits={value}0")],
            )
            .spawn();
        std::thread::sleep(std::time::Duration::from_micros(700 * delay));
        set.kill();
        let _ = set.output();
        let shown = ve.show();
        let processes = shown["settings"]["processes"].as_str().unwrap().to_owned();
        let held = shown["kernel"]["processes_limit"].to_string();
        assert_eq!(processes, held, "after {delay}");
        let left = ve.run_directory().join("setting");
        assert!(!left.exists(), "after {delay}");
    }
}
