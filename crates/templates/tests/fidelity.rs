//! What goes in comes out: trees with everything that a file system can hold,
//! through each format of GNU tar, beside what GNU tar itself makes of them.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by a panic and asks other programs"
)]

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::path::Path;
use std::process::Command;

use common::{Archive, Host, is_root, look};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, XattrFlags};

fn put(path: &Path, data: &[u8]) {
    File::create(path).unwrap().write_all(data).unwrap();
}

fn mode(path: &Path, mode: u32) {
    rustix::fs::chmod(path, Mode::from_raw_mode(mode)).unwrap();
}

fn owner(path: &Path, uid: u32, gid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).unwrap();
}

fn time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn xattr(path: &Path, name: &str, value: &[u8]) {
    rustix::fs::lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
}

/// cap_net_raw=ep, as setcap(8) writes it.
const CAPABILITY: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// A tree of all kinds of things but attributes.
fn plain_tree(root: &Path) {
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    std::fs::create_dir_all(root.join("etc")).unwrap();
    put(
        &root.join("etc/passwd"),
        b"root:x:0:0::/:\nnobody:x:65534:65534::/:\ndaemon:x:1:1::/:\n",
    );
    put(&root.join("etc/group"), b"root:x:0:\ndaemon:x:1:\n");
    put(&root.join("empty"), b"");
    put(&root.join("usr/bin/su"), b"\x7fELF program");
    owner(&root.join("usr/bin/su"), 0, 42);
    mode(&root.join("usr/bin/su"), 0o6755);
    std::fs::hard_link(root.join("usr/bin/su"), root.join("usr/bin/sv")).unwrap();
    let long = "long-".repeat(40);
    std::fs::create_dir(root.join(&long)).unwrap();
    put(&root.join(&long).join(&long), b"far down");
    symlink(root.join(&long).join(&long), root.join("far")).unwrap();
    put(
        &root.join(std::ffi::OsStr::from_bytes(b"odd \n\xff\\ name")),
        b"x",
    );
    symlink("../../etc/passwd", root.join("usr/up")).unwrap();
    symlink("/dev/null", root.join("usr/bin/null")).unwrap();
    owner(&root.join("usr/bin/null"), 7, 8);
    std::fs::hard_link(root.join("usr/bin/null"), root.join("null2")).unwrap();
    run("mkfifo", &[root.join("fifo").to_str().unwrap()]);
    owner(&root.join("fifo"), 65_535, 65_535);
    std::fs::create_dir(root.join("tmp")).unwrap();
    mode(&root.join("tmp"), 0o1777);
    std::fs::create_dir(root.join("closed")).unwrap();
    put(&root.join("closed/file"), b"x");
    mode(&root.join("closed/file"), 0);
    owner(&root.join("closed"), 1000, 1000);
    mode(&root.join("closed"), 0o2500);
    let mut holes = File::create(root.join("holes")).unwrap();
    for at in [1 << 20, 3 << 20, 5 << 20] {
        holes.seek(SeekFrom::Start(at)).unwrap();
        holes.write_all(&[b'd'; 70_000]).unwrap();
    }
    holes.set_len(9 << 20).unwrap();
    let many = File::create(root.join("many-holes")).unwrap();
    (0..60).for_each(|n| many.write_all_at(b"island", n * 65_536).unwrap());
    File::create(root.join("all-hole"))
        .unwrap()
        .set_len(1 << 22)
        .unwrap();
}

/// Times last, since everything else changes them; whole seconds where the format
/// has no more.
fn set_times(root: &Path, nanoseconds: i64) {
    for (number, name) in (0..).zip(look(root).into_keys()) {
        // Escaped names stand for one odd file, whose time then stays as it is.
        let path = root.join(&name);
        if path.symlink_metadata().is_ok() {
            time(&path, 1_500_000_000 + number, nanoseconds);
        }
    }
    time(&root.join("empty"), -86_400, nanoseconds);
    let odd = root.join(std::ffi::OsStr::from_bytes(b"odd \n\xff\\ name"));
    time(&odd, 1_400_000_000, nanoseconds);
}

fn attributes(root: &Path) {
    xattr(&root.join("usr/bin/su"), "security.capability", &CAPABILITY);
    xattr(&root.join("holes"), "user.lines", b"one\ntwo\n\0=%");
    xattr(&root.join("holes"), "user.a=b%c", b"");
    xattr(&root.join("usr"), "user.directory", b"yes");
}

fn lists(root: &Path) {
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    run(
        "setfacl",
        &["-m", "u:nobody:rw,u:1:r,g:daemon:rx,m::rwx", &at("holes")],
    );
    run("setfacl", &["-m", "u:12345:r", &at("fifo")]);
    run(
        "setfacl",
        &["-m", "u:nobody:rwx,d:u:nobody:r,d:g:77:rx", &at("usr")],
    );
    run("setfacl", &["-d", "-m", "u:daemon:rwx", &at("tmp")]);
}

