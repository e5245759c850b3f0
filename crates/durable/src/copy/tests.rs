//! Copies are held against what they are copies of, on each file system that
//! data may be on.
#![allow(
    clippy::disallowed_methods,
    reason = "a file of a test need not outlive a crash"
)]

use std::fs::{File, create_dir, create_dir_all};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::trees::{describe, directory, make, xattrs};
use super::*;

fn copy(source: &Path, target: &Path, options: &CopyOptions) -> Result<Copied, Failure> {
    create_dir(target).unwrap();
    let (source, target) = (directory(source), directory(target));
    copy_tree(source.as_fd(), target.as_fd(), options, &mut |_| Ok(()))
}

/// Two directories on one file system.
fn pair(disk: &Disk) -> (PathBuf, PathBuf) {
    (disk.root().join("source"), disk.root().join("target"))
}

/// What is copied is the same, on a file system and from it to another.
fn is_faithful(kind: &str, shares: bool) {
    let (Some(disk), Some(other)) = (Disk::new(kind, 320), Disk::new("tmpfs", 64)) else {
        return;
    };
    let (source, target) = pair(&disk);
    make(&source);
    let expected = describe(&source);
    let whole = CopyOptions {
        sync: true,
        ..CopyOptions::whole()
    };
    let never = CopyOptions {
        reflink: Reflink::Never,
        ..whole
    };
    let elsewhere = other.root().join("target");
    let again = disk.root().join("again");
    let ways = [
        (&target, whole, shares),
        (&again, never, false),
        (&elsewhere, whole, false),
    ];
    for (target, options, shares) in ways {
        let copied = copy(&source, target, &options).unwrap();
        assert_eq!(copied.reflinked > 0, shares, "{copied:?}");
        assert_eq!(copied.skipped, 0, "{copied:?}");
        let made = describe(target);
        assert_eq!(copied.entries, made.len() as u64 - 1);
        for (path, text) in &expected {
            assert_eq!(made.get(path), Some(text), "{}", path.display());
        }
        assert_eq!(made.len(), expected.len());
        let sparse = target.join("sparse").metadata().unwrap();
        assert!(sparse.blocks() * 512 < 1 << 20, "the holes are filled");
    }
}

#[test]
fn a_copy_on_ext4_is_the_same() {
    is_faithful("ext4", false);
}

#[test]
fn a_copy_on_xfs_is_the_same_and_shares_data() {
    is_faithful("xfs", true);
}

#[test]
fn a_copy_on_btrfs_is_the_same_and_shares_data() {
    is_faithful("btrfs", true);
}

#[test]
fn a_copy_on_tmpfs_is_the_same() {
    is_faithful("tmpfs", false);
}

/// Runs on a small file system; nothing where there is none.
fn on_tmpfs(test: impl FnOnce(&Disk)) {
    if let Some(disk) = Disk::new("tmpfs", 64) {
        test(&disk);
    }
}

#[test]
fn attributes_and_nodes_are_kept_as_asked() {
    on_tmpfs(|disk| {
        let (source, target) = pair(disk);
        make(&source);
        let layer = CopyOptions {
            devices: Devices::Whiteouts,
            ..CopyOptions::layer()
        };
        let copied = copy(&source, &target, &layer).unwrap();
        let names =
            |path: &str| -> Vec<String> { xattrs(&target.join(path)).into_keys().collect() };
        assert_eq!(copied.skipped, 2, "two devices");
        assert!(names("usr").contains(&"trusted.overlay.opaque".to_owned()));
        assert_eq!(names("first"), ["trusted.other", "user.comment"]);
        assert!(target.join("gone").symlink_metadata().is_ok());
        assert!(target.join("null").symlink_metadata().is_err());

        let plain = CopyOptions {
            devices: Devices::Skipped,
            ..CopyOptions::plain()
        };
        std::fs::remove_dir_all(&target).unwrap();
        copy(&source, &target, &plain).unwrap();
        assert_eq!(names("usr"), ["system.posix_acl_default"]);
        assert_eq!(names("first"), ["trusted.other", "user.comment"]);
        assert!(target.join("gone").symlink_metadata().is_err());
    });
}

#[test]
fn looking_at_the_source_is_no_access() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (dir.path().join("source"), dir.path().join("target"));
    create_dir_all(source.join("in")).unwrap();
    std::fs::write(source.join("in/file"), b"text").unwrap();
    let times = || {
        let of = |path: &str| source.join(path).symlink_metadata().unwrap();
        ["", "in", "in/file"].map(|path| (of(path).atime(), of(path).atime_nsec()))
    };
    let before = times();
    copy(&source, &target, &CopyOptions::whole()).unwrap();
    assert_eq!(times(), before);
}

#[test]
fn a_tree_deeper_than_any_path_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (dir.path().join("source"), dir.path().join("target"));
    create_dir(&source).unwrap();
    let mut here = directory(&source);
    for _ in 0..3000 {
        rustix::fs::mkdirat(&here, "deeper", Mode::RWXU).unwrap();
        here = rustix::fs::openat(&here, "deeper", DIRECTORY, Mode::empty()).unwrap();
    }
    let copied = copy(&source, &target, &CopyOptions::whole()).unwrap();
    assert_eq!(copied.entries, 3000);
    let mut here = directory(&target);
    for _ in 0..3000 {
        here = rustix::fs::openat(&here, "deeper", DIRECTORY, Mode::empty()).unwrap();
    }
    for tree in [&source, &target] {
        crate::remove_tree(tree).unwrap();
    }
}

