//! A VE whose shim was killed, and each command after that.

use rustix::process::Signal;
use veld_tests::{Host, Template, Ve, alive, host, signal, until};

fn bereft(host: &Host) -> Ve<'_> {
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).create();
    bereave(&ve);
    ve
}

/// Starts it and kills its shim.
fn bereave(ve: &Ve<'_>) {
    ve.start();
    let shim = ve.shim_pid();
    signal(shim, Signal::KILL);
    until("the shim is gone", || !alive(shim));
}

/// Starts it, kills its shim, and then it ends.
fn bereave_and_end(ve: &Ve<'_>) {
    bereave(ve);
    let init = ve.init_pid();
    signal(init, Signal::KILL);
    until("PID 1 is gone", || !alive(init));
}

#[test]
fn a_ve_without_a_shim_is_stopped_restarted_and_destroyed_as_any_other() {
    let host = host!(Template::NoInit);
    let ve = bereft(&host);
    for options in [&[][..], &["--force"]] {
        ve.veld("stop", options).done();
        host.nothing_remains();
        bereave(&ve);
    }
    ve.veld("restart", ["--wait"]).done();
    assert_eq!(ve.show()["watched"], true);
    ve.veld("stop", ["--force"]).done();
    bereave(&ve);
    let refused = "veld: web1: is running; stop it first or use --force";
    ve.veld("destroy", [""; 0]).fails(1, refused);
    ve.veld("destroy", ["--force"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn a_ve_without_a_shim_is_entered_signalled_and_looked_at_as_any_other() {
    let host = host!(Template::NoInit);
    let ve = bereft(&host);
    ve.veld("start", [""; 0])
        .fails(1, "veld: web1: is already running");
    ve.exec(["true"]).done();
    assert_eq!(
        host.veld(["list", "-o", "name,status"]).ok().lines().last(),
        Some("web1  up, no shim")
    );
    ve.veld("logs", [""; 0]).done();
    let gone = "veld: web1: has no console: its shim is gone; restart the VE to get one";
    ve.veld("console", [""; 0]).fails(1, gone);
    ve.veld("kill", [""; 0]).ok();
    ve.becomes("stopped");
    assert_eq!(ve.last_end(), "");
}

#[test]
fn what_is_left_of_a_ve_that_nobody_saw_end_is_taken_by_each_command() {
    let host = host!(Template::NoInit);
    let ve = bereft(&host);
    ve.veld("stop", ["--force"]).done();
    for verb in ["stop", "restart", "start", "destroy"] {
        bereave_and_end(&ve);
        let done = ve.veld(verb, [""; 0]);
        match verb {
            "stop" => done.fails(1, "veld: web1: is not running"),
            "destroy" => done.done(),
            _ => {
                done.done();
                ve.exec(["true"]).done();
                ve.veld("stop", ["--force"]).done();
            }
        }
        host.nothing_remains();
    }
    assert_eq!(host.leaks(), Vec::<String>::new());
}
