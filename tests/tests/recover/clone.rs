//! Clones and templates of VEs that go wrong: the source is whole, and nothing is left
//! of the copy or it is whole.

use std::fs;

use veld_tests::{Host, Template, Ve};

use crate::layout;
use crate::walk::{Kind, Round, walk, walked, walked_on_btrfs};

walked!(of_a_stopped_one: a_clone_of_a_stopped_ve_that_fails_leaves_nothing,
    a_clone_of_a_stopped_ve_without_space_leaves_nothing,
    a_killed_clone_of_a_stopped_ve_leaves_nothing);

walked!(of_a_running_one: a_clone_of_a_running_ve_that_fails_leaves_nothing,
    a_clone_of_a_running_ve_without_space_leaves_nothing,
    a_killed_clone_of_a_running_ve_leaves_nothing);

walked!(of_a_stopped_image: a_clone_of_an_image_that_fails_leaves_nothing,
    a_clone_of_an_image_without_space_leaves_nothing,
    a_killed_clone_of_an_image_leaves_nothing);

walked!(of_a_running_image: a_clone_of_a_running_image_that_fails_leaves_nothing,
    a_clone_of_a_running_image_without_space_leaves_nothing,
    a_killed_clone_of_a_running_image_leaves_nothing);

walked_on_btrfs!(of_a_stopped_one: a_clone_of_a_subvolume_that_fails_leaves_nothing,
    a_clone_of_a_subvolume_without_space_leaves_nothing,
    a_killed_clone_of_a_subvolume_leaves_nothing);

walked_on_btrfs!(of_a_running_one: a_clone_of_a_running_subvolume_that_fails_leaves_nothing,
    a_clone_of_a_running_subvolume_without_space_leaves_nothing,
    a_killed_clone_of_a_running_subvolume_leaves_nothing);

fn of_a_stopped_image(host: &Host, kind: Kind) {
    layout::of_images(host);
    of_a_stopped_one(host, kind);
}

fn of_a_running_image(host: &Host, kind: Kind) {
    layout::of_images(host);
    of_a_running_one(host, kind);
}

fn created(host: &Host) -> Ve<'_> {
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).create();
    layout::write(host, &ve, "mine");
    ve
}

fn of_a_stopped_one(host: &Host, kind: Kind) {
    clones(host, kind, || drop(created(host)));
}

fn of_a_running_one(host: &Host, kind: Kind) {
    clones(host, kind, || created(host).veld("start", [""; 0]).done());
}

fn clones(host: &Host, kind: Kind, prepare: impl Fn()) {
    let (source, clone) = (host.existing("web1"), host.existing("web2"));
    walk(
        host,
        ("clone", 1, kind),
        |fault| {
            prepare();
            fault.veld(host, &["clone", "web1", "web2"])
        },
        |round: &Round<'_>| {
            let made = clone.directory().exists();
            assert!(made || !round.is_done(), "it says that it is made");
            assert!(!made || !round.has_failed(), "{}", round.output.stderr);
            if !made {
                host.veld(["clone", "web1", "web2"]).done();
            }
            for ve in [&source, &clone] {
                if ve.status() == "stopped" {
                    ve.veld("start", [""; 0]).done();
                }
                assert_eq!(
                    ve.exec(["/bin/busybox", "cat", "/mine"]).ok().line(),
                    "mine"
                );
            }
            for ve in [&source, &clone] {
                ve.veld("destroy", ["--force"]).done();
            }
            host.nothing_remains();
            assert_eq!(host.leaks(), Vec::<String>::new());
            let layers = fs::read_dir(host.data().join("layers"));
            assert_eq!(layers.map_or(0, Iterator::count), 0, "a layer is left");
        },
    );
}
