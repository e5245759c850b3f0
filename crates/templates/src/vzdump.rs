//! Backups of containers by vzdump: a tar archive of the root, with the container's
//! config in it as `etc/vzdump/pct.conf`.
//!
//! Ids in it are the container's own: vzdump runs tar(1) in the container's user
//! namespace. The config is one of the host that made the backup; it is no part of
//! the system, and is taken out as a restore there does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, openat2, unlinkat};
use rustix::io::Errno;

const FILES: [&str; 3] = ["pct.conf", "pct.fw", "qemu-server.conf"];

/// Removes it from a tree that nobody else can reach, where it is there.
pub(crate) fn drop_config(root: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let open = |path| match openat2(root, path, flags, Mode::empty(), resolve) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(io::Error::from(errno)),
    };
    let (Some(etc), Some(directory)) = (open("etc")?, open("etc/vzdump")?) else {
        return Ok(());
    };
    let mut found = false;
    for name in FILES {
        match unlinkat(directory.as_fd(), name, AtFlags::empty()) {
            Ok(()) => found = true,
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    if !found {
        return Ok(());
    }
    match unlinkat(etc.as_fd(), "vzdump", AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOTEMPTY) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
