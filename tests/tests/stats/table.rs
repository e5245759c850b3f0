//! `veld stats`: the numbers are those of the kernel, and of the right VE.

use std::time::Duration;

use serde_json::Value;
use veld_tests::{Host, Ve, host, until};

#[test]
fn each_ve_is_told_what_it_uses_itself() {
    let host = host!();
    let [busy, idle] = ["busy", "idle"].map(|name| host.ve(name).start());
    host.ve("down").create();
    spin(&busy);
    let before = used(&host);
    assert_eq!(names(&before), ["busy", "idle"]);
    std::thread::sleep(Duration::from_millis(500));
    let after = used(&host);
    let spent = |index: usize| {
        let at = |all: &Value| number(&all[index]["cpu"]["usage_usec"]);
        at(&after) - at(&before)
    };
    assert!(spent(0) > 50_000, "{}", spent(0));
    assert!(spent(1) < spent(0) / 2, "{} {}", spent(1), spent(0));
    let processes = |ve: &Ve<'_>| ve.group().knob(&["pids.current"]).unwrap();
    assert_eq!(after[1]["processes"].to_string(), processes(&idle));
    assert_eq!(after[1]["status"], "up");
    assert_eq!(after[0]["init_pid"], busy.show()["init_pid"]);
    let lines = host.veld(["stats", "-H", "-o", "name,cpu%", "--sort", "-cpu%"]);
    let first = lines.ok().stdout;
    let mut words = first.split_ascii_whitespace();
    assert_eq!(words.next(), Some("busy"));
    let percent: f64 = words.next().unwrap().parse().unwrap();
    assert!(percent > 10.0, "{first}");
}

#[test]
fn memory_and_its_limit_are_the_kernels() {
    let host = host!();
    let ve = host.ve("web1").with(["--ram", "64M"]).start();
    let before = used_by(&host, "web1");
    // In memory for good: page cache might go when others want the memory.
    ve.sh("dd if=/dev/zero of=/dev/shm/held bs=1M count=9 2>/dev/null")
        .done();
    // The kernel adds up the counts of its processors every two seconds or so.
    until("the file is counted", || {
        let after = used_by(&host, "web1");
        let grown = |key: &str| number(&after["memory"][key]) - number(&before["memory"][key]);
        let keys = ["file_bytes", "shmem_bytes", "used_bytes"];
        keys.iter().all(|key| grown(key) >= 8 << 20)
    });
    let after = used_by(&host, "web1");
    assert_eq!(number(&after["memory"]["limit_bytes"]), 64 << 20);
    assert!(number(&after["memory"]["kernel_bytes"]) > 0, "{after}");
    let parts = ["anon_bytes", "file_bytes", "kernel_bytes"];
    let sum: i64 = parts.iter().map(|key| number(&after["memory"][key])).sum();
    let all = number(&after["memory"]["used_bytes"]);
    assert!(sum <= all + (4 << 20), "{sum} of {all}");
    let table = host.veld(["stats", "-H", "-o", "limit,mem%", "web1"]).ok();
    assert!(table.stdout.starts_with("64.0M  "), "{}", table.stdout);
}

#[test]
fn traffic_is_counted_as_the_ve_sees_it() {
    let host = host!();
    let ve = host.ve("web1").start();
    let without = host.ve("web2").with(["--network", "none"]).start();
    let inside = |file: &str| -> i64 {
        let path = format!("/sys/class/net/eth0/statistics/{file}");
        ve.exec(["cat", &path]).ok().line().parse().unwrap()
    };
    // One direction: nobody answers.
    let ping = "ping -c 3 -i 1 -W 1 -s 1000 169.254.0.1 >/dev/null; true";
    ve.sh(ping).done();
    let sent = inside("tx_bytes");
    let told = used_by(&host, "web1");
    let counted = number(&told["network"]["sent_bytes"]);
    assert!(counted >= sent && counted < sent + 2000, "{counted} {sent}");
    assert!(sent >= 3000, "{sent}");
    let received = inside("rx_packets");
    let told = number(&told["network"]["received_packets_total"]);
    assert!((received - told).abs() <= 2, "{received} {told}");
    assert_eq!(used_by(&host, without.name())["network"], Value::Null);
}

#[test]
fn a_paused_ve_uses_no_time() {
    let host = host!();
    let ve = host.ve("web1").start();
    spin(&ve);
    ve.veld("pause", [""; 0]).done();
    let before = used_by(&host, "web1");
    std::thread::sleep(Duration::from_millis(200));
    let after = used_by(&host, "web1");
    assert_eq!(after["status"], "paused");
    assert_eq!(after["cpu"]["usage_usec"], before["cpu"]["usage_usec"]);
}

#[test]
fn what_cannot_be_measured_is_said_in_a_line_and_the_rest_is_shown() {
    let host = host!();
    host.ve("up").start();
    host.ve("down").create();
    let shown = host.veld(["stats", "-o", "name", "down", "up", "nosuch"]);
    let said = "veld: down: is not running\nveld: nosuch: no such VE";
    shown.fails(1, said);
    assert_eq!(shown.stdout, "NAME\nup\n");
    let nothing = host.veld(["stats", "--json", "down"]);
    assert_eq!((nothing.status, nothing.line()), (1, "[]"));
    let refused = host.veld(["stats", "--sort", "colour"]);
    assert_eq!(refused.status, 2);
    let head = "veld: stats: --sort: \"colour\" is not a column: allowed are name, ";
    assert!(refused.stderr.starts_with(head), "{}", refused.stderr);
}

#[test]
fn a_watch_goes_on_until_its_reader_has_seen_enough() {
    let host = host!();
    let ve = host.ve("web1").start();
    let line = format!(
        "{} stats --watch=0 -o name,status | head -n 8",
        Host::program().display()
    );
    let blocks = host.tool("sh".as_ref(), ["-c", &line]).run().ok();
    let block = "NAME  STATUS\nweb1  up\n\n";
    assert_eq!(blocks.stdout, block.repeat(3).trim_end().to_owned() + "\n");
    let line = format!(
        "{} stats --watch=0 --json | head -n 2",
        Host::program().display()
    );
    let lines = host.tool("sh".as_ref(), ["-c", &line]).run().ok();
    for line in lines.lines() {
        let all: Value = serde_json::from_str(line).unwrap();
        assert_eq!(names(&all), ["web1"]);
    }
    let mut screen = host.terminal(["stats", "--watch", "-o", "name,status"]);
    screen.shows("web1  up");
    ve.stop();
    screen.clear();
    until("the VE is gone from the screen", || {
        let shown = screen.shown();
        shown.contains("NAME  STATUS") && !shown.contains("web1")
    });
    screen.type_in("\u{3}");
    assert_eq!(screen.ended().0, 128 + 2);
}

/// A process that takes all the time that it gets.
fn spin(ve: &Ve<'_>) {
    ve.sh("(while :; do :; done) </dev/null >/dev/null 2>&1 &")
        .done();
}

fn used(host: &Host) -> Value {
    serde_json::from_str(&host.veld(["stats", "--json"]).ok().stdout).unwrap()
}

fn used_by(host: &Host, name: &str) -> Value {
    let told = host.veld(["stats", "--json", name]).ok();
    let all: Value = serde_json::from_str(&told.stdout).unwrap();
    all[0].clone()
}

fn names(all: &Value) -> Vec<&str> {
    let ves = all.as_array().unwrap().iter();
    ves.map(|ve| ve["name"].as_str().unwrap()).collect()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is none"))
}
