//! What a snapshot keeps, of a VE that runs and of one that does not, in each layout.

use std::fs;

use serde_json::{Value, json};
use veld_tests::{Host, Template, Ve, host};

/// Runs a test on the disk of the machine, and in each layout on a disk of a file
/// system that has it.
macro_rules! in_each_layout {
    ($test:path: $overlay:ident, $directory:ident, $image:ident, $btrfs:ident) => {
        #[test]
        fn $overlay() {
            $test(&host!(), "overlay");
        }

        #[test]
        fn $directory() {
            $test(&host!(), "directory");
        }

        #[test]
        fn $image() {
            $test(&host!(), "image");
        }

        #[test]
        fn $btrfs() {
            if let Some(disk) = veld_tests::Disk::new("btrfs") {
                let mut host = host!();
                host.keep_data_in(&disk.data());
                $test(&host, "btrfs");
                drop(host);
            }
        }
    };
}
pub(crate) use in_each_layout;

/// A VE of this layout.
pub(crate) fn made<'h>(host: &'h Host, name: &str, layout: &str) -> Ve<'h> {
    host.ve(name).with(["--layout", layout]).create()
}

/// The snapshots of a VE.
pub(crate) fn list(host: &Host, ve: &Ve<'_>) -> Vec<Value> {
    let said = host.veld(["snapshot", "list", ve.name(), "--json"]).ok();
    serde_json::from_str(&said.stdout).unwrap()
}

in_each_layout!(goes_back: an_overlay_goes_back_to_a_snapshot,
    a_directory_goes_back_to_a_snapshot,
    an_image_goes_back_to_a_snapshot,
    a_subvolume_goes_back_to_a_snapshot);

/// Snapshots of a VE that is stopped, that runs and that is paused, each restored.
fn goes_back(host: &Host, layout: &str) {
    let ve = made(host, "web1", layout);
    ve.start();
    ve.put("/etc/mine", "one\n", "640");
    ve.sh("ln /etc/mine /etc/other && mkdir /etc/gone && rm -r /home")
        .done();
    ve.stop();
    host.veld(["snapshot", "create", "web1", "one"])
        .says("web1: made snapshot one");
    ve.start();
    ve.put("/etc/mine", "two\n", "644");
    ve.sh("rm -r /etc/gone && touch /etc/new && mkdir /home")
        .done();
    host.veld([
        "snapshot",
        "create",
        "web1",
        "two",
        "--description",
        "it runs",
    ])
    .says("web1: made snapshot two");
    assert_eq!(ve.status(), "up");
    ve.put("/etc/mine", "three\n", "644");
    ve.veld("pause", [""; 0]).done();
    host.veld(["snapshot", "create", "web1", "three"])
        .says("web1: made snapshot three");
    assert_eq!(ve.status(), "paused");
    ve.veld("resume", [""; 0]).done();
    ve.stop();
    for (name, mine, new) in [
        ("one", "one", false),
        ("three", "three", true),
        ("two", "two", true),
    ] {
        host.veld(["snapshot", "restore", "web1", name])
            .says(&format!("web1: restored to snapshot {name}"));
        ve.start();
        assert_eq!(ve.exec(["cat", "/etc/mine"]).ok().line(), mine);
        // The layer of a running VE is copied without the index that ties names of which
        // one has been written.
        if name == "one" || layout != "overlay" {
            assert_eq!(ve.exec(["cat", "/etc/other"]).ok().line(), mine);
        }
        let has = |path: &str| ve.exec(["test", "-e", path]).status == 0;
        assert_eq!(
            (has("/etc/gone"), has("/etc/new"), has("/home")),
            (!new, new, new)
        );
        ve.stop();
    }
    ve.destroy();
    host.nothing_remains();
}

in_each_layout!(is_seen: a_snapshot_of_an_overlay_is_seen_read_only,
    a_snapshot_of_a_directory_is_seen_read_only,
    a_snapshot_of_an_image_is_seen_read_only,
    a_snapshot_of_a_subvolume_is_seen_read_only);

