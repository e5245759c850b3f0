//! A stop that goes wrong can be asked for again.

use veld_tests::{Host, Template};

use crate::start::left_in_run_directory;
use crate::walk::{Kind, walk, walked};

walked!(asking: a_stop_that_fails_is_asked_for_again,
    a_stop_without_space_is_asked_for_again,
    a_killed_stop_is_asked_for_again);

walked!(killing: a_stop_by_force_that_fails_is_asked_for_again,
    a_stop_by_force_without_space_is_asked_for_again,
    a_killed_stop_by_force_is_asked_for_again);

fn asking(host: &Host, kind: Kind) {
    stops(host, kind, &["stop", "web1"]);
}

fn killing(host: &Host, kind: Kind) {
    stops(host, kind, &["stop", "web1", "--force"]);
}

fn stops(host: &Host, kind: Kind, words: &[&str]) {
    let ve = host
        .ve("web1")
        .template(Template::NoInit)
        .with(["--network", "none"])
        .create();
    walk(
        host,
        ("stop", 1, kind),
        |fault| {
            ve.start();
            fault.veld(host, words)
        },
        |round| {
            let again = ve.veld("stop", ["--force"]);
            if again.status == 0 {
                assert!(!round.is_done(), "stopped twice");
                assert_eq!(again.stderr, "");
            } else {
                again.fails(1, "veld: web1: is not running");
            }
            host.nothing_remains();
            assert_eq!(left_in_run_directory(host), Vec::<String>::new());
        },
    );
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}
