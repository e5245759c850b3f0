//! The quota group of a subvolume.
//!
//! The limit is that of a group of level 1, to which the subvolume's own belongs: with
//! simple quotas, subvolumes that the VE makes in its own belong to it too.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use veld_sys::btrfs::{self, Accounting};
use veld_sys::{Context, Failure};

use super::Usage;
use super::directory::ROOT;
use crate::dir::open;

/// Where the level of a group is in its number.
const LEVEL: u32 = 48;

/// Holds the subvolume of a part to so many bytes; switches quotas on for the whole file system
/// where none were.
pub(super) fn limit(part: &Path, bytes: Option<u64>) -> Result<(), Failure> {
    let root = &part.join(ROOT);
    let failed = || format!("limit {}", part.display());
    let root = open(root)?;
    let id = btrfs::subvolume_id(root.as_fd()).context(failed)?;
    // From outside the subvolume: what is done in a full one is refused.
    let directory = open(part)?;
    let directory = directory.as_fd();
    let on = groups(directory).context(failed)?.is_dir();
    if bytes.is_none() && !on {
        return Ok(());
    }
    if !on {
        switch_on(directory).context(|| format!("enable quotas for {}", part.display()))?;
    }
    let group = group_of(id);
    let hold = || -> io::Result<()> {
        unless(Errno::EXIST, btrfs::create_group(directory, group))?;
        unless(
            Errno::EXIST,
            btrfs::assign_group(directory, id, group, true),
        )?;
        btrfs::limit_group(directory, group, bytes)
    };
    hold().context(failed)
}

/// What the group has, where there is one.
pub(super) fn usage(root: &Path) -> Result<Usage, Failure> {
    let failed = || format!("read the use of {}", root.display());
    let directory = open(root)?;
    let directory = directory.as_fd();
    let id = btrfs::subvolume_id(directory).context(failed)?;
    let group = groups(directory).context(failed)?.join(format!("1_{id}"));
    let number = |file: &str| {
        let text = std::fs::read_to_string(group.join(file)).ok()?;
        text.trim_end().parse::<u64>().ok()
    };
    let limit = number("max_referenced").filter(|limit| (1..u64::MAX).contains(limit));
    Ok(Usage {
        disk: number("referenced"),
        disk_limit: limit,
        ..Usage::default()
    })
}

/// Takes the group away, before its subvolume goes. One that is not there is fine.
///
/// # Errors
/// Names the path.
pub(crate) fn release(root: &Path) -> Result<(), Failure> {
    let Ok(directory) = open(root) else {
        return Ok(());
    };
    let directory = directory.as_fd();
    if !btrfs::is_subvolume(directory) {
        return Ok(());
    }
    let let_go = || -> io::Result<()> {
        let id = btrfs::subvolume_id(directory)?;
        let group = group_of(id);
        if !groups(directory)?.join(format!("1_{id}")).is_dir() {
            return Ok(());
        }
        unless(
            Errno::NOENT,
            btrfs::assign_group(directory, id, group, false),
        )?;
        // Subvolumes below it may belong to it still, and go next.
        unless(
            Errno::BUSY,
            unless(Errno::NOENT, btrfs::remove_group(directory, group)),
        )
    };
    let_go().context(|| format!("lift the limit of {}", root.display()))
}

fn group_of(subvolume: u64) -> u64 {
    1 << LEVEL | subvolume
}

fn switch_on(directory: BorrowedFd<'_>) -> io::Result<()> {
    match btrfs::enable_quota(directory, Accounting::Simple) {
        Err(unknown) if unknown.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
            btrfs::enable_quota(directory, Accounting::Full)
        }
        done => done,
    }
}

/// The directory in which the kernel shows all groups, while quotas are on.
///
/// # Kernel
/// /sys/fs/btrfs/UUID/qgroups: Linux 5.9.
pub(super) fn groups(directory: BorrowedFd<'_>) -> io::Result<PathBuf> {
    let hex: Vec<String> = btrfs::uuid(directory)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut uuid = hex.concat();
    for at in [20, 16, 12, 8] {
        uuid.insert(at, '-');
    }
    Ok(Path::new("/sys/fs/btrfs").join(uuid).join("qgroups"))
}

fn unless(errno: Errno, result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.raw_os_error() == Some(errno.raw_os_error()) => Ok(()),
        other => other,
    }
}