fn is_seen(host: &Host, layout: &str) {
    let ve = made(host, "web1", layout);
    ve.start();
    ve.put("/etc/mine", "then\n", "640");
    host.veld(["snapshot", "create", "web1", "then"]).ok();
    ve.put("/etc/mine", "now\n", "640");
    let place = host.veld(["snapshot", "mount", "web1", "then"]).ok();
    let place = std::path::PathBuf::from(place.line());
    assert_eq!(
        fs::read_to_string(place.join("etc/mine")).unwrap(),
        "then\n"
    );
    assert!(
        place.join("bin/busybox").exists(),
        "what is below shows too"
    );
    let refused = fs::write(place.join("etc/mine"), "x").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    host.veld(["snapshot", "umount", "web1", "then"])
        .says("web1: unmounted snapshot then");
    host.veld(["snapshot", "umount", "web1", "then"])
        .fails(1, "veld: web1: snapshot then is not mounted");
    assert!(!place.exists());
    // It goes with the snapshot.
    host.veld(["snapshot", "mount", "web1", "then"]).ok();
    host.veld(["snapshot", "delete", "web1", "then"])
        .says("web1: deleted snapshot then");
    assert!(!place.exists());
    ve.veld("destroy", ["--force"]).done();
    host.nothing_remains();
}

#[test]
fn snapshots_are_a_tree_and_who_loses_a_parent_goes_on_from_its() {
    let host = host!();
    let ve = host.ve("web1").create();
    let create = |name: &str| host.veld(["snapshot", "create", "web1", name]).done();
    let restore = |name: &str| host.veld(["snapshot", "restore", "web1", name]).done();
    let tree = || -> Vec<(String, Value, bool)> {
        let line = |it: &Value| {
            let name = it["name"].as_str().unwrap().to_owned();
            (name, it["parent"].clone(), it["is_current"] == json!(true))
        };
        list(&host, &ve).iter().map(line).collect()
    };
    create("a");
    create("b");
    create("c");
    restore("b");
    create("d");
    let row = |name: &str, parent: Value, current| (name.to_owned(), parent, current);
    assert_eq!(
        tree(),
        [
            row("a", json!(null), false),
            row("b", json!("a"), false),
            row("c", json!("b"), false),
            row("d", json!("b"), true),
        ]
    );
    host.veld(["snapshot", "delete", "web1", "b", "d"])
        .says("web1: deleted snapshots b d");
    let left = [row("a", json!(null), true), row("c", json!("a"), false)];
    assert_eq!(tree(), left);
    // What the VE goes on from was deleted, and what that went on from.
    create("e");
    assert_eq!(tree()[2], row("e", json!("a"), true));
    restore("c");
    ve.start();
    let table = host.veld(["snapshot", "list", "web1"]).ok().stdout;
    let names: Vec<&str> = table
        .lines()
        .map(|line| line.split("  20").next().unwrap().trim_end())
        .collect();
    assert_eq!(names[1..], ["a", "  c *", "  e"], "{table}");
}

