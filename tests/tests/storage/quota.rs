//! What a VE may have on disk.

use std::fs;
use std::os::unix::fs::MetadataExt;

use veld_tests::{Disk, Template, host, until};

const GIB: u64 = 1 << 30;
const FILL: &str = "dd if=/dev/zero of=/big bs=1M count=400 2>&1 | head -1; stat -c %s /big";

#[test]
fn a_full_image_harms_nobody_else_and_grows_and_shrinks() {
    let mut host = host!();
    let Some(disk) = Disk::sized("ext4", 2 * GIB) else {
        return;
    };
    host.keep_data_in(&disk.data());
    let full = host
        .ve("web1")
        .with(["--layout", "image", "--disk", "64M"])
        .start();
    let other = host
        .ve("web2")
        .with(["--layout", "image", "--disk", "64M"])
        .start();
    let said = full.sh(FILL).ok().stdout;
    assert!(said.contains("No space left on device"), "{said}");
    let size: u64 = said.lines().last().unwrap().parse().unwrap();
    assert!((20 << 20..64 << 20).contains(&size), "{size}");
    other.sh("echo more >/file && cat /file").ok().says("more");
    let total = full.sh("df -k / | tail -1").ok().stdout;
    let total: u64 = total.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!((40_000..=65_536).contains(&total), "df shows {total}K");
    // What is removed inside is given back outside.
    let image = full.directory().join("private/image");
    let taken = || fs::metadata(&image).unwrap().blocks() * 512;
    let before = taken();
    full.sh("rm /big && sync").ok();
    until("the blocks are given back", || {
        taken() + (20 << 20) < before
    });
    let refused = full.veld("set", ["disk=32M"]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("from 64M to 32M, only while"),
        "{}",
        refused.stderr
    );
    full.stop();
    full.veld("set", ["disk=32M"]).done();
    assert_eq!(fs::metadata(&image).unwrap().len(), 32 << 20);
    full.veld("set", ["disk=128M"]).done();
    assert_eq!(fs::metadata(&image).unwrap().len(), 128 << 20);
    full.start();
    let total = full.sh("df -k / | tail -1").ok().stdout;
    let total: u64 = total.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(total > 90_000, "df shows {total}K");
    full.sh("dd if=/dev/zero of=/big bs=1M count=60 2>/dev/null; sync")
        .ok();
    full.stop();
    let refused = full.veld("set", ["disk=40M"]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("disk: 40M is below the "),
        "{}",
        refused.stderr
    );
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop(host);
}

#[test]
fn an_image_of_xfs_grows_while_its_ve_runs() {
    let mut host = host!();
    let Some(disk) = Disk::sized("xfs", 2 * GIB) else {
        return;
    };
    host.keep_data_in(&disk.data());
    host.configure("[storage]\nlayout = \"image\"\nimage_fs = \"xfs\"\nimage_size = \"320M\"\n");
    let ve = host.ve("web1").start();
    ve.veld("set", ["disk=640M"]).done();
    let total = ve.sh("df -k / | tail -1").ok().stdout;
    let total: u64 = total.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(total > 500_000, "df shows {total}K");
    ve.stop();
    let refused = ve.veld("set", ["disk=320M"]);
    assert!(
        refused.stderr.contains("xfs cannot become smaller"),
        "{}",
        refused.stderr
    );
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop(host);
}

#[test]
fn a_subvolume_is_held_to_its_limit_which_is_live() {
    let mut host = host!();
    let Some(disk) = Disk::sized("btrfs", 2 * GIB) else {
        return;
    };
    host.keep_data_in(&disk.data());
    let full = host
        .ve("web1")
        .with(["--layout", "btrfs", "--disk", "64M"])
        .start();
    let other = host.ve("web2").with(["--layout", "btrfs"]).start();
    let said = full.sh(FILL).ok().stdout;
    assert!(said.contains("uota exceeded"), "{said}");
    other.sh("echo more >/file && cat /file").ok().says("more");
    full.veld("set", ["disk=256M"]).done();
    full.sh("dd if=/dev/zero of=/more bs=1M count=100 2>/dev/null")
        .ok();
    full.sh("sync").ok();
    let refused = full.veld("set", ["disk=32M"]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("disk: 32M is below the "),
        "{}",
        refused.stderr
    );
    full.veld("set", ["disk="]).done();
    full.sh("dd if=/dev/zero of=/more bs=1M count=300 2>/dev/null")
        .ok();
    host.veld(["destroy", "--force", "--all"]).done();
    assert_eq!(host.leaks(), Vec::<String>::new());
    drop(host);
}

#[test]
fn where_nothing_holds_a_ve_the_choices_are_said() {
    let host = host!();
    let template = Template::Busybox.name();
    for (layout, key) in [
        ("overlay", "disk"),
        ("directory", "disk"),
        ("overlay", "inodes"),
    ] {
        let option = format!("--{key}");
        let words = [
            "create", "web1", "-t", &template, "--layout", layout, &option, "20000000",
        ];
        let refused = host.veld(words);
        let text = format!(
            "veld: web1: cannot create: {key} cannot be limited in layout {layout}: its files are \
             among all others of the host's; the layouts image and btrfs can, and this one"
        );
        assert_eq!(refused.status, 1, "{}", refused.stderr);
        assert!(refused.stderr.starts_with(&text), "{}", refused.stderr);
        let last = refused.stderr.trim_end();
        assert!(last.ends_with(" mounted with prjquota"), "{last}");
    }
    let ve = host.ve("web2").create();
    let refused = ve.veld("set", ["disk=1G"]);
    assert_eq!(refused.status, 1);
    assert!(
        refused.stderr.contains("disk cannot be limited"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_image_has_as_many_inodes_as_were_asked_for() {
    let host = host!();
    let options = ["--layout", "image", "--disk", "64M", "--inodes", "2000"];
    let ve = host.ve("web1").with(options).start();
    let inodes = ve.sh("stat -f -c %c /").ok().stdout;
    let inodes: u64 = inodes.trim().parse().unwrap();
    assert!((1500..=2600).contains(&inodes), "{inodes}");
    let script = "mkdir /many; n=0; while [ $n -lt 3000 ] && touch /many/$n 2>/dev/null; do n=$((n+1)); done; echo $n";
    let made = ve.sh(script).ok().stdout;
    let made: u64 = made.trim().parse().unwrap();
    assert!(made < 2600, "{made}");
    let refused = ve.veld("set", ["inodes=5000"]);
    assert!(
        refused
            .stderr
            .contains("inodes of an image are made with it"),
        "{}",
        refused.stderr
    );
}
