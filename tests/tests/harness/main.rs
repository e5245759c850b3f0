//! The harness itself: it finds what is left, and takes it away.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator or a fault would"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use veld_tests::{Cgroup, Cmd, Host, alive, host};

/// Leaves one thing of each kind that a product might.
fn leave_everything(host: &Host) -> veld_tests::Running {
    for root in Cgroup::at("").present() {
        fs::create_dir(root.join(host.cgroup_parent())).unwrap();
    }
    let place = host.directory().join("place");
    fs::create_dir(&place).unwrap();
    let run = |words: &[&str]| Cmd::program(words[0], &words[1..]).run().done();
    let path = place.display().to_string();
    run(&["mount", "-t", "tmpfs", "tmpfs", &path]);
    run(&[
        "ip", "link", "add", "veld101", "type", "veth", "peer", "name", "other",
    ]);
    run(&["nft", "add table ip left"]);
    let image = host.directory().join("image").display().to_string();
    run(&["truncate", "-s", "1M", &image]);
    Cmd::program("losetup", ["--find", &image]).run().done();
    fs::create_dir_all(host.run().join("web1")).unwrap();
    fs::create_dir_all(host.data().join("ve/.web1.new")).unwrap();
    Cmd::program("sleep", ["1000"])
        .env("VELD_CONFIG", host.config())
        .spawn()
}

#[test]
fn a_thing_of_each_kind_that_is_left_is_found() {
    let host = host!();
    assert_eq!(host.leaks(), Vec::<String>::new());
    let process = leave_everything(&host);
    let leaks = host.leaks();
    let named = |kind: &str| leaks.iter().filter(|leak| leak.starts_with(kind)).count();
    let groups = Cgroup::at("").present().len();
    for (kind, count) in [
        ("mount ", 1),
        ("cgroup ", groups),
        ("link ", 2),
        ("nft table ip left", 1),
        ("loop device ", 1),
        ("process ", 1),
        ("file ", 2),
    ] {
        assert_eq!(named(kind), count, "{kind}: {leaks:?}");
    }
    drop(process);
    let failed = catch_unwind(AssertUnwindSafe(|| drop(host))).unwrap_err();
    let text = failed.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("left behind: "), "{text}");
}

#[test]
fn what_a_failed_test_leaves_is_taken_away() {
    let host = host!();
    let (directory, group) = (host.directory().to_owned(), host.group());
    let ve_init = host.ve("web1").start().init_pid();
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let process = leave_in_use(&host);
        let host = host;
        assert!(
            process.is_none() && host.directory().is_file(),
            "on purpose"
        );
    }));
    failed.unwrap_err();
    assert!(!directory.exists(), "{}", directory.display());
    assert_eq!(group.present(), Vec::<&std::path::Path>::new());
    assert!(!alive(ve_init));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(directory.to_str().unwrap()));
}

/// A mount and a frozen VE, with a config that no command reads.
fn leave_in_use(host: &Host) -> Option<()> {
    let place = host.directory().join("place");
    fs::create_dir(&place).unwrap();
    let path = place.display().to_string();
    Cmd::program("mount", ["-t", "tmpfs", "tmpfs", &path])
        .run()
        .done();
    for directory in host.existing("web1").group().present() {
        let freezer = directory.join("freezer.state");
        if freezer.exists() {
            fs::write(freezer, "FROZEN").unwrap();
        }
    }
    fs::write(host.config(), "nonsense").unwrap();
    Some(())
}

#[test]
fn hosts_share_nothing() {
    let one = host!();
    let two = host!();
    assert_ne!(one.directory(), two.directory());
    assert_ne!(one.cgroup_parent(), two.cgroup_parent());
    let first = |host: &Host| {
        let text = fs::read_to_string(host.config()).unwrap();
        text.lines()
            .find(|line| line.starts_with("first = "))
            .unwrap()
            .to_owned()
    };
    assert_ne!(first(&one), first(&two));
}

#[test]
fn the_probe_answers_with_the_kernels_word() {
    let host = host!();
    let ve = host.ve("web1").start();
    assert_eq!(
        ve.probe(["read", "/etc/hostname"]).ok().stdout,
        "web1\nok\n"
    );
    let missing = ve.probe(["read", "/nosuch"]);
    assert_eq!((missing.status, missing.line()), (1, "ENOENT"));
    assert_eq!(ve.probe(["mount", "tmpfs", "/tmp"]).line(), "ok");
    assert_eq!(ve.probe(["mount", "ext4", "/tmp"]).line(), "EPERM");
    assert_eq!(ve.probe(["nosuch"]).status, 2);
}