#[test]
fn directories_of_many_are_copied_in_parts() {
    for kind in ["ext4", "xfs", "btrfs", "tmpfs"] {
        let Some(disk) = Disk::new(kind, 320) else {
            continue;
        };
        let (source, target) = pair(&disk);
        for number in 0..900 {
            create_dir_all(source.join(format!("wide/{number:0>200}/x/y"))).unwrap();
            File::create(source.join(format!("wide/file{number}"))).unwrap();
        }
        create_dir(&target).unwrap();
        let (from, to) = (directory(&source), directory(&target));
        let options = CopyOptions::whole();
        let mut go_on = |_: &Copied| Ok(());
        let mut walk = Walk::new(from.as_fd(), to.as_fd(), &options, &mut go_on).unwrap();
        walk.limit = 500;
        walk.run().unwrap();
        assert_eq!(describe(&target), describe(&source), "on {kind}");
    }
}

#[test]
fn links_lead_nowhere_and_what_is_mounted_is_not_entered() {
    on_tmpfs(|disk| {
        let (source, target) = pair(disk);
        let outside = disk.root().join("outside");
        create_dir_all(source.join("a/mounted")).unwrap();
        File::create(source.join("a/file")).unwrap();
        create_dir(&outside).unwrap();
        File::create(outside.join("secret")).unwrap();
        symlink(&outside, source.join("link")).unwrap();
        for place in ["a/mounted", "a/file"] {
            let from = if place == "a/file" {
                outside.join("secret")
            } else {
                outside.clone()
            };
            rustix::mount::mount_bind(&from, source.join(place)).unwrap();
        }
        let copied = copy(&source, &target, &CopyOptions::whole());
        for place in ["a/mounted", "a/file"] {
            let flags = rustix::mount::UnmountFlags::empty();
            rustix::mount::unmount(source.join(place), flags).unwrap();
        }
        copied.unwrap();
        assert!(target.join("link").is_symlink());
        assert_eq!(
            std::fs::read_dir(target.join("a/mounted")).unwrap().count(),
            0
        );
        assert!(!target.join("a/file").exists());
    });
}

#[test]
fn the_caller_may_end_it_and_hears_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (dir.path().join("source"), dir.path().join("target"));
    create_dir_all(source.join("usr/bin")).unwrap();
    File::create(source.join("usr/bin/su")).unwrap();
    create_dir(&target).unwrap();
    let mut check = |copied: &Copied| match copied.entries {
        0..2 => Ok(()),
        _ => Err(io::ErrorKind::Interrupted.into()),
    };
    let (from, to) = (directory(&source), directory(&target));
    let whole = CopyOptions::whole();
    let failure = copy_tree(from.as_fd(), to.as_fd(), &whole, &mut check).unwrap_err();
    assert_eq!(failure.to_string(), "cannot copy usr/bin/su");
    assert_eq!(failure.kind(), io::ErrorKind::Interrupted);
}

#[test]
fn a_full_disk_is_told_with_the_file_that_did_not_fit() {
    let Some(disk) = Disk::new("tmpfs", 2) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    create_dir_all(source.join("var")).unwrap();
    let large = File::create(source.join("var/large")).unwrap();
    large.write_all_at(&vec![1; 4 << 20], 0).unwrap();
    let failure = copy(&source, &disk.root().join("target"), &CopyOptions::whole()).unwrap_err();
    assert_eq!(failure.to_string(), "cannot copy var/large");
    assert_eq!(failure.errno(), Some(Errno::NOSPC.raw_os_error()));
}

#[test]
fn shared_data_is_refused_where_there_is_none() {
    on_tmpfs(|disk| {
        let (source, target) = pair(disk);
        create_dir(&source).unwrap();
        std::fs::write(source.join("file"), b"text").unwrap();
        let required = CopyOptions {
            reflink: Reflink::Required,
            ..CopyOptions::whole()
        };
        let failure = copy(&source, &target, &required).unwrap_err();
        assert_eq!(failure.errno(), Some(Errno::OPNOTSUPP.raw_os_error()));
    });
}

#[test]
fn a_copy_into_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    let failure = copy(dir.path(), &target, &CopyOptions::whole()).unwrap_err();
    assert_eq!(
        veld_sys::chain(&failure),
        "cannot copy target: the copy would be in itself"
    );
}

#[test]
fn a_directory_that_was_moved_away_does_not_lead_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (source, target) = (dir.path().join("source"), dir.path().join("target"));
    let elsewhere = dir.path().join("elsewhere");
    for made in [&source.join("a/b"), &elsewhere, &target] {
        create_dir_all(made).unwrap();
    }
    File::create(source.join("a/b/last")).unwrap();
    let mut check = |copied: &Copied| match copied.entries {
        2 => std::fs::rename(source.join("a/b"), elsewhere.join("b")),
        _ => Ok(()),
    };
    let (from, to) = (directory(&source), directory(&target));
    let whole = CopyOptions::whole();
    let failure = copy_tree(from.as_fd(), to.as_fd(), &whole, &mut check).unwrap_err();
    let text = veld_sys::chain(&failure);
    assert!(
        text.ends_with("it was moved while it was being copied"),
        "{text}"
    );
}