/// What is in a tree, but for device nodes and sockets.
fn without_devices(root: &Path) -> BTreeMap<String, String> {
    let mut found = look(root);
    let device = |text: &str| {
        let mode = text.split(' ').nth(1).unwrap_or_default();
        let kind = u32::from_str_radix(mode, 8).unwrap() >> 12;
        [0o2, 0o6, 0o14].contains(&kind)
    };
    found.retain(|_, text| !device(text));
    found
}

#[track_caller]
fn assert_same(ours: &Path, theirs: &Path, what: &str) {
    let (ours, theirs) = (without_devices(ours), without_devices(theirs));
    for (name, text) in &theirs {
        assert_eq!(ours.get(name), Some(text), "{what}: {name}");
    }
    assert_eq!(ours.len(), theirs.len(), "{what}");
}

/// Packs the tree with GNU tar, unpacks it with GNU tar and with ours.
fn round_trip(root: &Path, host: &Host, number: usize, pack: &[&str], unpack: &[&str]) {
    let archive = host.scratch().join(format!("{number}.tar"));
    let theirs = host.scratch().join(format!("theirs-{number}"));
    std::fs::create_dir(&theirs).unwrap();
    let (file, root) = (archive.to_str().unwrap(), root.to_str().unwrap());
    let common = ["--numeric-owner", "-f", file, "-C"];
    let create = [&["-c"], pack, &common, &[root, "."]].concat();
    run("tar", &create);
    let same = ["-x", "-p", "--same-owner"];
    let extract = [&same, unpack, &common, &[theirs.to_str().unwrap()]].concat();
    run("tar", &extract);
    let name = format!("t{number}");
    let made = host.import_path(&archive, &name).unwrap();
    assert_same(&host.root(&name), &theirs, &format!("{pack:?}"));
    assert!(made.size > 0 && made.entries > 20);
}

#[test]
fn gnu_tar_and_ours_make_the_same_of_every_format() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let root = host.scratch().join("tree");
    std::fs::create_dir(&root).unwrap();
    plain_tree(&root);
    set_times(&root, 0);
    round_trip(&root, &host, 0, &["--format=gnu", "--sparse"], &[]);
    round_trip(&root, &host, 1, &["--format=gnu"], &[]);
    set_times(&root, 123_456_789);
    attributes(&root);
    lists(&root);
    set_times(&root, 987_654_321);
    let all = ["--xattrs", "--xattrs-include=*", "--acls"];
    let pack = |extra: &[&'static str]| [&["--format=pax"], &all[..], extra].concat();
    for (number, extra) in [
        &["--sparse", "--sparse-version=0.0"][..],
        &["--sparse", "--sparse-version=0.1"],
        &["--sparse", "--sparse-version=1.0"],
        &[],
    ]
    .into_iter()
    .enumerate()
    {
        round_trip(&root, &host, number + 2, &pack(extra), &all);
    }
    // Attributes without lists, lists without attributes.
    round_trip(&root, &host, 6, &["--format=pax", "--acls"], &["--acls"]);
    let xattrs = &all[..2];
    let pack = [&["--format=pax"], xattrs].concat();
    round_trip(&root, &host, 7, &pack, xattrs);
}

#[test]
fn an_archive_of_a_template_is_the_tree_that_went_in() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let root = host.scratch().join("tree");
    std::fs::create_dir(&root).unwrap();
    plain_tree(&root);
    attributes(&root);
    lists(&root);
    set_times(&root, 111_222_333);
    let made = host.import_path(&root, "copied").unwrap();
    assert_same(&host.root("copied"), &root, "directory");
    assert_eq!((made.digest, made.skipped_devices), (None, 0));
}

#[test]
fn device_nodes_and_sockets_are_left_out_and_counted() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let root = host.scratch().join("tree");
    std::fs::create_dir_all(root.join("dev")).unwrap();
    let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
    run("mknod", &[&at("dev/null"), "c", "1", "3"]);
    run("mknod", &[&at("dev/loop"), "b", "7", "0"]);
    let _socket = std::os::unix::net::UnixListener::bind(root.join("dev/log")).unwrap();
    put(&root.join("dev/file"), b"");
    let made = host.import_path(&root, "copied").unwrap();
    assert_eq!(made.skipped_devices, 3);
    let archive = host.scratch().join("a.tar");
    run(
        "tar",
        &["-cf", archive.to_str().unwrap(), "-C", &at(""), "."],
    );
    let made = host.import_path(&archive, "unpacked").unwrap();
    assert_eq!(made.skipped_devices, 2);
    for name in ["copied", "unpacked"] {
        let names = look(&host.root(name));
        assert_eq!(names.keys().collect::<Vec<_>>(), ["", "dev", "dev/file"]);
    }
}

