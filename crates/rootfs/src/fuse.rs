//! FUSE connections: an end for those whose server does not answer.
//!
//! A process that waits for an answer of a FUSE server cannot be killed. Where
//! it is, or holds open, the server itself, nobody will ever answer, and the
//! process stays until the connection is aborted from outside.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use veld_sys::{Context, Failure, fault};

use crate::detached::new_mount;

/// Aborts every FUSE connection that was mounted by one of the host ids in
/// `ids`, and says how many there were. Whoever waits for one of them gets an
/// error at once, and so does all later use of the file system.
///
/// A mount in a user namespace belongs to one of its users, whatever the mount
/// says of itself: so all connections of a VE are found by its ids, and no other.
///
/// A kernel without FUSE has no connections, which is fine.
///
/// # Errors
/// The control file system cannot be mounted or read, as without CAP_SYS_ADMIN;
/// the first connection that could not be aborted, after all others were tried.
///
/// # Kernel
/// "Control filesystem" in filesystems/fuse.rst; its mount is attached nowhere.
pub fn abort_fuse(ids: Range<u32>) -> Result<usize, Failure> {
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let control = match new_mount("fusectl", &[], attributes) {
        Err(failure) if failure.errno() == Some(Errno::NODEV.raw_os_error()) => return Ok(0),
        mounted => mounted?,
    };
    let mut aborted = 0;
    let mut refused = None;
    for name in connections(control.as_fd(), &ids).context(|| "list FUSE connections")? {
        match abort(control.as_fd(), &name) {
            Ok(true) => aborted += 1,
            Ok(false) => {}
            Err(cause) => {
                let failure = Failure::new(format!("abort FUSE connection {name}"), cause);
                refused = refused.or(Some(failure));
            }
        }
    }
    refused.map_or(Ok(aborted), Err)
}

/// The connections of those ids: directories by number, each of which belongs
/// to whom the file system is said to be mounted for.
fn connections(control: BorrowedFd<'_>, ids: &Range<u32>) -> rustix::io::Result<Vec<String>> {
    let mut found = Vec::new();
    // A new mount comes as a path, which cannot be read by itself.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(openat(control, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        match statat(control, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if ids.contains(&stat.st_uid) => {
                found.push(name.to_string_lossy().into_owned());
            }
            // Another's, or unmounted since it was listed.
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}

/// Whether the connection was still there.
fn abort(control: BorrowedFd<'_>, name: &str) -> std::io::Result<bool> {
    fault::point("abort FUSE connection")?;
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(control, format!("{name}/abort"), flags, Mode::empty()) {
        Err(Errno::NOENT) => Ok(false),
        file => {
            rustix::io::write(file?, b"1")?;
            Ok(true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_connections_are_none() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: not root");
            return;
        }
        // Ids above what any user has: nothing of anybody's is aborted.
        assert_eq!(abort_fuse(u32::MAX - 2..u32::MAX - 1).unwrap(), 0);
    }
}
