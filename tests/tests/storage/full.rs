//! A disk that is full: what needs room says so, leaves nothing and harms nothing.

use std::fs;
use std::path::Path;

use veld_tests::{Disk, Host, Output, Template, Ve, host, until};

const MIB: u64 = 1 << 20;
/// What a VE has of its own, and what is left when the disk is full: less than that.
const MINE: u64 = 24 * MIB;
const LEFT: u64 = 8 * MIB;

/// A VE in a layout, on a disk that takes no second one of its size.
fn full(host: &mut Host, disk: &Disk, layout: &str) {
    host.keep_data_in(&disk.data());
    let templates = disk.root().join("templates");
    host.keep_templates_in(&templates, Template::Busybox);
    let ve = host
        .ve("web1")
        .with(["--layout", layout, "--network", "none"])
        .create();
    ve.start();
    let mine = format!("head -c {MINE} /dev/urandom >/mine; md5sum </mine >/sum; sync");
    ve.sh(&mine).done();
    ve.stop();
}

/// Leaves so many bytes of the disk.
fn fill(disk: &Disk, left: u64) {
    let about = rustix::fs::statvfs(disk.root()).unwrap();
    let free = about.f_bavail * about.f_frsize;
    let filler = fs::File::create(disk.root().join("filler")).unwrap();
    rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, free - left).unwrap();
}

fn free(disk: &Disk) {
    fs::remove_file(disk.root().join("filler")).unwrap();
}

fn is_refused(said: &Output, what: &str) {
    assert_eq!(said.status, 1, "{}", said.stdout);
    let ends = "No space left on device (os error 28)\n";
    assert!(said.stderr.contains(what), "{}", said.stderr);
    assert!(said.stderr.ends_with(ends), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with("lock"))
        .collect();
    names.sort();
    names
}

/// All that was there is, and nothing else.
fn is_as_before(host: &Host, ve: &Ve<'_>, snapshots: usize) {
    assert_eq!(names(&host.data().join("ve")), ["web1"]);
    let dir = ve.directory();
    assert!(!dir.join("private.next").exists());
    let kept = names(&dir.join("snapshots"));
    let kept = kept.iter().filter(|name| !name.starts_with(".current"));
    assert_eq!(kept.count(), snapshots);
    until("the trash is empty", || {
        names(&host.data().join("trash")).is_empty()
    });
}

fn is_whole(ve: &Ve<'_>) {
    if ve.status() == "stopped" {
        ve.start();
    }
    ve.sh("md5sum </mine | cmp - /sum").ok();
    ve.stop();
}

/// Each that copies the VE, which is stopped.
fn copies(host: &Host, disk: &Disk, ve: &Ve<'_>, words: &[&[&str]]) {
    fill(disk, LEFT);
    for words in words {
        let said = host.veld(*words);
        is_refused(&said, "cannot ");
        is_as_before(host, ve, 0);
    }
    free(disk);
    is_whole(ve);
}

#[test]
fn a_full_disk_leaves_an_overlay_and_its_snapshots_whole() {
    let mut host = host!();
    let Some(disk) = Disk::sized("ext4", 128 * MIB) else {
        return;
    };
    full(&mut host, &disk, "overlay");
    let ve = host.existing("web1");
    let words: [&[&str]; 3] = [
        &["clone", "web1", "web2", "--full"],
        &["convert", "web1", "--layout", "directory"],
        &["template", "from", "web1", "--name", "gold"],
    ];
    copies(&host, &disk, &ve, &words);
    assert_eq!(names(&host.data().join("layers")), [""; 0]);
    assert_eq!(
        names(&disk.root().join("templates")),
        [Template::Busybox.name()]
    );
    ve.start();
    fill(&disk, LEFT);
    for words in [
        &["snapshot", "create", "web1", "one"][..],
        &["clone", "web1", "web2"],
    ] {
        is_refused(&host.veld(words), "cannot ");
        is_as_before(&host, &ve, 0);
        assert_eq!(ve.status(), "up");
        ve.sh("true").ok();
    }
    assert_eq!(names(&host.data().join("layers")), [""; 0]);
    free(&disk);
    is_whole(&ve);
    // What copies nothing has room.
    fill(&disk, MIB);
    host.veld(["snapshot", "create", "web1", "one"]).ok();
    host.veld(["clone", "web1", "web2"]).ok();
    host.veld(["snapshot", "restore", "web1", "one"]).ok();
    host.veld(["destroy", "web2"]).done();
    free(&disk);
    is_whole(&ve);
    ve.destroy();
    until("the trash is empty", || host.leaks().is_empty());
    drop(host);
}

#[test]
fn a_full_disk_leaves_a_directory_and_its_snapshots_whole() {
    let mut host = host!();
    let Some(disk) = Disk::sized("ext4", 192 * MIB) else {
        return;
    };
    full(&mut host, &disk, "directory");
    let ve = host.existing("web1");
    let words: [&[&str]; 3] = [
        &["snapshot", "create", "web1", "one"],
        &["clone", "web1", "web2"],
        &["convert", "web1", "--layout", "overlay"],
    ];
    copies(&host, &disk, &ve, &words);
    host.veld(["snapshot", "create", "web1", "one"]).ok();
    fill(&disk, LEFT);
    let said = host.veld(["snapshot", "restore", "web1", "one"]);
    is_refused(&said, "cannot restore");
    is_as_before(&host, &ve, 1);
    free(&disk);
    is_whole(&ve);
    ve.destroy();
    until("the trash is empty", || host.leaks().is_empty());
    drop(host);
}

#[test]
fn a_rename_without_any_room_keeps_the_name() {
    let mut host = host!();
    let Some(disk) = Disk::sized("ext4", 128 * MIB) else {
        return;
    };
    full(&mut host, &disk, "overlay");
    let ve = host.existing("web1");
    fill(&disk, 0);
    let rest = fs::File::create(disk.root().join("rest")).unwrap();
    // The blocks that are root's alone, which veld may take.
    let mut taken = 0;
    while rustix::fs::fallocate(&rest, rustix::fs::FallocateFlags::empty(), taken, 4096).is_ok() {
        taken += 4096;
    }
    let said = host.veld(["rename", "web1", "www"]);
    is_refused(&said, "cannot rename");
    is_as_before(&host, &ve, 0);
    drop(rest);
    fs::remove_file(disk.root().join("rest")).unwrap();
    free(&disk);
    is_whole(&ve);
    host.veld(["rename", "web1", "www"]).ok();
    is_whole(&host.existing("www"));
    host.existing("www").destroy();
    until("the trash is empty", || host.leaks().is_empty());
    drop(host);
}
