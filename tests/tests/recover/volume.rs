//! Volumes that are made, resized or removed, and something goes wrong: they are there
//! whole, as before or as after, or not at all.

use std::fs;

use veld_tests::{Host, Template, until};

use crate::walk::{Kind, Round, walk, walked};

walked!(creates: a_creation_of_a_volume_that_fails_leaves_none,
    a_creation_of_a_volume_without_space_leaves_none,
    a_killed_creation_of_a_volume_leaves_none);

walked!(grows: a_volume_whose_growth_fails_keeps_its_files,
    a_volume_whose_growth_has_no_space_keeps_its_files,
    a_volume_whose_growth_is_killed_keeps_its_files);

walked!(shrinks: a_volume_whose_shrinking_fails_keeps_its_files,
    a_volume_whose_shrinking_has_no_space_keeps_its_files,
    a_volume_whose_shrinking_is_killed_keeps_its_files);

walked!(removes: a_removal_of_a_volume_that_fails_is_asked_for_again,
    a_removal_of_a_volume_without_space_is_asked_for_again,
    a_killed_removal_of_a_volume_is_asked_for_again);

const CREATE: [&str; 7] = [
    "volume", "create", "data", "--layout", "image", "--size", "32M",
];

fn is_there(host: &Host) -> bool {
    let listed = host.veld(["volume", "list", "--json"]).ok();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    assert!(names.is_empty() || names == ["data"], "{names:?}");
    !names.is_empty()
}

/// It can be mounted, has what was put there, and goes.
fn is_whole_and_goes(host: &Host, script: &str) {
    let ve = host.ve("web1").template(Template::Busybox);
    let ve = ve
        .with(["--network", "none", "--mount", "volume:data:/data"])
        .start();
    ve.sh(script).done();
    ve.veld("destroy", ["--force"]).done();
    host.veld(["volume", "remove", "data"]).ok();
    nothing_is_left(host);
}

/// Of what was killed the next command that alters volumes leaves nothing.
fn nothing_is_left(host: &Host) {
    host.nothing_remains();
    until("the trash is empty", || host.leaks().is_empty());
    let left: Vec<_> = fs::read_dir(host.data().join("volumes"))
        .into_iter()
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

fn creates(host: &Host, kind: Kind) {
    walk(
        host,
        ("create", 1, kind),
        |fault| fault.veld(host, &CREATE),
        |round| {
            let there = is_there(host);
            assert!(there || !round.is_done(), "it says that it is done");
            assert!(
                !there || !round.has_failed() || is_late(round),
                "{}",
                round.output.stderr
            );
            if !there {
                host.veld(CREATE).ok();
            }
            is_whole_and_goes(host, "touch /data/file");
        },
    );
}

/// Whether the volume had its name already.
fn is_late(round: &Round<'_>) -> bool {
    round.point.starts_with("sync")
}

fn grows(host: &Host, kind: Kind) {
    resizes(host, kind, "48M", |total| {
        (35_000..=49_152).contains(&total)
    });
}

fn shrinks(host: &Host, kind: Kind) {
    resizes(host, kind, "24M", |total| {
        (10_000..=24_576).contains(&total)
    });
}

fn resizes(host: &Host, kind: Kind, size: &str, is_right: impl Fn(u64) -> bool) {
    walk(
        host,
        ("resize", 1, kind),
        |fault| {
            host.veld(CREATE).ok();
            let ve = host.ve("web2").template(Template::Busybox);
            let ve = ve
                .with(["--network", "none", "--mount", "volume:data:/data"])
                .start();
            ve.sh("echo mine >/data/file").done();
            ve.veld("destroy", ["--force"]).done();
            fault.veld(host, &["volume", "resize", "data", size])
        },
        |_| {
            assert!(is_there(host));
            // Whatever came of it, it is done by asking again.
            host.veld(["volume", "resize", "data", size]).done();
            let about = fs::read_dir(host.data().join("volumes/data")).unwrap();
            assert_eq!(about.count(), 2, "image and volume.toml");
            let ve = host.ve("web2").template(Template::Busybox);
            let ve = ve
                .with(["--network", "none", "--mount", "volume:data:/data"])
                .start();
            let total = ve.sh("df -k /data | tail -1").ok().stdout;
            let total = total.split_whitespace().nth(1).unwrap().parse().unwrap();
            assert!(is_right(total), "df shows {total}K");
            ve.veld("destroy", ["--force"]).done();
            is_whole_and_goes(host, "grep -q mine /data/file");
        },
    );
}

fn removes(host: &Host, kind: Kind) {
    walk(
        host,
        ("remove", 1, kind),
        |fault| {
            // The directory is made anew, which is a point too.
            let _ = fs::remove_dir_all(host.data().join("trash"));
            host.veld(["volume", "create", "data", "--layout", "directory"])
                .ok();
            fault.veld(host, &["volume", "remove", "data"])
        },
        |round| {
            let there = is_there(host);
            assert!(!there || !round.is_done(), "it says that it is done");
            if there {
                host.veld(["volume", "remove", "data"]).ok();
            } else {
                // What is in the trash goes with any command that throws away or makes.
                host.ve("web1")
                    .template(Template::Busybox)
                    .create()
                    .destroy();
            }
            nothing_is_left(host);
        },
    );
}
