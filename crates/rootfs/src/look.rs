//! The root of a VE at a path of the host's, for looking into it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags, openat, statx};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, unmount};
use veld_sys::mount::{Attributes, set_tree};
use veld_sys::{Context, Failure, fault};

use crate::detached::{Extent, attach, clone_at};

/// What anybody can mount at one place, one over the other.
const LAYERS: usize = 64;

/// The root of a VE that runs, as the process sees it that has gone into its user and mount
/// namespaces as root: a copy of the mounts with nothing but what Veld has mounted and
/// made fast. What shows a namespace of the VE's would keep that alive.
///
/// `own_process` is this process's directory in /proc, opened while that was the host's.
/// The caller is in a copy of the VE's mount namespace, which goes with it, and its root
/// is that of PID 1.
///
/// # Errors
/// Names the step.
///
/// # Kernel
/// mount_namespaces(7), "Restrictions on mount namespaces": what is locked stays.
pub fn look_from_inside(own_process: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    // An unmount here must not be one in the VE.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    fault::point("make mounts private")
        .and_then(|()| Ok(mount_change("/", private)?))
        .context(|| "make mounts private")?;
    let table = || -> io::Result<String> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat(own_process, "mountinfo", flags, Mode::empty())?;
        io::read_to_string(std::fs::File::from(file))
    };
    let table = table().context(|| "read the mounts of the VE")?;
    let mounts = veld_kernfs::mountinfo::parse(&table);
    for mount in mounts.iter().rev() {
        let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        // `..` of the root leads to what is mounted over it, if anything is.
        let over_root = mount.mount_point == Path::new("/");
        let place = if over_root {
            Path::new("/..")
        } else {
            &mount.mount_point
        };
        // What is locked is Veld's own, and the root itself is in use.
        let _ = unmount(place, flags);
    }
    clone_at(CWD, "/", Extent::Whole)
}

/// Attaches what is looked at to `place`, a directory of the host's: nothing of it can be
/// written, executed or opened as a device, nor does a mount at one show at another.
///
/// # Errors
/// Names the place.
pub fn attach_look(look: BorrowedFd<'_>, place: &Path) -> Result<(), Failure> {
    let shown = place.display().to_string();
    let set = Attributes {
        read_only: true,
        no_suid: true,
        no_dev: true,
        no_exec: true,
    };
    set_tree(look, set, None).context(|| format!("restrict the mount of {shown}"))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let below = openat(CWD, place, flags, Mode::empty()).context(|| format!("open {shown}"))?;
    attach(look, below.as_fd(), &shown)
}

/// Whether something is mounted at `place`.
///
/// # Errors
/// Names the place.
///
/// # Kernel
/// statx(2), `STATX_ATTR_MOUNT_ROOT`: Linux 5.8.
pub fn is_looked_at(place: &Path) -> Result<bool, Failure> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
    // Nothing is asked of the file system, which may be one that does not answer.
    match statx(CWD, place, flags, StatxFlags::empty()) {
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
pub fn end_look(place: &Path) -> Result<(), Failure> {
    let mut left = LAYERS;
    while left > 0 && is_looked_at(place)? {
        left -= 1;
        let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        fault::point("unmount look")
            .and_then(|()| Ok(unmount(place, flags)?))
            .context(|| format!("unmount {}", place.display()))?;
    }
    Ok(())
}
