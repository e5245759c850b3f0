//! What a VE is said to do, and since when.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use veld_tests::{Host, Template, Ve, host, until};

#[test]
fn a_ve_says_what_it_does_and_since_when() {
    let host = host!();
    let ve = host.ve("web1").create();
    assert_eq!(ve.show()["status_since_unix_seconds"], json!(null));
    ve.start();
    let shown = ve.show();
    assert_eq!(shown["status"], "up");
    assert_eq!(
        shown["status_since_unix_seconds"],
        shown["ready_unix_seconds"]
    );
    let rows = ve.veld("show", [""; 0]).ok().stdout;
    let since = rows
        .lines()
        .find(|line| line.starts_with("since "))
        .unwrap();
    assert!(
        since.contains(" UTC, ") && since.ends_with("s ago"),
        "{since}"
    );
    let listed = host.veld(["list", "-H", "-o", "status,since"]).ok();
    assert!(listed.line().starts_with("up  ") && listed.line().ends_with('s'));
    std::fs::remove_file(ve.run_directory().join("ready")).unwrap();
    let shown = ve.show();
    assert_eq!(shown["status"], "booting");
    assert_eq!(
        shown["status_since_unix_seconds"],
        shown["started_unix_seconds"]
    );
    ve.sh("echo '::shutdown:/bin/sleep 1000' >/etc/inittab && kill -HUP 1")
        .done();
    let stop = ve.cmd("stop", ["--timeout", "2"]).spawn();
    ve.becomes("stopping");
    assert!(is_recent(&ve.show()["status_since_unix_seconds"]));
    let _ = stop.output();
    let shown = ve.show();
    assert_eq!(shown["status"], "stopped");
    assert!(is_recent(&shown["status_since_unix_seconds"]));
    assert_eq!(
        shown["status_since_unix_seconds"],
        shown["last_end"]["at_unix_seconds"]
    );
}

#[test]
fn services_that_veld_init_looks_after_are_told_from_files() {
    let host = host!();
    let ve = host.ve("web1").start();
    // As the shim does by the word of PID 1.
    std::fs::write(ve.run_directory().join("failed"), "cron sshd").unwrap();
    let listed = host.veld(["list", "-H", "-o", "name,status"]).ok();
    assert_eq!(listed.line(), "web1  degraded");
    let shown = ve.show();
    assert_eq!(shown["status"], "degraded");
    assert_eq!(shown["failed_services"], json!(["cron", "sshd"]));
    assert!(is_recent(&shown["status_since_unix_seconds"]));
    let rows = ve.veld("show", [""; 0]).ok().stdout;
    assert!(rows.contains("\nfailed       cron sshd\n"), "{rows}");
}

#[test]
fn a_debian_is_asked_for_its_failed_units() {
    let host = host!(Template::Debian);
    let ve = host.ve("deb").template(Template::Debian).start();
    assert_eq!(ve.show()["failed_services"], json!([]));
    let unit = "[Service]\nType=oneshot\nExecStart=/bin/false\n\
        [Install]\nWantedBy=multi-user.target\n";
    ve.put("/etc/systemd/system/bad.service", unit, "644");
    ve.exec(["systemctl", "--quiet", "enable", "bad.service"])
        .ok();
    ve.stop();
    let started = ve.veld("start", ["--wait"]);
    assert_eq!(
        started.stderr,
        "veld: deb: warning: degraded: failed units: bad.service\n"
    );
    assert_eq!(started.status, 0);
    let shown = ve.show();
    assert_eq!(shown["status"], "degraded");
    assert_eq!(shown["failed_services"], json!(["bad.service"]));
    ve.exec(["systemctl", "reset-failed"]).ok();
    assert_eq!(ve.status(), "up");
}

#[test]
fn a_finit_and_an_openrc_are_asked_in_their_own_words() {
    let host = host!(Template::Finit, Template::Openrc);
    let finit = host.ve("finit").template(Template::Finit).start();
    let shown = finit.show();
    assert_eq!(
        (&shown["status"], &shown["health_unknown"]),
        (&json!("up"), &json!(null))
    );
    let init = json!({"kind": "finit", "is_pid_1": true, "stop_signal": 12});
    assert_eq!(shown["init"], init);
    let service = "service [2345] restart:2 name:bad /bin/false -- Bad\n";
    finit.put("/etc/finit.d/bad.conf", service, "644");
    finit.exec(["initctl", "reload"]).ok();
    // Finit tries a few times.
    finit.becomes("degraded");
    assert_eq!(finit.show()["failed_services"], json!(["bad"]));
    let openrc = host.ve("openrc").template(Template::Openrc).start();
    let shown = openrc.show();
    assert_eq!(
        (&shown["status"], &shown["health_unknown"]),
        (&json!("up"), &json!(null))
    );
    assert_eq!(shown["init"]["is_pid_1"], false);
    let rows = openrc.veld("show", [""; 0]).ok().stdout;
    assert!(
        rows.contains("\ninit         openrc, supervised\n"),
        "{rows}"
    );
}