#[test]
fn the_config_comes_back_but_for_addresses_that_others_have() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--ip", "10.117.9.1", "--ip", "10.117.9.2", "--ram", "64M"])
        .create();
    host.veld(["snapshot", "create", "web1", "then"]).ok();
    let before = ve.show();
    host.veld(["set", "web1", "ip=10.117.9.3", "ram=128M", "hostname=other"])
        .ok();
    let other = host.ve("web2").with(["--ip", "10.117.9.2"]).create();
    let restored = host.veld(["snapshot", "restore", "web1", "then"]).ok();
    assert_eq!(
        restored.stderr,
        "veld: web1: warning: 10.117.9.2 is an address of VE web2: it is left to that\n"
    );
    let after = ve.show();
    for same in ["id", "uuid", "hostname"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(after["settings"]["ram"], json!("64M"));
    assert_eq!(after["settings"]["hostname"], json!("web1"));
    assert_eq!(after["addresses"], json!(["10.117.9.1"]));
    // What it had meanwhile is free.
    host.ve("web3").with(["--ip", "10.117.9.3"]).create();
    drop(other);
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let host = host!();
    let ve = host.ve("web1").start();
    host.veld(["snapshot", "create", "web1", "one"]).ok();
    for (words, said) in [
        (
            ["create", "web1", "one"],
            "veld: web1: has a snapshot one already",
        ),
        (["create", "web2", "one"], "veld: web2: no such VE"),
        (
            ["restore", "web1", "one"],
            "veld: web1: is running; stop it first",
        ),
        (
            ["restore", "web1", "two"],
            "veld: web1: has no snapshot two",
        ),
        (["delete", "web1", "two"], "veld: web1: has no snapshot two"),
        (["mount", "web1", "two"], "veld: web1: has no snapshot two"),
        (
            ["umount", "web1", "one"],
            "veld: web1: snapshot one is not mounted",
        ),
    ] {
        host.veld(["snapshot", words[0], words[1], words[2]])
            .fails(1, said);
    }
    for (name, said) in [
        (
            "../x",
            "\"../x\" is not the name of a snapshot: '.' at position 0",
        ),
        (
            "a/b",
            "\"a/b\" is not the name of a snapshot: '/' at position 1",
        ),
    ] {
        let refused = host.veld(["snapshot", "create", "web1", name]);
        assert_eq!(refused.status, 2);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert_eq!(list(&host, &ve).len(), 1);
    // Of two of which one is not there, none is deleted.
    host.veld(["snapshot", "delete", "web1", "one", "two"])
        .fails(1, "veld: web1: has no snapshot two");
    assert_eq!(list(&host, &ve).len(), 1);
}

#[test]
fn a_snapshot_without_a_name_has_the_time_for_one() {
    let host = host!();
    let ve = host.ve("web1").create();
    for _ in 0..3 {
        host.veld(["snapshot", "create", "web1", "--expires", "7d"])
            .ok();
    }
    let all = list(&host, &ve);
    assert_eq!(all.len(), 3);
    for snapshot in &all {
        let made = snapshot["created_unix_seconds"].as_u64().unwrap();
        assert_eq!(snapshot["expires_unix_seconds"], json!(made + 7 * 86_400));
        let name = snapshot["name"].as_str().unwrap();
        assert!(name.len() >= 15 && name.as_bytes()[8] == b'-', "{name}");
    }
}

#[test]
fn a_stopped_ve_that_did_not_change_has_no_more_layers_for_a_snapshot() {
    let host = host!();
    host.ve("web1").create();
    let layers = || fs::read_dir(host.data().join("layers")).unwrap().count();
    for _ in 0..5 {
        host.veld(["snapshot", "create", "web1"]).ok();
    }
    assert_eq!(layers(), 1);
    host.existing("web1").start();
    host.existing("web1").veld("destroy", ["--force"]).done();
    assert_eq!(layers(), 0);
}

#[test]
fn a_ve_with_many_snapshots_starts() {
    let host = host!(Template::NoInit);
    let ve = host.ve("web1").template(Template::NoInit).create();
    for number in 0..24 {
        let upper = ve.directory().join("private/upper");
        fs::write(upper.join(format!("file{number}")), "x").unwrap();
        host.veld(["snapshot", "create", "web1"]).ok();
    }
    ve.veld("start", [""; 0]).done();
    assert_eq!(list(&host, &ve).len(), 24);
    ve.veld("stop", ["--force"]).done();
    let names: Vec<String> = list(&host, &ve)
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    let words = ["snapshot", "delete", "web1"]
        .map(str::to_owned)
        .into_iter()
        .chain(names);
    host.veld(words.collect::<Vec<String>>()).ok();
    ve.veld("start", [""; 0]).done();
    ve.veld("destroy", ["--force"]).done();
    assert_eq!(fs::read_dir(host.data().join("layers")).unwrap().count(), 0);
}
