//! What the host does for a VE is done at the VE's expense.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use veld_tests::{Template, Ve, alive, host, signal, until};

/// Processor time of the VE and its shim, as the kernel charges the group.
pub(crate) fn used(ve: &Ve<'_>) -> Duration {
    let group = ve.group();
    if let Some(nanoseconds) = group.knob(&["cpuacct.usage"]) {
        return Duration::from_nanos(nanoseconds.parse().unwrap());
    }
    let stat = group.knob(&["cpu.stat"]).unwrap();
    let used = stat
        .lines()
        .find_map(|line| line.strip_prefix("usage_usec "));
    Duration::from_micros(used.unwrap().parse().unwrap())
}

/// Processor time of a process.
fn used_by(pid: i32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_flood_of_the_console_costs_the_host_no_more_than_the_ve_may_use() {
    let host = host!();
    let options = ["--network", "none", "--cpulimit", "10%"];
    let ve = host.ve("web1").with(options).start();
    let shim = ve.shim_pid();
    until("the shim is there", || ve.group().shims() == [shim]);
    let flood = ve
        .exec_cmd([""; 0], ["sh", "-c", "yes flood >/dev/console"])
        .spawn();
    let before = used_by(shim);
    until("it floods", || {
        used_by(shim) - before > Duration::from_millis(20)
    });
    let (begun, all, shims) = (Instant::now(), used(&ve), used_by(shim));
    std::thread::sleep(Duration::from_secs(4));
    let (took, all, shims) = (begun.elapsed(), used(&ve) - all, used_by(shim) - shims);
    // A tenth, and a period at either end.
    let most = took / 10 + Duration::from_millis(40);
    assert!(all <= most, "{all:?} of {took:?}");
    assert!(shims >= Duration::from_millis(20), "{shims:?}");
    assert!(shims < all, "{shims:?} of {all:?} are the shim's");
    let mut console = host.terminal(["console", "web1"]);
    console.shows("flood\r\nflood\r\n");
    console.type_in("\u{1d}\u{1d}\u{1d}");
    assert_eq!(console.ended().0, 0);
    let asked = Instant::now();
    ve.stop();
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
    drop(flood);
    host.nothing_remains();
}

/// What is added to the badness of a process.
fn score(pid: i32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    text.trim_end().to_owned()
}

/// Whether root may lower it here, which takes CAP_SYS_RESOURCE.
fn lowers_scores() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = u64::from_str_radix(held.unwrap().trim(), 16).unwrap();
    held & (1 << 24) != 0
}

/// The kernel kills any process of a VE that is out of memory before its shim.
fn is_spared(ve: &Ve<'_>) {
    let spared = if lowers_scores() { "-1000" } else { "0" };
    until("the shim is spared", || score(ve.shim_pid()) == spared);
    assert_eq!(score(ve.init_pid()), "0");
}

#[test]
fn a_shim_is_neither_frozen_nor_killed_nor_counted_with_its_ve() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).start();
    let (shim, init) = (ve.shim_pid(), ve.init_pid());
    until("the shim is there", || ve.group().shims() == [shim]);
    assert_eq!(ve.group().processes(), [init]);
    is_spared(&ve);
    // Its end is seen, which only a shim that lives can.
    ve.veld("kill", [""; 0]).ok();
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "its PID 1 was killed by signal 9");
    host.nothing_remains();
}

#[test]
fn a_shim_that_was_stopped_or_killed_is_in_the_way_of_nothing() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).create();
    for (how, verb) in [(Signal::STOP, "stop"), (Signal::KILL, "stop")] {
        ve.start();
        let shim = ve.shim_pid();
        until("the shim is there", || ve.group().shims() == [shim]);
        signal(shim, how);
        ve.veld(verb, ["--force"]).done();
        host.nothing_remains();
    }
    // It saw nothing of the end, and stands in the way of the next start.
    ve.start();
    let (shim, init) = (ve.shim_pid(), ve.init_pid());
    signal(shim, Signal::STOP);
    signal(init, Signal::KILL);
    until("PID 1 is gone", || ve.status() == "stopped");
    ve.start();
    until("the other is gone", || !alive(shim));
    until("the new one is there", || {
        ve.group().shims() == [ve.shim_pid()]
    });
    ve.veld("stop", ["--force"]).done();
    host.nothing_remains();
}

#[test]
fn a_ve_that_starts_again_by_itself_takes_its_shim_along() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit);
    let options = ["--network", "none", "--restart", "always"];
    let ve = ve.with(options).start();
    let (shim, init) = (ve.shim_pid(), ve.init_pid());
    until("the shim is there", || ve.group().shims() == [shim]);
    signal(init, Signal::KILL);
    ve.becomes("restarting");
    // Nothing of the run is left but the process that waits.
    assert!(
        ve.group().present().is_empty(),
        "{:?}",
        ve.group().present()
    );
    assert!(alive(shim));
    ve.becomes("up");
    assert_eq!(ve.shim_pid(), shim);
    until("it is there again", || ve.group().shims() == [shim]);
    is_spared(&ve);
    ve.veld("stop", ["--force"]).done();
    host.nothing_remains();
}
