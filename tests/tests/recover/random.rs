//! Processes of a start that are killed at a moment that nobody chose.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use veld_tests::{Host, Template, alive, eventually, host, signal};

use crate::start::left_in_run_directory;

/// Moments that are the same in every run.
struct Moments(u64);

impl Moments {
    /// xorshift64: any will do, as long as it is this one again.
    fn next(&mut self, below: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let micros = u64::try_from(below.as_micros()).unwrap();
        Duration::from_micros(self.0 % micros)
    }
}

const ROUNDS: u64 = 40;
/// More than a start takes.
const LONGEST: Duration = Duration::from_millis(30);

#[test]
fn a_start_whose_command_is_killed_at_any_moment_leaves_a_ve_that_runs_or_none() {
    let host = host!(Template::NoInit);
    starts(&host, 0x9e37_79b9, Some);
}

#[test]
fn a_start_whose_launcher_is_killed_at_any_moment_fails_in_one_line_or_is_done() {
    let host = host!(Template::NoInit);
    starts(&host, 0x7f4a_7c15, |command| {
        children(command).first().copied()
    });
}

/// Starts a VE again and again, and kills of each start whom `victim` names.
fn starts(host: &Host, seed: u64, victim: impl Fn(i32) -> Option<i32>) {
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "routed"]).create();
    let mut moments = Moments(seed);
    for round in 0..ROUNDS {
        let moment = moments.next(LONGEST);
        let at = format!("round {round}, after {moment:?}");
        let start = ve.cmd("start", [""; 0]).spawn();
        sleep(moment);
        let killed = victim(start.pid());
        if let Some(pid) = killed {
            signal(pid, Signal::KILL);
        }
        let output = start.output();
        if output.status == 1 {
            let died = "veld: web1: cannot start: the launcher died before reporting";
            assert_eq!(output.stderr.trim_end(), died, "{at}");
            host.nothing_remains();
        }
        let again = ve.veld("start", [""; 0]);
        if again.status != 0 {
            assert_ne!(output.status, 1, "{at}");
            again.fails(1, "veld: web1: is already running");
        }
        assert_eq!(ve.exec(["true"]).status, 0, "{at}");
        ve.veld("stop", ["--force"]).done();
        host.nothing_remains();
        assert_eq!(left_in_run_directory(host), Vec::<String>::new(), "{at}");
    }
}

/// The processes that a process has forked and not yet waited for.
fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn a_reboot_whose_launcher_is_killed_at_any_moment_leaves_a_ve_that_starts() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).create();
    let mut moments = Moments(0x2545_f491);
    for round in 0..ROUNDS / 2 {
        ve.start();
        let (shim, init) = (ve.shim_pid(), ve.init_pid());
        let moment = moments.next(LONGEST);
        crate::ending::make_old(&ve);
        let _ = ve.exec(["reboot", "-f"]);
        sleep(moment);
        signal(shim, Signal::KILL);
        // On a busy machine PID 1 may take longer to end than its shim: until then
        // the VE runs.
        eventually("both are gone", || {
            (!alive(shim) && !alive(init)).then_some(())
        });
        let started = ve.veld("start", [""; 0]);
        if started.status != 0 {
            started.fails(1, "veld: web1: is already running");
        }
        let entered = ve.exec(["true"]);
        assert_eq!(
            entered.status, 0,
            "round {round}, after {moment:?}: {entered:?}"
        );
        ve.veld("stop", ["--force"]).done();
        host.nothing_remains();
    }
}
