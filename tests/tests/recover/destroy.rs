//! A VE whose destruction goes wrong is destroyed by the next.

use veld_tests::{Host, Template};

use crate::walk::{Kind, walk, walked, walked_on_btrfs};

walked!(stopped: a_destroy_that_fails_is_asked_for_again,
    a_destroy_without_space_is_asked_for_again,
    a_killed_destroy_is_asked_for_again);

walked!(running: a_destroy_by_force_that_fails_is_asked_for_again,
    a_destroy_by_force_without_space_is_asked_for_again,
    a_killed_destroy_by_force_is_asked_for_again);

walked!(waiting: a_destroy_of_one_that_waits_to_start_that_fails_is_asked_for_again,
    a_destroy_of_one_that_waits_to_start_without_space_is_asked_for_again,
    a_killed_destroy_of_one_that_waits_to_start_is_asked_for_again);

walked!(of_image: a_destroy_of_an_image_that_fails_is_asked_for_again,
    a_destroy_of_an_image_without_space_is_asked_for_again,
    a_killed_destroy_of_an_image_is_asked_for_again);

walked!(of_directory: a_destroy_of_a_copy_that_fails_is_asked_for_again,
    a_destroy_of_a_copy_without_space_is_asked_for_again,
    a_killed_destroy_of_a_copy_is_asked_for_again);

walked_on_btrfs!(of_subvolume: a_destroy_of_a_subvolume_that_fails_is_asked_for_again,
    a_destroy_of_a_subvolume_without_space_is_asked_for_again,
    a_killed_destroy_of_a_subvolume_is_asked_for_again);

fn of_subvolume(host: &Host, kind: Kind) {
    of_layout(host, kind, "btrfs");
}

fn of_image(host: &Host, kind: Kind) {
    host.configure("[storage]\nimage_size = \"32M\"\n");
    of_layout(host, kind, "image");
}

fn of_directory(host: &Host, kind: Kind) {
    of_layout(host, kind, "directory");
}

fn of_layout(host: &Host, kind: Kind, layout: &str) {
    let prepare = || {
        let ve = host.ve("web1").template(Template::NoInit);
        ve.with(["--network", "none", "--layout", layout]).create();
    };
    destroys(host, kind, prepare, &["destroy", "web1"]);
}

/// One that ran before, so that there is a run directory.
fn stopped(host: &Host, kind: Kind) {
    let prepare = || {
        let ve = created(host);
        ve.start();
        ve.veld("stop", ["--force"]).done();
    };
    destroys(host, kind, prepare, &["destroy", "web1"]);
}

fn running(host: &Host, kind: Kind) {
    let prepare = || created(host).start();
    destroys(host, kind, prepare, &["destroy", "web1", "--force"]);
}

fn waiting(host: &Host, kind: Kind) {
    let prepare = || {
        let ve = host.ve("web1").template(Template::NoInit);
        let ve = ve.with(["--network", "none", "--restart", "always"]);
        let ve = ve.start();
        ve.veld("kill", [""; 0]).ok();
        ve.becomes("restarting");
    };
    destroys(host, kind, prepare, &["destroy", "web1"]);
}

fn created(host: &Host) -> veld_tests::Ve<'_> {
    let ve = host.ve("web1").template(Template::NoInit);
    ve.with(["--network", "none"]).create()
}

fn destroys(host: &Host, kind: Kind, prepare: impl Fn(), words: &[&str]) {
    let ve = host.existing("web1");
    walk(
        host,
        ("destroy", 1, kind),
        |fault| {
            prepare();
            fault.veld(host, words)
        },
        |round| {
            let whole = ve.directory().exists();
            assert!(!(whole && round.is_done()), "it is still there");
            let again = ve.veld("destroy", ["--force"]);
            if again.status == 0 {
                assert!(!round.is_done(), "destroyed twice");
                assert_eq!(again.stderr, "");
            } else {
                again.fails(1, "veld: web1: no such VE");
                assert!(!round.has_failed(), "{}", round.output.stderr);
            }
            host.nothing_remains();
            assert_eq!(host.leaks(), Vec::<String>::new());
        },
    );
}
