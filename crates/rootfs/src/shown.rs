//! A view of files at a path of the host's, for people to look into.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags, openat, statx};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use veld_sys::mount::{Attributes, set_attributes};
use veld_sys::{Context, Failure, fault};

use crate::detached::attach;

/// What anybody can mount at one place, one over the other.
const MOST: usize = 64;

/// Attaches a [`view`](crate::view) to `place`, a directory of the host's: nothing of
/// it can be written, executed or opened as a device.
///
/// # Errors
/// Names the place.
pub fn show(view: BorrowedFd<'_>, place: &Path) -> Result<(), Failure> {
    let shown = place.display().to_string();
    let set = Attributes {
        read_only: true,
        no_suid: true,
        no_dev: true,
        no_exec: true,
    };
    set_attributes(view, set).context(|| format!("restrict the mount of {shown}"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let below = openat(CWD, place, flags, Mode::empty()).context(|| format!("open {shown}"))?;
    attach(view, below.as_fd(), &shown)
}

/// Whether something is mounted at `place`.
///
/// # Errors
/// Names the place.
///
/// # Kernel
/// statx(2), `STATX_ATTR_MOUNT_ROOT`: Linux 5.8.
pub fn is_shown(place: &Path) -> Result<bool, Failure> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
    match statx(CWD, place, flags, StatxFlags::TYPE) {
        Ok(found) => Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno).context(|| format!("inspect {}", place.display())),
    }
}

/// Takes away what is mounted at `place`, even where somebody is in it.
///
/// # Errors
/// Names the place.
///
/// # Kernel
/// umount2(2) with `MNT_DETACH`.
pub fn hide(place: &Path) -> Result<(), Failure> {
    let mut left = MOST;
    while left > 0 && is_shown(place)? {
        left -= 1;
        let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        fault::point("unmount view")
            .and_then(|()| Ok(unmount(place, flags)?))
            .context(|| format!("unmount {}", place.display()))?;
    }
    Ok(())
}