#[test]
fn whatever_a_ve_answers_is_shown_as_harmless_text() {
    let host = host!();
    let ve = asked(
        &host,
        "printf 'a\\033[2J.service loaded failed failed\\n\\377\\n'",
    );
    let rows = ve.veld("show", [""; 0]).ok().stdout;
    assert!(
        rows.contains("\nfailed       a\\u{1b}[2J.service\n"),
        "{rows}"
    );
    answers(&ve, "exit 3");
    assert_eq!(health(&ve), "systemctl exited with status 3");
    answers(&ve, "kill -9 $$");
    assert_eq!(health(&ve), "systemctl: was killed by signal 9");
    answers(&ve, "while :; do echo for ever and ever; done");
    assert_eq!(health(&ve), "systemctl: said more than 65536 bytes");
    ve.exec(["rm", "/usr/bin/systemctl"]).done();
    let gone = "systemctl: cannot execute systemctl in the VE: \
        No such file or directory (os error 2)";
    assert_eq!(health(&ve), gone);
    assert_eq!(ve.status(), "up");
}

#[test]
fn a_ve_that_does_not_answer_is_not_waited_for() {
    let host = host!();
    let ve = asked(&host, "exec sleep 777");
    let begun = Instant::now();
    let rows = ve.veld("show", [""; 0]).ok().stdout;
    let took = begun.elapsed();
    assert!(
        rows.contains("\nhealth       unknown: no answer within 2 s\n"),
        "{rows}"
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
    // And nothing of it is left inside.
    let processes = ve.exec(["ps", "-o", "args"]).ok().stdout;
    assert!(!processes.contains("777"), "{processes}");
    ve.stop();
    host.nothing_remains();
}

#[test]
fn who_asks_a_ve_holds_nothing_of_the_commands() {
    let host = host!();
    let ve = asked(&host, "exec sleep 777");
    let show = ve.cmd("show", [""; 0]).spawn();
    let links = |pid: i32| -> Vec<PathBuf> {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        open.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
            .collect()
    };
    let output = std::fs::read_link(format!("/proc/{}/fd/1", show.pid())).unwrap();
    assert!(output.to_string_lossy().starts_with("pipe:"), "{output:?}");
    let children = format!("/proc/{0}/task/{0}/children", show.pid());
    until("who asks has let go of it", || {
        let asker = std::fs::read_to_string(&children).unwrap();
        let held = asker.trim().parse().map(links).unwrap_or_default();
        held.contains(&PathBuf::from("/dev/null")) && !held.contains(&output)
    });
    show.output().ok();
    ve.stop();
}

#[test]
fn an_answer_does_not_wait_for_children_of_the_program() {
    let host = host!();
    let ve = asked(&host, "sleep 20 & echo x.service loaded failed failed");
    assert_eq!(ve.show()["failed_services"], json!(["x.service"]));
}

#[test]
fn how_a_run_ended_says_who_wanted_it() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.stop();
    assert_eq!(ve.last_end(), "was stopped");
    ve.start();
    ve.veld("stop", ["--force"]).done();
    assert_eq!(ve.last_end(), "was killed");
    ve.start();
    veld_tests::signal(ve.shim_pid(), rustix::process::Signal::KILL);
    ve.stop();
    assert_eq!(ve.last_end(), "was stopped");
}

/// A VE that is taken for one with systemd, whose `systemctl` is this script.
fn asked<'h>(host: &'h Host, script: &str) -> Ve<'h> {
    let ve = host.ve("web1").start();
    std::fs::write(ve.run_directory().join("init"), "systemd hand-over 38").unwrap();
    answers(&ve, script);
    ve
}

fn answers(ve: &Ve<'_>, script: &str) {
    ve.put(
        "/usr/bin/systemctl",
        format!("#!/bin/sh\n{script}\n"),
        "755",
    );
}

fn health(ve: &Ve<'_>) -> String {
    ve.show()["health_unknown"].as_str().unwrap().to_owned()
}

fn is_recent(seconds: &serde_json::Value) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (0.0..30.0).contains(&(now.as_secs_f64() - seconds.as_f64().unwrap()))
}
