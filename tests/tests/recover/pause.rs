//! A pause or a resume that goes wrong leaves a VE that can be paused, resumed and
//! stopped.

use veld_tests::{Host, Template};

use crate::walk::{Kind, walk, walked};

walked!(pausing: a_pause_that_fails_leaves_a_ve_that_runs,
    a_pause_without_space_leaves_a_ve_that_runs,
    a_killed_pause_is_undone_by_a_resume);

walked!(resuming: a_resume_that_fails_is_asked_for_again,
    a_resume_without_space_is_asked_for_again,
    a_killed_resume_is_asked_for_again);

fn pausing(host: &Host, kind: Kind) {
    let ve = host
        .ve("web1")
        .template(Template::NoInit)
        .with(["--network", "none"])
        .start();
    walk(
        host,
        ("pause", 1, kind),
        |fault| fault.veld(host, &["pause", "web1"]),
        |round| {
            let status = ve.status();
            if round.is_done() {
                assert_eq!(status, "paused");
            } else if round.has_failed() {
                assert_eq!(status, "up");
            }
            if status == "paused" {
                ve.veld("resume", [""; 0]).done();
            }
            assert_eq!(ve.status(), "up");
            assert!(!ve.run_directory().join("paused").exists() || round.was_killed());
        },
    );
    ve.stop();
    host.nothing_remains();
}

fn resuming(host: &Host, kind: Kind) {
    let ve = host
        .ve("web1")
        .template(Template::NoInit)
        .with(["--network", "none"])
        .start();
    walk(
        host,
        ("resume", 1, kind),
        |fault| {
            ve.veld("pause", [""; 0]).done();
            fault.veld(host, &["resume", "web1"])
        },
        |round| {
            let again = ve.veld("resume", [""; 0]);
            if again.status == 0 {
                assert!(!round.is_done(), "resumed twice");
            } else {
                again.fails(1, "veld: web1: is not paused");
            }
            assert_eq!(ve.status(), "up");
        },
    );
    ve.stop();
    host.nothing_remains();
}
