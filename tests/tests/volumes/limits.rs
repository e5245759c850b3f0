//! What a volume may hold.

use veld_tests::{Host, Ve, host};

use crate::{ends, on_disk, set};

const FILL: &str =
    "dd if=/dev/zero of=/data/big bs=1M count=600 2>&1 | head -1; sync; stat -c %s /data/big";

/// KiB that `df` shows of it inside.
fn total(ve: &Ve<'_>) -> u64 {
    let said = ve.sh("df -k /data | tail -1").ok().stdout;
    said.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn size(host: &Host) -> u64 {
    let shown = host.veld(["volume", "list", "--json"]).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    shown[0]["size_bytes"].as_u64().unwrap()
}

#[test]
fn a_full_image_says_so_inside_and_harms_nobody_else() {
    let mut host = host!();
    let Some(disk) = on_disk(&mut host, "ext4") else {
        return;
    };
    // What can hold it to a size here.
    host.veld(["volume", "create", "data", "--size", "64M"])
        .says("volume data: created in layout image, 64M");
    host.veld(["volume", "create", "other", "--size", "64M"])
        .ok();
    let one = host.ve("one").with(["--network", "none"]).start();
    let two = host.ve("two").with(["--network", "none"]).start();
    for ve in [&one, &two] {
        set(ve, "mount+=volume:data:/data");
        set(ve, "mount+=volume:other:/other");
    }
    assert!((40_000..=65_536).contains(&total(&one)), "{}", total(&one));
    let said = one.sh(FILL).ok().stdout;
    assert!(said.contains("No space left on device"), "{said}");
    let refused = two.sh("dd if=/dev/zero of=/data/more bs=1M count=2");
    assert!(
        refused.stderr.contains("No space left on device"),
        "{}",
        refused.stderr
    );
    two.sh("echo more >/other/file && echo more >/file").done();
    // Smaller only when nobody has it; larger where the kernel lets it.
    let used = host.veld(["volume", "resize", "data", "32M"]);
    assert!(
        used.stderr
            .contains("volume data: cannot resize: 32M is below the "),
        "{}",
        used.stderr
    );
    one.sh("rm /data/big; sync").done();
    one.sh("fstrim /data; sync");
    let busy = host.veld(["volume", "resize", "data", "32M"]);
    assert_ne!(busy.status, 0);
    grows_if_the_kernel_lets_it(&host, &two);
    one.stop();
    two.stop();
    for (size, least, most) in [("128M", 100_000, 131_072), ("32M", 10_000, 32_768)] {
        host.veld(["volume", "resize", "data", size])
            .says(&format!("volume data: resized to {size}"));
        one.start();
        let total = total(&one);
        assert!((least..=most).contains(&total), "{size}: {total}K");
        one.stop();
    }
    ends(&host, &["data", "other"]);
    drop(host);
    drop(disk);
}

/// An image with ext4 that is mounted, from 64M.
fn grows_if_the_kernel_lets_it(host: &Host, ve: &Ve<'_>) {
    let grown = host.veld(["volume", "resize", "data", "96M"]);
    if grown.status == 0 {
        assert!(total(ve) > 70_000, "{}", total(ve));
    } else {
        let image = host.data().join("volumes/data/image");
        let text = format!(
            "veld: volume data: cannot resize: cannot grow {}: root of this host may not grow an ext4 \
             that is mounted: Operation not permitted (os error 1)",
            image.display()
        );
        grown.fails(1, &text);
        assert_eq!(size(host), 64 << 20);
    }
}

#[test]
fn an_image_with_xfs_grows_while_ves_use_it() {
    let mut host = host!();
    let Some(disk) = on_disk(&mut host, "xfs") else {
        return;
    };
    host.configure("[storage]\nimage_fs = \"xfs\"\n");
    host.veld(["volume", "create", "data", "--size", "320M"])
        .ok();
    let one = host.ve("one").with(["--network", "none"]).start();
    let two = host.ve("two").with(["--network", "none"]).start();
    for ve in [&one, &two] {
        set(ve, "mount+=volume:data:/data");
    }
    host.veld(["volume", "resize", "data", "640M"])
        .says("volume data: resized to 640M");
    assert!(
        total(&one) > 500_000 && total(&two) == total(&one),
        "{}",
        total(&one)
    );
    host.veld(["volume", "resize", "data", "400M"]).fails(
        1,
        "veld: volume data: cannot resize: an image becomes smaller, from 640M to 400M, only while no VE uses it",
    );
    one.stop();
    two.stop();
    let refused = host.veld(["volume", "resize", "data", "400M"]);
    assert!(
        refused.stderr.contains("xfs cannot become smaller"),
        "{}",
        refused.stderr
    );
    assert_eq!(size(&host), 640 << 20);
    ends(&host, &["data"]);
    drop(host);
    drop(disk);
}

#[test]
fn a_subvolume_is_held_to_its_size_which_is_live() {
    let mut host = host!();
    let Some(disk) = on_disk(&mut host, "btrfs") else {
        return;
    };
    host.veld(["volume", "create", "data", "--size", "64M"])
        .says("volume data: created in layout btrfs, 64M");
    let one = host.ve("one").with(["--network", "none"]).start();
    let two = host.ve("two").with(["--network", "none"]).start();
    for ve in [&one, &two] {
        set(ve, "mount+=volume:data:/data");
    }
    let said = one.sh(FILL).ok().stdout;
    assert!(said.contains("uota exceeded"), "{said}");
    let refused = two.sh("dd if=/dev/zero of=/data/more bs=1M count=9 && sync /data/more");
    assert!(
        refused.stderr.contains("uota exceeded"),
        "{}",
        refused.stderr
    );
    two.sh("echo more >/file").done();
    host.veld(["volume", "resize", "data", "256M"])
        .says("volume data: resized to 256M");
    two.sh("dd if=/dev/zero of=/data/more bs=1M count=100 2>/dev/null && sync /data/more")
        .done();
    let refused = host.veld(["volume", "resize", "data", "8M"]);
    assert!(
        refused.stderr.contains("cannot resize: 8M is below the "),
        "{}",
        refused.stderr
    );
    assert_eq!(size(&host), 256 << 20);
    ends(&host, &["data"]);
    drop(host);
    drop(disk);
}

#[test]
fn a_disk_that_is_full_gets_no_volume() {
    let mut host = host!();
    let Some(disk) = veld_tests::Disk::sized("ext4", 40 << 20) else {
        return;
    };
    host.keep_data_in(&disk.data());
    host.veld(["volume", "create", "first", "--layout", "directory"])
        .ok();
    let fill = disk.root().join("fill");
    let words = ["if=/dev/zero", &format!("of={}", fill.display()), "bs=4096"];
    let full = veld_tests::Cmd::program("dd", words).run();
    assert_ne!(full.status, 0, "it is full");
    for layout in ["image", "directory"] {
        let refused = host.veld(["volume", "create", "data", "--layout", layout]);
        assert_eq!(refused.status, 1);
        assert!(
            refused
                .stderr
                .starts_with("veld: volume data: cannot create: "),
            "{}",
            refused.stderr
        );
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
        assert!(
            refused.stderr.to_lowercase().contains("no space"),
            "{}",
            refused.stderr
        );
        let left = std::fs::read_dir(host.data().join("volumes")).unwrap();
        assert_eq!(left.count(), 1, "of {layout}");
    }
    std::fs::remove_file(fill).unwrap();
    ends(&host, &["first"]);
    drop(host);
    drop(disk);
}
