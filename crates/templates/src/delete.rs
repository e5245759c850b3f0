//! Deleting a tree by descriptors: nothing outside it is touched, whatever links
//! are in it and whatever is mounted there.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags, openat2, unlinkat};
use rustix::io::Errno;

/// Removes `name` in `parent` and all below it; nothing there is fine.
///
/// A file system mounted below is not entered: the error is then EXDEV, and what
/// was found before it is gone.
///
/// # Errors
/// Those of openat2(2) and unlinkat(2).
pub(crate) fn delete_tree(parent: BorrowedFd<'_>, name: &CString) -> io::Result<()> {
    match unlinkat(parent, name.as_c_str(), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let here = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let directory = openat2(parent, name.as_c_str(), flags, Mode::empty(), here)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.push(name);
        }
    }
    for name in &names {
        delete_tree(directory.as_fd(), name)?;
    }
    Ok(unlinkat(parent, name.as_c_str(), AtFlags::REMOVEDIR)?)
}
