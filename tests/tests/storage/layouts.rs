//! Every layout on every file system that it can be had on.

use std::fs;
use std::os::unix::fs::MetadataExt;

use veld_tests::{Disk, Template, host};

const GIB: u64 = 1 << 30;

/// What is asked inside: ids, set-user-id bits, capabilities of files, and links.
const SCRIPT: &str = "set -e
    id -u
    touch /root/mine && chown 1000:1000 /root/mine
    cp /bin/busybox /bin/held && chmod 4755 /bin/held
    ln /root/mine /root/other
    mkdir /root/dir && echo inside >/root/dir/file
    stat -c '%u:%g %h' /root/mine
    stat -c '%a' /bin/held";

fn holds(kind: &str, layout: &str) {
    let mut host = host!();
    let Some(disk) = Disk::sized(kind, 2 * GIB) else {
        return;
    };
    host.keep_data_in(&disk.data());
    host.configure("[storage]\nimage_size = \"64M\"\n");
    let ve = host.ve("web1").with(["--layout", layout]).create();
    ve.start();
    let said = ve.sh(SCRIPT).ok();
    assert_eq!(said.stdout, "0\n1000:1000 2\n4755\n");
    // Another of the same template has none of it.
    let other = host.ve("web2").with(["--layout", layout]).start();
    assert_eq!(other.sh("ls /root").ok().stdout, "");
    let kept = match layout {
        "overlay" => Some("private/upper/root/mine"),
        "image" => None,
        _ => Some("private/root/root/mine"),
    };
    if let Some(kept) = kept {
        let about = fs::metadata(ve.directory().join(kept)).unwrap();
        assert_eq!((about.uid(), about.gid()), (1000, 1000), "shifted on disk");
    }
    ve.stop();
    ve.start();
    assert_eq!(ve.sh("cat /root/dir/file").ok().stdout, "inside\n");
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    let template = Template::Busybox.root();
    assert!(
        !template.join("root/mine").exists(),
        "the template was written"
    );
    drop(host);
}

#[test]
fn overlay_on_ext4() {
    holds("ext4", "overlay");
}

#[test]
fn overlay_on_btrfs() {
    holds("btrfs", "overlay");
}

#[test]
fn overlay_on_xfs() {
    holds("xfs", "overlay");
}

#[test]
fn btrfs_on_btrfs() {
    holds("btrfs", "btrfs");
}

#[test]
fn image_on_ext4() {
    holds("ext4", "image");
}

#[test]
fn image_on_btrfs() {
    holds("btrfs", "image");
}

#[test]
fn image_on_xfs() {
    holds("xfs", "image");
}

#[test]
fn directory_on_ext4() {
    holds("ext4", "directory");
}

#[test]
fn directory_on_btrfs() {
    holds("btrfs", "directory");
}

#[test]
fn directory_on_xfs() {
    holds("xfs", "directory");
}

#[test]
fn a_layout_that_cannot_be_had_is_refused_with_the_reason() {
    let mut host = host!();
    let Some(disk) = Disk::new("ext4") else {
        return;
    };
    host.keep_data_in(&disk.data());
    let template = Template::Busybox.name();
    let refused = host.veld(["create", "web1", "-t", &template, "--layout", "btrfs"]);
    let text = format!(
        "veld: web1: cannot create: layout btrfs is refused: {} is on ext4, not btrfs\n",
        disk.data().display()
    );
    refused.fails(1, &text);
    host.configure("[storage]\nlayout = \"btrfs\"\n");
    host.veld(["create", "web1", "-t", &template])
        .fails(1, &text);
    host.configure("");
    let storage = host.veld(["storage"]).ok().stdout;
    assert!(storage.contains(" on ext4\n"), "{storage}");
    assert!(storage.contains("refused: "), "{storage}");
    let json = host.veld(["storage", "--json"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["layouts"][1]["usable"], false, "{json}");
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop(host);
}

#[test]
fn nested_subvolumes_go_with_their_ve() {
    let mut host = host!();
    let Some(disk) = Disk::new("btrfs") else {
        return;
    };
    host.keep_data_in(&disk.data());
    let ve = host.ve("web1").with(["--layout", "btrfs"]).create();
    let root = ve.directory().join("private/root");
    let nested = root.join("srv/nested");
    fs::create_dir_all(root.join("srv")).unwrap();
    let btrfs = |words: &[&str]| veld_tests::Cmd::program("btrfs", words).run().done();
    btrfs(&["-q", "subvolume", "create", nested.to_str().unwrap()]);
    fs::write(nested.join("file"), "inside").unwrap();
    let copy = root.join("srv/copy");
    let words = [nested.to_str().unwrap(), copy.to_str().unwrap()];
    btrfs(&["-q", "subvolume", "snapshot", "-r", words[0], words[1]]);
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop(host);
}
