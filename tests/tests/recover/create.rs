//! A creation that goes wrong makes no VE, or a whole one.

use veld_tests::{Host, Template};

use crate::walk::{Kind, walk, walked, walked_on_btrfs};

walked!(creation: a_creation_that_fails_makes_nothing,
    a_creation_on_a_full_disk_makes_nothing,
    a_killed_creation_is_made_again);

walked!(of_image: a_creation_of_an_image_that_fails_makes_nothing,
    a_creation_of_an_image_on_a_full_disk_makes_nothing,
    a_killed_creation_of_an_image_is_made_again);

walked!(of_directory: a_creation_of_a_copy_that_fails_makes_nothing,
    a_creation_of_a_copy_on_a_full_disk_makes_nothing,
    a_killed_creation_of_a_copy_is_made_again);

walked_on_btrfs!(of_subvolume: a_creation_of_a_subvolume_that_fails_makes_nothing,
    a_creation_of_a_subvolume_on_a_full_disk_makes_nothing,
    a_killed_creation_of_a_subvolume_is_made_again);

fn creation(host: &Host, kind: Kind) {
    creation_in(host, kind, "overlay");
}

fn of_image(host: &Host, kind: Kind) {
    host.configure("[storage]\nimage_size = \"32M\"\n");
    creation_in(host, kind, "image");
}

fn of_subvolume(host: &Host, kind: Kind) {
    creation_in(host, kind, "btrfs");
}

fn of_directory(host: &Host, kind: Kind) {
    creation_in(host, kind, "directory");
}

fn creation_in(host: &Host, kind: Kind, layout: &str) {
    let template = Template::NoInit.name();
    let words = [
        "create",
        "web1",
        "-t",
        &template,
        "--network",
        "none",
        "--layout",
        layout,
    ];
    let ve = host.existing("web1");
    walk(
        host,
        ("create", 1, kind),
        |fault| fault.veld(host, &words),
        |round| {
            if round.has_failed() {
                assert_eq!(host.leaks(), Vec::<String>::new(), "after the error");
            }
            let again = host.veld(words);
            if ve.directory().exists() && again.status != 0 {
                assert!(!round.has_failed(), "{}", round.output.stderr);
                again.fails(1, "veld: web1: exists already");
                ve.veld("start", ["--wait"]).done();
                ve.veld("stop", ["--force"]).done();
            } else {
                assert!(!round.is_done(), "made twice");
                again.done();
            }
            ve.destroy();
            assert_eq!(host.leaks(), Vec::<String>::new(), "at the end");
        },
    );
}

#[test]
fn what_a_killed_creation_left_is_destroyed_too() {
    let host = veld_tests::host!(Template::NoInit);
    let template = Template::NoInit.name();
    let words = ["create", "web1", "-t", &template];
    let ve = host.existing("web1");
    walk(
        &host,
        ("create", 1, Kind::Kill),
        |fault| fault.veld(&host, &words),
        |_| {
            let destroyed = ve.veld("destroy", [""; 0]);
            if destroyed.status != 0 {
                destroyed.fails(1, "veld: web1: no such VE");
            }
            // Where the search for a number begins is the host's, and the next
            // creation writes over what was not finished.
            host.ve("web2")
                .template(Template::NoInit)
                .create()
                .destroy();
            assert_eq!(host.leaks(), Vec::<String>::new());
        },
    );
}
