//! What `veld cp` makes of its words.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use veld_tests::{Cmd, Host, Template, host};

use crate::{cp, says, scratch, skipped, text};

/// A tree with one of everything that a copy keeps.
fn tree(above: &Path) -> std::path::PathBuf {
    let tree = above.join("tree");
    fs::create_dir_all(tree.join("deep/er")).unwrap();
    fs::write(tree.join("deep/er/file"), "content\n").unwrap();
    fs::write(tree.join("exec"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(tree.join("exec"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::hard_link(tree.join("exec"), tree.join("deep/same")).unwrap();
    symlink("../nowhere", tree.join("link")).unwrap();
    let sparse = fs::File::create(tree.join("sparse")).unwrap();
    sparse.set_len(8 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"x", 4 << 20).unwrap();
    std::os::unix::fs::chown(tree.join("deep"), Some(33), Some(44)).unwrap();
    Cmd::program("mkfifo", [text(&tree.join("fifo"))])
        .run()
        .done();
    Cmd::program(
        "touch",
        ["-d", "2001-02-03 04:05:06.789", text(&tree.join("deep/er"))],
    )
    .run()
    .done();
    tree
}

/// What tar tells of a tree: kinds, modes, owners, sizes, times, links.
fn listing(tree: &Path) -> String {
    let script = format!(
        "tar -C '{}' --sort=name -cf - . | tar --full-time --numeric-owner -tvf -",
        text(tree)
    );
    Cmd::program("sh", ["-c", &script]).run().ok().stdout
}

fn both(test: impl Fn(&Host, &str)) {
    let Ok(host) = Host::new(&[Template::Busybox]) else {
        skipped("no VE can be made here");
        return;
    };
    let ve = host.ve("web1").with(["--network", "none"]).create();
    test(&host, "stopped");
    fs::remove_dir_all(host.directory().join("scratch")).unwrap();
    ve.start();
    test(&host, "running");
    ve.stop();
}

#[test]
fn a_tree_goes_in_and_comes_out_as_it_was() {
    both(|host, name| {
        let scratch = scratch(host);
        let tree = tree(&scratch);
        let before = listing(&tree);
        let there = format!("web1:/root/{name}");
        cp(host, ["-a", text(&tree), &there]).done();
        let back = scratch.join("back");
        cp(host, ["-a", &there, text(&back)]).done();
        assert_eq!(listing(&back), before);
        let blocks = fs::metadata(back.join("sparse")).unwrap().blocks();
        assert!(blocks * 512 < 1 << 20, "{blocks}");
        // As cp has it.
        let peer = scratch.join("peer");
        Cmd::program("cp", ["-a", text(&tree), text(&peer)])
            .run()
            .done();
        assert_eq!(listing(&peer), listing(&back));
        cp(host, ["-a", text(&tree), &format!("{there}/")]).done();
        says(host, &format!("{there}/tree/deep/er/file"), "content\n");
    });
}

#[test]
fn the_running_ve_has_it_at_once() {
    let host = host!();
    let scratch = scratch(&host);
    let ve = host.ve("web1").with(["--network", "none"]).start();
    fs::write(scratch.join("file"), "new\n").unwrap();
    fs::set_permissions(scratch.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
    cp(&host, [text(&scratch.join("file")), "web1:/etc/file"]).done();
    assert_eq!(ve.exec(["cat", "/etc/file"]).ok().line(), "new");
    let stat = ve.exec(["stat", "-c", "%u:%g %a", "/etc/file"]).ok();
    assert_eq!(stat.line(), "0:0 640");
    // What is mounted inside is what is met.
    ve.sh("mkdir /mine && mount -t tmpfs own /mine && echo inner >/mine/file")
        .done();
    says(&host, "web1:/mine/file", "inner\n");
    cp(&host, [text(&scratch.join("file")), "web1:/mine/"]).done();
    assert_eq!(ve.exec(["cat", "/mine/file"]).ok().line(), "new");
    ve.stop();
    says(&host, "web1:/etc/file", "new\n");
    host.nothing_remains();
}

#[test]
fn standard_streams_are_one_file() {
    let host = host!();
    let ve = host.ve("web1").with(["--network", "none"]).start();
    let words = ["cp", "--mode", "600", "--uid", "7", "-", "web1:/root/in"];
    host.cmd(words).input("from a pipe").run().done();
    let stat = ve.exec(["stat", "-c", "%u:%g %a %s", "/root/in"]).ok();
    assert_eq!(stat.line(), "7:0 600 11");
    says(&host, "web1:/root/in", "from a pipe");
    let refused = cp(&host, ["web1:/root", "-"]);
    assert_eq!(
        refused.stderr,
        "veld: web1: cannot cp: cannot read web1:/root: Invalid argument (os error 22)\n"
    );
    let refused = host.cmd(["cp", "-", "web1:/root"]).input("x").run();
    assert_eq!(
        refused.stderr,
        "veld: web1: cannot cp: cannot write web1:/root: Is a directory (os error 21)\n"
    );
}

#[test]
fn from_one_ve_to_another() {
    let host = host!();
    let one = host.ve("one").with(["--network", "none"]).start();
    let two = host.ve("two").with(["--network", "none"]).create();
    one.sh("mkdir -p /srv/d && echo hello >/srv/d/file && chown 1000:100 /srv/d/file")
        .done();
    cp(&host, ["one:/srv/d", "two:/srv2"]).done();
    two.start();
    assert_eq!(two.exec(["cat", "/srv2/file"]).ok().line(), "hello");
    let stat = two.exec(["stat", "-c", "%u:%g", "/srv2/file"]).ok();
    assert_eq!(stat.line(), "1000:100");
    cp(&host, ["two:/srv2/file", "one:/back"]).done();
    let stat = one.exec(["stat", "-c", "%u:%g", "/back"]).ok();
    assert_eq!(stat.line(), "1000:100");
    cp(&host, ["one:/back", "one:/again"]).done();
    assert_eq!(one.exec(["cat", "/again"]).ok().line(), "hello");
    one.stop();
    cp(&host, ["one:/again", "one:/more"]).done();
    says(&host, "one:/more", "hello\n");
}

#[test]
fn words_that_make_no_sense_are_refused() {
    let host = host!();
    host.ve("web1").with(["--network", "none"]).create();
    for (words, line) in [
        (vec!["/a", "/b"], "cp: one side is in a VE, as VE:PATH"),
        (
            vec!["/a", "web1:/b", "web1:/c"],
            "cp: all that is copied is on the host or in one VE",
        ),
        (
            vec!["-", "-", "web1:/c"],
            "cp: a standard stream is one file",
        ),
        (
            vec!["web1:/a", "web1:/b", "-"],
            "cp: a standard stream is one file",
        ),
    ] {
        let refused = cp(&host, &words);
        assert_eq!(refused.stderr, format!("veld: {line}\n"));
        assert_eq!(refused.status, 2);
    }
    for (words, line) in [
        (["none:/a", "/b"], "none: no such VE"),
        (
            ["web1:/none", "/tmp/x"],
            "web1: cannot cp: cannot open web1:/none: No such file or directory (os error 2)",
        ),
        (
            ["/none", "web1:/x"],
            "web1: cannot cp: cannot open /none: No such file or directory (os error 2)",
        ),
        (
            ["/etc/passwd", "web1:/none/x"],
            "web1: cannot cp: cannot copy to web1:/none/x: No such file or directory (os error 2)",
        ),
        (
            ["/etc/passwd", "web1:/etc/passwd/"],
            "web1: cannot cp: cannot copy to web1:/etc/passwd/: Not a directory (os error 20)",
        ),
    ] {
        let refused = cp(&host, words);
        assert_eq!(refused.stderr, format!("veld: {line}\n"));
        assert_eq!(refused.status, 1);
    }
}
