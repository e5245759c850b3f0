//! Snapshots, restores and deletions that go wrong: the VE and every snapshot of it
//! that was there is still there, and nothing else.

use std::fs;

use veld_tests::{Host, Template, Ve};

use crate::layout::{self, write};
use crate::walk::{Kind, Round, walk, walked, walked_on_btrfs};

walked!(of_a_stopped_one: a_snapshot_of_a_stopped_ve_that_fails_leaves_it_whole,
    a_snapshot_of_a_stopped_ve_without_space_leaves_it_whole,
    a_killed_snapshot_of_a_stopped_ve_leaves_it_whole);

walked!(of_a_running_one: a_snapshot_of_a_running_ve_that_fails_lets_it_go_on,
    a_snapshot_of_a_running_ve_without_space_lets_it_go_on,
    a_killed_snapshot_of_a_running_ve_lets_it_go_on);

walked!(restores: a_restore_that_fails_is_done_or_not,
    a_restore_without_space_is_done_or_not,
    a_killed_restore_is_done_or_not);

walked!(deletes: a_deletion_of_a_snapshot_that_fails_is_asked_for_again,
    a_deletion_of_a_snapshot_without_space_is_asked_for_again,
    a_killed_deletion_of_a_snapshot_is_asked_for_again);

walked!(of_a_stopped_image: a_snapshot_of_an_image_that_fails_leaves_it_whole,
    a_snapshot_of_an_image_without_space_leaves_it_whole,
    a_killed_snapshot_of_an_image_leaves_it_whole);

walked!(of_a_running_image: a_snapshot_of_a_running_image_that_fails_lets_it_go_on,
    a_snapshot_of_a_running_image_without_space_lets_it_go_on,
    a_killed_snapshot_of_a_running_image_lets_it_go_on);

walked!(restores_image: a_restore_of_an_image_that_fails_is_done_or_not,
    a_restore_of_an_image_without_space_is_done_or_not,
    a_killed_restore_of_an_image_is_done_or_not);

walked!(deletes_of_image: a_deletion_of_a_snapshot_of_an_image_that_fails_is_asked_for_again,
    a_deletion_of_a_snapshot_of_an_image_without_space_is_asked_for_again,
    a_killed_deletion_of_a_snapshot_of_an_image_is_asked_for_again);

walked_on_btrfs!(of_a_stopped_one: a_snapshot_of_a_subvolume_that_fails_leaves_it_whole,
    a_snapshot_of_a_subvolume_without_space_leaves_it_whole,
    a_killed_snapshot_of_a_subvolume_leaves_it_whole);

walked_on_btrfs!(of_a_running_one: a_snapshot_of_a_running_subvolume_that_fails_lets_it_go_on,
    a_snapshot_of_a_running_subvolume_without_space_lets_it_go_on,
    a_killed_snapshot_of_a_running_subvolume_lets_it_go_on);

walked_on_btrfs!(restores: a_restore_of_a_subvolume_that_fails_is_done_or_not,
    a_restore_of_a_subvolume_without_space_is_done_or_not,
    a_killed_restore_of_a_subvolume_is_done_or_not);

walked_on_btrfs!(deletes: a_deletion_of_a_snapshot_of_a_subvolume_that_fails_is_asked_for_again,
    a_deletion_of_a_snapshot_of_a_subvolume_without_space_is_asked_for_again,
    a_killed_deletion_of_a_snapshot_of_a_subvolume_is_asked_for_again);

fn of_a_stopped_image(host: &Host, kind: Kind) {
    layout::of_images(host);
    of_a_stopped_one(host, kind);
}

fn of_a_running_image(host: &Host, kind: Kind) {
    layout::of_images(host);
    of_a_running_one(host, kind);
}

fn restores_image(host: &Host, kind: Kind) {
    layout::of_images(host);
    restores(host, kind);
}

fn deletes_of_image(host: &Host, kind: Kind) {
    layout::of_images(host);
    deletes(host, kind);
}

fn created(host: &Host) -> Ve<'_> {
    let ve = host.ve("web1").template(Template::NoInit);
    let ve = ve.with(["--network", "none"]).create();
    write(host, &ve, "one");
    ve
}

