//! Which file system a directory is on.

use std::path::Path;

use rustix::fs::statfs;

use crate::dir::existing;

/// Numbers of linux/magic.h that a layout may ask for, or that an administrator may
/// have put a data directory on.
const NAMES: [(i64, &str); 10] = [
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0x6969, "nfs"),
    (0x794c_7630, "overlay"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
];

/// What it is called, of the nearest directory at or above one that is not there.
///
/// # Kernel
/// statfs(2).
#[must_use]
pub fn of(dir: &Path) -> String {
    let Ok(found) = statfs(existing(dir)) else {
        return "what cannot be looked at".to_owned();
    };
    let known = NAMES.iter().find(|(number, _)| *number == found.f_type);
    known.map_or_else(
        || format!("a file system of type {:#x}", found.f_type),
        |(_, name)| (*name).to_owned(),
    )
}
