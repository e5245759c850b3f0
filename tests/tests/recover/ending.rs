//! A VE that ends by itself: what its shim's successor does may go wrong too,
//! and nobody waits for it.

use std::fs;

use veld_tests::{Host, Output, Template, Ve, alive, host, until};

use crate::walk::{Fault, Kind, Round, walk, walked};

walked!(reboot: a_reboot_that_fails_leaves_nothing_but_the_reason,
    a_reboot_without_space_leaves_nothing_but_the_reason,
    a_killed_reboot_is_started_by_hand);

walked!(power_off: a_power_off_whose_sweep_fails_is_swept_by_the_next_start,
    a_power_off_whose_sweep_has_no_space_is_swept_by_the_next_start,
    a_power_off_whose_sweep_is_killed_is_swept_by_the_next_start);

fn reboot(host: &Host, kind: Kind) {
    ends(host, kind, "reboot");
}

fn power_off(host: &Host, kind: Kind) {
    ends(host, kind, "poweroff");
}

#[test]
fn what_a_failed_sweep_left_is_taken_by_a_stop() {
    let host = host!(Template::NoInit);
    let ve = created(&host);
    walk(
        &host,
        ("start", points_of_start(&host, &ve) + 1, Kind::Eio),
        |fault| start_and_end(&host, fault, "poweroff"),
        |_| {
            ve.veld("stop", [""; 0])
                .fails(1, "veld: web1: is not running");
            host.nothing_remains();
        },
    );
}

/// Each fifth point, since each of them is a second of waiting.
#[test]
fn a_reboot_that_fails_is_tried_again_where_the_policy_says_so() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve
        .with(["--network", "none", "--restart", "on-failure"])
        .create();
    let first = points_of_start(&host, &ve) + 1;
    let mut failed = 0;
    for number in (first..).step_by(5) {
        let fault = Fault::new(&host, number, Kind::Eio);
        start_and_end(&host, &fault, "reboot");
        let shown = ve.show();
        let point = fault.passed().get(number - 1).cloned();
        let at = format!("at point {number}, {point:?}: {shown}");
        // The one thing that cannot be done again: nobody has the lock then.
        if shown["status"] == "stopped" {
            let why = shown["start_error"].as_str().unwrap_or_default();
            assert!(why.contains("cannot lock "), "{at}");
        } else {
            failed += shown["restarts_in_a_row"].as_u64().unwrap();
        }
        let _ = ve.veld("stop", ["--force"]);
        host.nothing_remains();
        if point.is_none() {
            break;
        }
    }
    assert!(failed > 10, "only {failed} starts failed");
}

fn ends(host: &Host, kind: Kind, word: &str) {
    let ve = created(host);
    walk(
        host,
        ("start", points_of_start(host, &ve) + 1, kind),
        |fault| start_and_end(host, fault, word),
        |round| {
            let up = ve.status() != "stopped";
            if round.unharmed {
                assert_eq!(up, word == "reboot");
                if !up {
                    host.nothing_remains();
                }
            }
            if !up && word == "reboot" {
                says_why(host, round);
            }
            let again = ve.veld("start", ["--wait"]);
            if up {
                again.fails(1, "veld: web1: is already running");
            } else {
                again.done();
            }
            ve.veld("stop", ["--force"]).done();
            host.nothing_remains();
        },
    );
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// A reboot that failed left its reason; and nothing of a run, unless it was the
/// sweep before that failed, or that nobody could begin with.
fn says_why(host: &Host, round: &Round<'_>) {
    if round.kind == Kind::Kill {
        return;
    }
    let shown = host.existing("web1").show();
    let why = shown["start_error"].as_str().unwrap_or_default();
    assert!(why.contains("os error"), "{shown}");
    if !["cannot sweep: ", "cannot lock "]
        .iter()
        .any(|before| why.contains(before))
    {
        host.nothing_remains();
    }
}

fn created(host: &Host) -> Ve<'_> {
    let ve = host.ve("web1").template(Template::NoInit);
    ve.with(["--network", "none"]).create()
}

/// How many points a start passes that is not the VE's first.
fn points_of_start(host: &Host, ve: &Ve<'_>) -> usize {
    ve.start();
    ve.veld("stop", ["--force"]).done();
    let fault = Fault::none(host);
    fault.veld(host, &["start", "web1"]).done();
    until("the launcher is the shim", || {
        fs::read_to_string(format!("/proc/{}/comm", ve.shim_pid())).unwrap() == "veld-shim\n"
    });
    let points = fault.passed().len();
    ve.veld("stop", ["--force"]).done();
    points
}

/// Starts the VE, makes it end by the system call, and waits until whoever comes
/// after the end has done what it does.
fn start_and_end(host: &Host, fault: &Fault, word: &str) -> Output {
    let ve = host.existing("web1");
    let started = fault.veld(host, &["start", "web1"]).ok();
    let shown = ve.show();
    let pid = |key: &str| i32::try_from(shown[key].as_i64().unwrap()).unwrap();
    let (shim, init) = (pid("shim_pid"), pid("init_pid"));
    make_old(&ve);
    // Its own status is that of a process that ended with all others.
    let _ = ve.exec([word, "-f"]);
    until("what follows the end is done", || {
        !alive(shim) || is_watched_again(&ve, shim, init)
    });
    started
}

/// Puts the last start long ago: a VE that reboots right after it is made to wait.
pub(crate) fn make_old(ve: &Ve<'_>) {
    let record = ve.run_directory().join("record");
    let text = fs::read_to_string(&record).unwrap();
    let (processes, _) = text.split_once("started ").unwrap();
    fs::write(&record, format!("{processes}started 1000000000.0\n")).unwrap();
}

/// Whether the shim is a shim again, of another PID 1.
fn is_watched_again(ve: &Ve<'_>, shim: i32, init: i32) -> bool {
    let comm = fs::read_to_string(format!("/proc/{shim}/comm")).unwrap_or_default();
    let record = fs::read_to_string(ve.run_directory().join("record")).unwrap_or_default();
    let same = record.contains(&format!("init-pid {init}\n"));
    comm == "veld-shim\n" && !record.is_empty() && !same
}
