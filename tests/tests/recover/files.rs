//! Mounts, copies and looks that go wrong leave a VE with the old or the new, and
//! nothing of theirs on the host.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use veld_tests::{Host, Template, Ve};

use crate::start::{is_through, started_or_starts};
use crate::walk::{Kind, walk, walked};

walked!(mounts: a_mount_that_fails_changes_nothing,
    a_mount_without_space_changes_nothing,
    a_killed_mount_is_put_right_by_the_next_look);

walked!(copies: a_copy_that_fails_has_nothing_half,
    a_copy_without_space_has_nothing_half,
    a_killed_copy_has_nothing_half);

walked!(looks: a_look_that_fails_leaves_nothing,
    a_look_without_space_leaves_nothing,
    a_killed_look_is_ended_by_the_next);

walked!(starts: a_start_with_mounts_that_fails_leaves_nothing,
    a_start_with_mounts_without_space_leaves_nothing,
    a_killed_start_with_mounts_is_started_again);

fn made<'h>(host: &'h Host, name: &str) -> Ve<'h> {
    host.ve(name)
        .template(Template::NoInit)
        .with(["--network", "none"])
        .create()
}

/// What the VE has mounted that others have not.
fn mounted(ve: &Ve<'_>) -> Vec<String> {
    let table = ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout;
    let places = table.lines().filter_map(|line| line.split(' ').nth(4));
    let added = places.filter(|place| place.starts_with("/srv/"));
    added.map(str::to_owned).collect()
}

/// Two places by turns, so that each round adds one and takes one away.
fn mounts(host: &Host, kind: Kind) {
    let data = host.directory().join("shared");
    fs::create_dir(&data).unwrap();
    let mount = |turn: usize| match turn % 2 {
        0 => format!("{}:/srv/0:ro", data.display()),
        _ => "tmpfs:/srv/1:size=64K".to_owned(),
    };
    let ve = made(host, "web1");
    ve.veld("set", [format!("mount={}", mount(0))]).done();
    ve.veld("start", ["--wait"]).done();
    let init = ve.init_pid();
    let is = Cell::new(0);
    walk(
        host,
        ("set", 1, kind),
        |fault| {
            fault.veld(
                host,
                &["set", "web1", &format!("mount={}", mount(is.get() + 1))],
            )
        },
        |round| {
            let shown = ve.show();
            let set = shown["mounts"][0].as_str().unwrap().to_owned();
            let (old, new) = (mount(is.get()), mount(is.get() + 1));
            assert!(set == old || set == new, "{set}");
            assert_eq!(shown["mounts"].as_array().unwrap().len(), 1);
            if round.is_done() {
                assert_eq!(set, new);
            }
            if round.has_failed() {
                assert_eq!(set, old);
            }
            is.set(is.get() + usize::from(set == new));
            let place = format!("/srv/{}", is.get() % 2);
            assert_eq!(mounted(&ve), [place], "at {}", round.point);
            assert_eq!(ve.init_pid(), init);
            let noted = fs::read_to_string(host.run().join("web1/mounts")).unwrap();
            assert_eq!(noted.lines().count(), 1, "{noted}");
            assert!(noted.contains(" there "), "{noted}");
        },
    );
    ve.veld("stop", ["--force"]).done();
    host.nothing_remains();
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// A file of one length is replaced by one of another.
fn copies(host: &Host, kind: Kind) {
    let source = host.directory().join("source");
    fs::create_dir(&source).unwrap();
    let ve = made(host, "web1");
    let upper = host.data().join("ve/web1/private/upper/copy");
    let turn = Cell::new(0);
    let content = |turn: u32| format!("{turn}\n").repeat(1000);
    let write = |turn: u32| fs::write(source.join("file"), content(turn)).unwrap();
    write(0);
    let words = ["cp", "-a", source.to_str().unwrap(), "web1:/copy"];
    host.veld(words).done();
    let contents = format!("{}/.", source.display());
    walk(
        host,
        ("cp", 1, kind),
        |fault| {
            turn.set(turn.get() + 1);
            write(turn.get());
            fault.veld(host, &["cp", "-a", &contents, "web1:/copy"])
        },
        |round| {
            let found = fs::read_to_string(upper.join("file")).unwrap();
            let is_new = found == content(turn.get());
            assert!(
                is_new || found == content(turn.get() - 1),
                "{}",
                round.point
            );
            if round.is_done() {
                assert!(is_new, "{}", round.point);
            }
            if round.has_failed() && kind != Kind::Kill {
                assert_eq!(others(&upper), Vec::<String>::new(), "{}", round.point);
            }
            host.nothing_remains();
            // The next round expects the file of this one.
            host.veld(["cp", "-a", &contents, "web1:/copy"]).done();
            assert_eq!(others(&upper), Vec::<String>::new(), "at {}", round.point);
        },
    );
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

/// Names of a directory but for that of the file; a copy that was killed is beside it.
fn others(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let others: Vec<String> = names.filter(|name| name != "file").collect();
    assert!(
        others.iter().all(|name| name.starts_with(".veld-cp.")),
        "{others:?}"
    );
    others
}

/// Stopped and running by turns.
fn looks(host: &Host, kind: Kind) {
    for running in [false, true] {
        let ve = made(host, "web1");
        if running {
            ve.veld("start", ["--wait"]).done();
        }
        walk(
            host,
            ("mount", 1, kind),
            |fault| fault.veld(host, &["mount", "web1"]),
            |round| {
                let place = host.run().join("web1/look");
                if round.has_failed() {
                    assert!(!place.exists(), "{}", round.point);
                }
                let path = ve.veld("mount", [""; 0]).ok();
                assert_eq!(path.line(), place.to_str().unwrap());
                assert!(place.join("bin").exists(), "{}", round.point);
                ve.veld("umount", [""; 0]).done();
                assert!(!place.exists(), "{}", round.point);
            },
        );
        if running {
            ve.veld("stop", ["--force"]).done();
        }
        ve.destroy();
        assert_eq!(host.leaks(), Vec::<String>::new());
    }
}

/// What a VE has mounted is there from its start, or nothing is.
fn starts(host: &Host, kind: Kind) {
    let data = host.directory().join("shared");
    fs::create_dir(&data).unwrap();
    let ve = made(host, "web1");
    let mount = format!("mount={}:/srv/0:ro,tmpfs:/srv/1:size=64K", data.display());
    ve.veld("set", [mount]).done();
    walk(
        host,
        ("start", 1, kind),
        |fault| {
            let output = fault.veld(host, &["start", "web1"]);
            is_through(&ve);
            output
        },
        |round| {
            if round.has_failed() {
                host.nothing_remains();
            }
            started_or_starts(host, round);
            assert_eq!(mounted(&ve), ["/srv/0", "/srv/1"], "at {}", round.point);
            ve.veld("stop", ["--force"]).done();
            host.nothing_remains();
        },
    );
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}