fn names(host: &Host) -> Vec<String> {
    let said = host.veld(["snapshot", "list", "web1", "--json"]).ok();
    let all: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let names = all.as_array().unwrap().iter();
    names
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The file is what it was, in the VE and in its snapshots, and all goes with it.
fn is_whole(host: &Host, ve: &Ve<'_>, mine: &str, of_snapshots: &[(&str, &str)]) {
    assert!(
        names(host)
            .iter()
            .eq(of_snapshots.iter().map(|(name, _)| name))
    );
    for (name, text) in of_snapshots {
        let place = host.veld(["snapshot", "mount", "web1", name]).ok();
        let file = std::path::Path::new(place.line()).join("mine");
        assert_eq!(fs::read_to_string(file).unwrap(), *text, "in {name}");
        host.veld(["snapshot", "umount", "web1", name]).done();
    }
    if ve.status() == "stopped" {
        ve.veld("start", [""; 0]).done();
    }
    assert_eq!(ve.exec(["/bin/busybox", "cat", "/mine"]).ok().line(), mine);
    ve.veld("destroy", ["--force"]).done();
    host.nothing_remains();
    assert_eq!(host.leaks(), Vec::<String>::new());
    let layers = fs::read_dir(host.data().join("layers"));
    assert_eq!(layers.map_or(0, Iterator::count), 0, "a layer is left");
}

/// A second snapshot, of a VE that has one.
fn of_a_stopped_one(host: &Host, kind: Kind) {
    let prepare = || {
        let ve = created(host);
        host.veld(["snapshot", "create", "web1", "first"]).done();
        write(host, &ve, "two");
    };
    creates(host, kind, prepare, "two");
}

fn of_a_running_one(host: &Host, kind: Kind) {
    let prepare = || {
        let ve = created(host);
        host.veld(["snapshot", "create", "web1", "first"]).done();
        write(host, &ve, "two");
        ve.veld("start", [""; 0]).done();
    };
    creates(host, kind, prepare, "two");
}

fn creates(host: &Host, kind: Kind, prepare: impl Fn(), mine: &str) {
    let ve = host.existing("web1");
    walk(
        host,
        ("make a snapshot", 1, kind),
        |fault| {
            prepare();
            fault.veld(host, &["snapshot", "create", "web1", "second"])
        },
        |round: &Round<'_>| {
            let all = names(host);
            assert!(all.contains(&"first".to_owned()), "the first is gone");
            let made = all.len() == 2;
            assert!(made || !round.is_done(), "it says that it is made");
            assert!(!made || !round.has_failed(), "{}", round.output.stderr);
            let both = [("first", "one"), ("second", mine)];
            is_whole(host, &ve, mine, &both[..all.len()]);
        },
    );
}

fn restores(host: &Host, kind: Kind) {
    let ve = host.existing("web1");
    walk(
        host,
        ("restore", 1, kind),
        |fault| {
            created(host);
            host.veld(["snapshot", "create", "web1", "first"]).done();
            write(host, &ve, "two");
            host.veld(["set", "web1", "ram=64M"]).ok();
            fault.veld(host, &["snapshot", "restore", "web1", "first"])
        },
        |round: &Round<'_>| {
            // The next command finishes or undoes.
            ve.veld("start", [""; 0]).done();
            let mine = ve
                .exec(["/bin/busybox", "cat", "/mine"])
                .ok()
                .line()
                .to_owned();
            let is_back = mine == "one";
            assert!(is_back || !round.is_done(), "it says that it is done");
            let ram = ve.show()["settings"]["ram"].clone();
            assert_eq!(ram.is_null(), is_back, "config and files go together");
            is_whole(
                host,
                &ve,
                if is_back { "one" } else { "two" },
                &[("first", "one")],
            );
        },
    );
}

fn deletes(host: &Host, kind: Kind) {
    let ve = host.existing("web1");
    walk(
        host,
        ("delete a snapshot", 1, kind),
        |fault| {
            created(host);
            for name in ["first", "second", "third"] {
                host.veld(["snapshot", "create", "web1", name]).done();
                write(host, &ve, name);
            }
            fault.veld(host, &["snapshot", "delete", "web1", "second"])
        },
        |round: &Round<'_>| {
            let again = host.veld(["snapshot", "delete", "web1", "second"]);
            if again.status == 0 {
                assert!(!round.is_done(), "deleted twice");
            } else {
                again.fails(1, "veld: web1: has no snapshot second");
                assert!(!round.has_failed() || round.kind != Kind::Kill);
            }
            let left = [("first", "one"), ("third", "second")];
            is_whole(host, &ve, "third", &left);
        },
    );
}
