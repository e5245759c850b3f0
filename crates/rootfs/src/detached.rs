//! Mounts that are not attached anywhere yet.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use veld_sys::{Context, Failure, fault};

/// An option of a new file system: key and value; a flag has an empty one.
pub(crate) type Setting<'a> = (&'a str, &'a str);

/// Makes a file system of type `kind` and a detached mount of it.
///
/// # Kernel
/// fsopen(2), fsconfig(2), fsmount(2): Linux 5.2.
pub(crate) fn new_mount(
    kind: &str,
    settings: &[Setting<'_>],
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Failure> {
    create(kind, settings, attributes).context(|| format!("mount {kind}"))
}

fn create(
    kind: &str,
    settings: &[Setting<'_>],
    attributes: MountAttrFlags,
) -> std::io::Result<OwnedFd> {
    fault::point("mount file system")?;
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in settings {
        if value.is_empty() {
            fsconfig_set_flag(context.as_fd(), *key)?;
        } else {
            fsconfig_set_string(context.as_fd(), *key, *value)?;
        }
    }
    fsconfig_create(context.as_fd())?;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    Ok(mount)
}

/// How much of a tree [`clone_at`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The file system at the path alone, nothing that is mounted below it.
    One,
    /// Everything below.
    Whole,
}

/// A detached copy of the mount at `path` below `dir`. The path's last
/// component is not followed where it is a symbolic link.
///
/// # Kernel
/// open_tree(2) with `OPEN_TREE_CLONE`: Linux 5.2. Before Linux 6.15 the mount
/// at `path` has to be attached in the caller's mount namespace.
pub(crate) fn clone_at(
    dir: BorrowedFd<'_>,
    path: &str,
    extent: Extent,
) -> Result<OwnedFd, Failure> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    if path.is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    if extent == Extent::Whole {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    fault::point("clone mount")
        .and_then(|()| Ok(open_tree(dir, path, flags)?))
        .context(|| format!("clone the mount at {path}"))
}

/// Attaches `mount` to what `place` is open on; `name` is for the error.
///
/// # Kernel
/// move_mount(2): Linux 5.2.
pub(crate) fn attach(
    mount: BorrowedFd<'_>,
    place: BorrowedFd<'_>,
    name: &str,
) -> Result<(), Failure> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    fault::point("attach mount")
        .and_then(|()| Ok(move_mount(mount, "", place, "", flags)?))
        .context(|| format!("attach a mount to {name}"))
}
