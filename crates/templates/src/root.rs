//! Looking things up below a root directory that an image filled: every symbolic
//! link is resolved as a process with that root would, and none leads outside.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, readlinkat};

/// How a directory of ours is opened.
pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// How often an open is tried again because something in the tree was renamed.
const RETRIES: usize = 16;

/// Opens `path` as a process in this root would find it, `O_PATH`.
///
/// # Kernel
/// openat2(2) with `RESOLVE_IN_ROOT`, Linux 5.6.
pub(crate) fn resolve(root: BorrowedFd<'_>, path: &str) -> io::Result<OwnedFd> {
    open(root, path, OFlags::PATH)
}

/// Opens the regular file at `path` for reading; InvalidInput for another type.
///
/// Opening does not wait, whatever is there: a fifo at this place is no trap.
pub(crate) fn open_file(root: BorrowedFd<'_>, path: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    // Found without effect first: to open a device node may do things to a host.
    let found = fstat(resolve(root, path)?)?;
    let opened = open(root, path, flags)?;
    let both = [found.st_mode, fstat(&opened)?.st_mode];
    if both.map(FileType::from_raw_mode) == [FileType::RegularFile; 2] {
        return Ok(opened.into());
    }
    Err(io::ErrorKind::InvalidInput.into())
}

/// The start of the regular file at `path`, at most `limit` bytes.
pub(crate) fn read_start(root: BorrowedFd<'_>, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_file(root, path)?
        .take(limit)
        .read_to_end(&mut content)?;
    Ok(content)
}

/// Where `path` leads inside the root, as an absolute path there.
///
/// # Kernel
/// proc_pid_fd(5): the link of an open descriptor is its path.
pub(crate) fn final_path(root: BorrowedFd<'_>, path: &str) -> io::Result<Vec<u8>> {
    let prefix = descriptor_path(root)?;
    let whole = descriptor_path(std::os::fd::AsFd::as_fd(&resolve(root, path)?))?;
    let inside = whole.strip_prefix(prefix.as_slice()).unwrap_or(&whole);
    Ok(inside.to_vec())
}

/// The inode of that name in a directory itself, `O_PATH`; a link is not followed.
pub(crate) fn open_named(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

fn descriptor_path(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    use std::os::fd::AsRawFd;
    let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let path = readlinkat(rustix::fs::CWD, link, Vec::new())?;
    Ok(path.into_bytes())
}

fn open(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let path = std::ffi::OsStr::from_bytes(path.as_bytes());
    for _ in 0..RETRIES {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(rustix::io::Errno::AGAIN) => {}
            other => return Ok(other?),
        }
    }
    Err(rustix::io::Errno::AGAIN.into())
}
