//! Several VEs by one command, and several commands at once.

use std::thread;

use veld_tests::{Host, Output, Template, host};

#[test]
fn one_command_takes_several_ves_and_says_a_line_of_each() {
    let host = host!();
    for name in ["a", "b", "c"] {
        host.ve(name).create();
    }
    let started = host.veld(["start", "--wait", "a", "b", "c"]).ok();
    let mut lines: Vec<&str> = started.lines().collect();
    lines.sort_unstable();
    for (line, name) in lines.iter().zip(["a", "b", "c"]) {
        assert!(
            line.starts_with(&format!("{name}: started, up in ")),
            "{line}"
        );
    }
    assert_eq!(lines.len(), 3);
    let stopped = host.veld(["stop", "--all"]).ok();
    assert_eq!(
        sorted(&stopped.stdout),
        ["a: stopped", "b: stopped", "c: stopped"]
    );
    let destroyed = host.veld(["destroy", "--all"]).ok();
    assert_eq!(
        sorted(&destroyed.stdout),
        ["a: destroyed", "b: destroyed", "c: destroyed"]
    );
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn one_that_fails_does_not_keep_the_others_and_the_status_is_1() {
    let host = host!();
    for name in ["a", "b"] {
        host.ve(name).create();
    }
    host.veld(["start", "--wait", "a"]).done();
    let started = host.veld(["start", "--wait", "a", "missing", "b"]);
    assert_eq!(started.status, 1);
    assert_eq!(
        sorted(&started.stderr),
        ["veld: a: is already running", "veld: missing: no such VE"]
    );
    assert_eq!(started.lines().count(), 1, "{}", started.stdout);
    assert_eq!(host.existing("b").status(), "up");
}

#[test]
fn all_of_no_ves_is_nothing_and_no_error() {
    let host = host!();
    for verb in ["start", "stop", "restart", "destroy", "kill"] {
        let done = host.veld([verb, "--all"]);
        assert_eq!(
            (done.status, done.stdout, done.stderr),
            (0, String::new(), String::new())
        );
    }
}

#[test]
fn a_restart_of_several_restarts_each() {
    let host = host!();
    let ves = [host.ve("a").start(), host.ve("b").start()];
    let before: Vec<i32> = ves.iter().map(veld_tests::Ve::init_pid).collect();
    host.veld(["restart", "--wait", "--all"]).done();
    for (ve, before) in ves.iter().zip(before) {
        assert_ne!(ve.init_pid(), before);
        assert_eq!(ve.status(), "up");
    }
}

#[test]
fn twenty_creations_at_once_are_twenty_ves_with_twenty_ids() {
    let host = host!();
    let template = Template::Busybox.name();
    let create = |number: usize| host.veld(["create", &format!("ve{number}"), "-t", &template]);
    let mut ids: Vec<String> = at_once(20, create)
        .into_iter()
        .map(|created| {
            created
                .ok()
                .stdout
                .rsplit(' ')
                .next()
                .unwrap()
                .trim()
                .to_owned()
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    assert_eq!(
        host.veld(["list", "--all", "--quiet"]).ok().lines().count(),
        20
    );
}

#[test]
fn of_several_creations_of_one_name_one_is_done() {
    let host = host!();
    let template = Template::Busybox.name();
    let created = at_once(4, |_| host.veld(["create", "web1", "-t", &template]));
    let (done, refused): (Vec<Output>, Vec<Output>) =
        created.into_iter().partition(|created| created.status == 0);
    assert_eq!(done.len(), 1);
    for refused in refused {
        refused.fails(1, "veld: web1: exists already");
    }
}

#[test]
fn of_two_starts_one_is_done_and_the_other_refused() {
    let host = host!();
    let ve = host.ve("web1").create();
    for _ in 0..5 {
        let mut started = at_once(2, |_| ve.veld("start", ["--wait"]));
        started.sort_by_key(|started| started.status);
        assert_eq!(started[0].status, 0, "{}", started[0].stderr);
        started[1].fails(1, "veld: web1: is already running");
        ve.stop();
        host.nothing_remains();
    }
}

#[test]
fn a_start_against_a_destroy_ends_with_a_ve_or_without() {
    let host = host!();
    for _ in 0..8 {
        let ve = host.ve("web1").create();
        let both = at_once(2, |which| match which {
            0 => ve.veld("start", [""; 0]),
            _ => ve.veld("destroy", [""; 0]),
        });
        match (both[0].status, both[1].status) {
            // Started first: a running one is refused.
            (0, 1) => {
                both[1].fails(1, "veld: web1: is running; stop it first or use --force");
                ve.veld("destroy", ["--force"]).done();
            }
            (1, 0) => both[0].fails(1, "veld: web1: no such VE"),
            found => panic!("{found:?}: {} {}", both[0].stderr, both[1].stderr),
        }
        assert_eq!(host.leaks(), Vec::<String>::new());
    }
}

#[test]
fn a_stop_against_a_stop_is_done_once() {
    let host = host!();
    let ve = host.ve("web1").create();
    for _ in 0..5 {
        ve.start();
        let mut stopped = at_once(2, |_| ve.veld("stop", [""; 0]));
        stopped.sort_by_key(|stopped| stopped.status);
        assert_eq!(stopped[0].status, 0, "{}", stopped[0].stderr);
        stopped[1].fails(1, "veld: web1: is not running");
        host.nothing_remains();
    }
}

#[test]
fn programs_enter_a_ve_side_by_side() {
    let host: Host = host!();
    let ve = host.ve("web1").start();
    let ended = at_once(12, |number| ve.sh(&format!("exit {number}")));
    let statuses: Vec<i32> = ended.iter().map(|ended| ended.status).collect();
    assert_eq!(statuses, (0..12).collect::<Vec<i32>>());
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Runs something several times at once; the results in order.
fn at_once<T: Send>(count: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let run = &run;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}
