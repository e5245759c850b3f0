//! Several VEs with one volume.

use std::fs;
use std::os::unix::fs::MetadataExt;

use veld_tests::{Host, Ve, host};

use crate::{ends, loops, on_disk, set};

const SHARED: &str = "shared\nmore\n";

fn makes(host: &Host, layout: &str) {
    let mut words = vec!["volume", "create", "data", "--layout", layout];
    let mut said = format!("volume data: created in layout {layout}");
    if layout != "directory" {
        words.extend(["--size", "320M"]);
        said.push_str(", 320M");
    }
    host.veld(words).says(&said);
}

/// `kind` is the file system of the data, `image_fs` that of images.
fn shares(kind: &str, layout: &str, image_fs: &str) {
    let mut host = host!();
    let Some(disk) = on_disk(&mut host, kind) else {
        return;
    };
    host.configure(&format!("[storage]\nimage_fs = \"{image_fs}\"\n"));
    makes(&host, layout);
    let new = |name: &str, mount: &str| {
        let ve = host.ve(name).with(["--network", "none"]);
        ve.with(["--mount", mount]).start()
    };
    // At its start, and while it runs.
    let one = new("one", "volume:data:/srv/data");
    let two = host.ve("two").with(["--network", "none"]).start();
    set(&two, "mount+=volume:data:/data");
    let three = new("three", "volume:data:/look:ro");
    all_see_the_same(&one, &two, &three);
    is_told(&host, layout, &two);
    // One that goes takes nothing from the others.
    set(&two, "mount-=/data");
    assert_eq!(two.exec(["ls", "/data"]).ok().stdout, "");
    one.stop();
    three.stop();
    set(&two, "mount+=volume:data:/again");
    let again = ["cat", "/again/of/file"];
    assert_eq!(two.exec(again).ok().stdout, SHARED);
    one.start();
    has_it(&one, "/srv/data/of/file");
    one.veld("destroy", ["--force"]).done();
    assert_eq!(two.exec(again).ok().stdout, SHARED);
    ends(&host, &["data"]);
    drop(host);
    drop(disk);
}

fn all_see_the_same(one: &Ve<'_>, two: &Ve<'_>, three: &Ve<'_>) {
    let root = one.exec(["stat", "-c", "%u:%g %a", "/srv/data"]).ok();
    assert_eq!(root.line(), "0:0 755");
    one.sh("mkdir /srv/data/of && chown 1000:1000 /srv/data/of")
        .done();
    let user = ["--user", "1000"];
    one.exec_with(user, ["sh", "-c", "echo shared >/srv/data/of/file"])
        .done();
    has_it(two, "/data/of/file");
    has_it(three, "/look/of/file");
    two.exec_with(user, ["sh", "-c", "echo more >>/data/of/file"])
        .done();
    let seen = three.exec(["cat", "/look/of/file"]).ok();
    assert_eq!(seen.stdout, SHARED);
    let refused = three.sh("echo no >>/look/of/file").stderr;
    assert!(refused.contains("Read-only file system"), "{refused}");
    let refused = three.sh("mount -o remount,rw /look");
    assert_ne!(refused.status, 0, "it is writable");
}

/// Ids on disk are the VEs' own, an image has one loop device, and who uses it is told.
fn is_told(host: &Host, layout: &str, two: &Ve<'_>) {
    let devices = loops(host);
    if layout == "image" {
        assert_eq!(devices.len(), 1, "{devices:?}");
    } else {
        assert_eq!(devices, Vec::<String>::new());
        let directory = host.data().join("volumes/data/root/of");
        let about = fs::metadata(directory).unwrap();
        assert_eq!((about.uid(), about.gid()), (1000, 1000), "shifted on disk");
    }
    let mounts = serde_json::json!(["volume:data:/data"]);
    assert_eq!(two.show()["mounts"], mounts);
    let shown = host.veld(["volume", "show", "data", "--json"]).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["used_by"], serde_json::json!(["one", "three", "two"]));
    assert_eq!(shown["layout"], layout);
}

fn has_it(ve: &Ve<'_>, path: &str) {
    let owner = ve.exec(["stat", "-c", "%u", path]).ok();
    assert_eq!(owner.line(), "1000");
    assert!(ve.exec(["cat", path]).ok().stdout.starts_with("shared\n"));
}

#[test]
fn an_image_on_ext4_is_shared() {
    shares("ext4", "image", "ext4");
}

#[test]
fn an_image_with_xfs_on_xfs_is_shared() {
    shares("xfs", "image", "xfs");
}

#[test]
fn an_image_on_btrfs_is_shared() {
    shares("btrfs", "image", "ext4");
}

#[test]
fn a_subvolume_is_shared() {
    shares("btrfs", "btrfs", "ext4");
}

#[test]
fn a_directory_on_ext4_is_shared() {
    shares("ext4", "directory", "ext4");
}

#[test]
fn a_directory_on_xfs_is_shared() {
    shares("xfs", "directory", "ext4");
}

#[test]
fn ves_that_start_and_end_at_once_share_one_image() {
    let host = host!();
    host.veld([
        "volume", "create", "data", "--layout", "image", "--size", "64M",
    ])
    .ok();
    let names = ["a", "b", "c", "d"];
    for name in names {
        let ve = host.ve(name).with(["--network", "none"]);
        ve.with(["--mount", "volume:data:/data"]).create();
    }
    for round in 0..3 {
        host.veld(["start", "--all"]).ok();
        assert_eq!(loops(&host).len(), 1);
        for name in names {
            let script = format!("echo {round} >/data/{name}");
            host.existing(name).sh(&script).done();
        }
        let all = host.existing("d").sh("cat /data/a /data/b /data/c /data/d");
        assert_eq!(all.ok().stdout, format!("{round}\n").repeat(4));
        // The last lets go of the device, while the first wants it again.
        host.veld(["stop", "--force", "--all"]).ok();
    }
    ends(&host, &["data"]);
}