#[test]
fn attributes_of_a_host_stay_outside() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let archive = Archive::new()
        .pax(&[
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            ("SCHILY.xattr.security.selinux", b"system_u:object_r:x"),
            ("SCHILY.xattr.user.kept", b"1"),
        ])
        .directory("d");
    let made = host.import(&archive.end(), "one").unwrap();
    assert_eq!(made.skipped_xattrs, 2);
    let text = &look(&host.root("one"))["d"];
    assert!(text.ends_with(" user.kept=1"), "{text}");
    assert!(!text.contains("trusted"), "{text}");
}

#[test]
fn later_entries_replace_earlier_ones() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let archive = Archive::new()
        .directory("d")
        .file("d/kept", b"kept")
        .file("f", b"first, and longer")
        .file("f", b"second")
        .with(b'5', b"d", b"", b"", |h| h.set_mode(0o700))
        .symlink("l", "/etc/passwd")
        .file("l", b"a file now")
        .file("x", b"x")
        .symlink("x", "target")
        .directory("e")
        .file("e", b"was an empty directory")
        .file("y", b"")
        .directory("y")
        .file("y/in", b"")
        .file("h", b"one")
        .hard_link("h2", "h")
        .file("h", b"two")
        .hard_link("h2", "h2");
    host.import(&archive.end(), "one").unwrap();
    let root = host.root("one");
    let text = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    assert_eq!(text("f"), "second");
    assert_eq!(text("d/kept"), "kept");
    assert_eq!(text("l"), "a file now");
    assert_eq!(text("e"), "was an empty directory");
    assert_eq!(
        (text("h"), text("h2")),
        ("two".to_owned(), "one".to_owned())
    );
    assert_eq!(root.join("x").read_link().unwrap(), Path::new("target"));
    assert!(root.join("y/in").is_file());
    let found = look(&root);
    assert!(found["d"].starts_with("mode 40700 "));
    assert!(found["f"].contains("mtime 1000000.000000000"));
}

#[test]
fn names_in_lists_are_those_of_the_template() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let list = b"user::rw-\nuser:nobody:rw-\ngroup::r--\nmask::rw-\nother::r--\n";
    let with = |passwd: &[u8]| {
        Archive::new()
            .pax(&[("SCHILY.acl.access", list)])
            .file("f", b"")
            .pax(&[("SCHILY.acl.default", list)])
            .directory("d")
            .entry(b'0', b"etc/passwd", b"", passwd)
            .end()
    };
    host.import(&with(b"nobody:x:99:99::/:\n"), "one").unwrap();
    let found = look(&host.root("one"));
    // Tag 2, permissions 6, id 99: not the number that the host has for the name.
    let row = r"\x02\x00\x06\x00c\x00\x00\x00";
    assert!(found["f"].contains(row), "{}", found["f"]);
    assert!(found["d"].contains(row), "{}", found["d"]);
    host.store().remove("one", || Ok(Vec::new())).unwrap();
    assert_eq!(
        host.refused(&with(b"")),
        "entry d has an access control list for the unknown user nobody"
    );
}

#[test]
fn directories_that_have_no_entry_are_made_as_tar_does() {
    if !is_root() {
        return;
    }
    let host = Host::new();
    let archive = Archive::new().file("./a/b//c", b"").end();
    let made = host.import(&archive, "one").unwrap();
    assert_eq!(made.entries, 3);
    let found = look(&host.root("one"));
    for name in ["", "a", "a/b"] {
        assert!(found[name].starts_with("mode 40755 owner 0:0 "), "{name}");
    }
}

#[test]
fn a_manifest_tells_what_the_tree_is() {
    let host = Host::new();
    let archive = Archive::new()
        .symlink("sbin", "usr/sbin")
        .entry(b'2', b"usr/sbin/init", b"/usr/lib/systemd/systemd", b"")
        .file(
            "usr/lib/systemd/systemd",
            &std::fs::read("/proc/self/exe").unwrap()[..64],
        )
        .file("usr/lib/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .symlink("etc/os-release", "../usr/lib/os-release");
    let made = host.import(&archive.end(), "one").unwrap();
    let machine = rustix::system::uname();
    assert_eq!(
        made.architecture.as_deref(),
        machine.machine().to_str().ok()
    );
    assert_eq!(made.init.to_string(), "systemd");
    assert_eq!(
        (made.os.id.as_str(), made.os.version_id.as_str()),
        ("debian", "12")
    );
    let stored = host.store().get("one").unwrap();
    assert_eq!(*stored.manifest(), made);
}
