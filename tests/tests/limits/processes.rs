//! Processes.

use veld_tests::{Ve, host, until};

#[test]
fn no_more_processes_than_allowed_can_be_made() {
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "40"]).start();
    let forked = ve.probe(["fork", "200"]);
    assert_eq!(forked.status, 1);
    let lines: Vec<&str> = forked.lines().collect();
    let [made, refused] = lines.as_slice() else {
        panic!("{}", forked.stdout)
    };
    let made: u32 = made.parse().unwrap();
    assert!((20..40).contains(&made), "{made}");
    assert_eq!(*refused, "EAGAIN");
    // And as many again once they are gone.
    assert!(ve.probe(["fork", "20"]).stdout.starts_with("20\n"));
}

#[test]
fn programs_that_were_brought_in_count() {
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "60"]).start();
    ve.bring_probe();
    let before = now(&ve);
    let _running: Vec<_> = (0..20)
        .map(|_| ve.exec_cmd([""; 0], ["sleep", "1000"]).spawn())
        .collect();
    until("they are counted", || now(&ve) == before + 20);
    let forked = ve.probe(["fork", "200"]).stdout;
    let made: u64 = forked.lines().next().unwrap().parse().unwrap();
    assert!(made <= 60 - before - 20, "{made} besides {before} and 20");
}

#[test]
fn a_full_ve_takes_nobody_in_and_stops() {
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "30"]).start();
    ve.sh("while :; do sleep 1000 & done >/dev/null 2>&1 </dev/null");
    until("the VE is full", || now(&ve) == 29);
    ve.exec(["hostname"]).fails(
        125,
        "veld: web1: cannot exec: 29 processes are running, 30 are allowed",
    );
    let stopped = ve.veld("stop", ["--timeout", "5"]);
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    host.nothing_remains();
}

#[test]
fn a_ve_that_forks_without_end_stops() {
    let host = host!();
    let ve = host.ve("web1").with(["--processes", "300"]).start();
    ve.put(
        "/usr/bin/bomb",
        "#!/bin/sh\nbomb & bomb &\nsleep 1000\n",
        "755",
    );
    ve.sh("trap '' TERM HUP; setsid bomb >/dev/null 2>&1 </dev/null &")
        .ok();
    until("the VE is full", || {
        ve.show()["kernel"]["processes"]
            .as_u64()
            .unwrap_or_default()
            > 250
    });
    let stopped = ve.veld("stop", ["--timeout", "3"]);
    assert_eq!(stopped.status, 0, "{}", stopped.stderr);
    host.nothing_remains();
}

/// Processes of the VE, as the kernel counts them.
fn now(ve: &Ve<'_>) -> u64 {
    ve.show()["kernel"]["processes"].as_u64().unwrap()
}
