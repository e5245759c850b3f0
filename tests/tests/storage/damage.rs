//! Images that are not what they should be, and one that is.

use std::fs::File;
use std::os::unix::fs::FileExt;

use veld_tests::host;

#[test]
fn a_damaged_image_is_said_and_leaves_nothing() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--layout", "image", "--disk", "64M"])
        .create();
    let image = ve.directory().join("private/image");
    let file = File::options().write(true).open(&image).unwrap();
    // The table of block groups; the superblock stays.
    file.write_all_at(&[0xa5; 4096], 4096).unwrap();
    let failed = ve.veld("start", [""; 0]);
    assert_eq!(failed.status, 1);
    assert!(
        failed
            .stderr
            .contains("its ext4 is damaged, which `e2fsck -f`"),
        "{}",
        failed.stderr
    );
    host.nothing_remains();
    file.write_all_at(&[0; 8192], 0).unwrap();
    let failed = ve.veld("start", [""; 0]);
    assert!(
        failed.stderr.contains("it has no ext4 and no xfs"),
        "{}",
        failed.stderr
    );
    file.set_len(100).unwrap();
    let failed = ve.veld("start", [""; 0]);
    assert!(
        failed.stderr.contains("it has no ext4 and no xfs"),
        "{}",
        failed.stderr
    );
    host.nothing_remains();
    ve.destroy();
    assert_eq!(host.leaks(), Vec::<String>::new());
}

#[test]
fn an_image_that_is_mounted_already_is_not_mounted_twice() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--layout", "image", "--disk", "64M"])
        .create();
    let image = File::open(ve.directory().join("private/image")).unwrap();
    rustix::fs::flock(&image, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let failed = ve.veld("start", [""; 0]);
    assert!(
        failed.stderr.contains("private/image: it is in use"),
        "{}",
        failed.stderr
    );
    drop(image);
    ve.start();
}

#[test]
fn an_image_whose_end_stays_unused_is_left_alone_by_starts() {
    let host = host!();
    let ve = host
        .ve("web1")
        .with(["--layout", "image", "--disk", "1025M"])
        .create();
    let image = File::open(ve.directory().join("private/image")).unwrap();
    let word = |at: u64| {
        let mut bytes = [0; 2];
        image.read_exact_at(&mut bytes, 1024 + at).unwrap();
        u16::from_le_bytes(bytes)
    };
    // Blocks of 4096 bytes: ext4 makes nothing of the last MiB.
    assert_eq!((word(4), word(6)), (0, 4));
    // A check counts the mounts anew.
    let mounts = || word(52);
    let before = mounts();
    for _ in 0..3 {
        ve.start();
        ve.stop();
    }
    assert!(mounts() >= before + 3, "{before}, then {}", mounts());
    assert_eq!(image.metadata().unwrap().len(), 1025 << 20);
}
