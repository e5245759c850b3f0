//! Walking the groups below a group, however deep.
//!
//! The owner of a delegated group may nest groups until no path of theirs fits
//! into a system call, and may remove some while we look. So a walk holds one
//! descriptor, goes down by name and up by `..`, and what is gone is not missed.
//! Nothing but directories can be made in a cgroup file system: there is no
//! link to follow.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use veld_sys::fault;

/// Calls `enter` with the group at `top` and then with each one below it, those
/// above first. A group that is not there has nothing to visit.
pub(crate) fn visit(
    top: &Path,
    enter: &mut dyn FnMut(BorrowedFd<'_>) -> io::Result<()>,
) -> io::Result<()> {
    visit_except(top, None, enter)
}

/// The same without the group of the name `except` right below `top`, and what is
/// below that.
pub(crate) fn visit_except(
    top: &Path,
    except: Option<&str>,
    enter: &mut dyn FnMut(BorrowedFd<'_>) -> io::Result<()>,
) -> io::Result<()> {
    walk((top, except), enter, &mut |_, _| Ok(()))
}

/// Removes the group at `top` and all below it, the lowest first.
///
/// # Errors
/// EBUSY where one of them has a process.
pub(crate) fn remove(top: &Path) -> io::Result<()> {
    // Mostly there is nothing below.
    match remove_group(|| rustix::fs::rmdir(top)) {
        Err(busy) if busy.kind() == io::ErrorKind::ResourceBusy => {}
        done => return done,
    }
    walk((top, None), &mut |_| Ok(()), &mut |above, name| {
        remove_group(|| rustix::fs::unlinkat(above, name, AtFlags::REMOVEDIR))
    })?;
    remove_group(|| rustix::fs::rmdir(top))
}

fn remove_group(rmdir: impl Fn() -> rustix::io::Result<()>) -> io::Result<()> {
    fault::point("remove group")?;
    unless_gone(rmdir().map_err(io::Error::from))
}

/// `enter` is called with each group on the way down but `except`, `leave` with each but the
/// top on the way up, when all below it are done.
fn walk(
    (top, except): (&Path, Option<&str>),
    enter: &mut dyn FnMut(BorrowedFd<'_>) -> io::Result<()>,
    leave: &mut dyn FnMut(BorrowedFd<'_>, &CStr) -> io::Result<()>,
) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |dir: BorrowedFd<'_>, name: &CStr| -> io::Result<Option<OwnedFd>> {
        match rustix::fs::openat(dir, name, flags, Mode::empty()) {
            Ok(group) => Ok(Some(group)),
            Err(Errno::NOENT | Errno::NODEV) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    };
    let mut here = match rustix::fs::open(top, flags, Mode::empty()) {
        Ok(group) => group,
        Err(Errno::NOENT | Errno::NODEV) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    enter(here.as_fd())?;
    let mut names: Vec<CString> = Vec::new();
    let mut first = groups_in(here.as_fd())?;
    first.retain(|name| Some(name.to_bytes()) != except.map(str::as_bytes));
    let mut pending = vec![first];
    while let Some(siblings) = pending.last_mut() {
        if let Some(name) = siblings.pop() {
            if let Some(group) = open(here.as_fd(), &name)? {
                here = group;
                enter(here.as_fd())?;
                pending.push(groups_in(here.as_fd())?);
                names.push(name);
            }
            continue;
        }
        pending.pop();
        if let Some(name) = names.pop() {
            here = rustix::fs::openat(&here, c"..", flags, Mode::empty())?;
            leave(here.as_fd(), &name)?;
        }
    }
    Ok(())
}

/// The names of the groups right below a group.
fn groups_in(group: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(group)? {
        let entry = match entry {
            Ok(entry) => entry,
            // Removed while it was read.
            Err(Errno::NOENT | Errno::NODEV) => break,
            Err(errno) => return Err(errno.into()),
        };
        let name = entry.file_name();
        if entry.file_type() == FileType::Directory && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// Writes `value` to the file `name` of a group in one call.
pub(crate) fn write_at(group: BorrowedFd<'_>, name: &str, value: &str) -> io::Result<()> {
    fault::point("write kernel file")?;
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(group, name, flags, Mode::empty())?;
    File::from(file).write_all(value.as_bytes())
}

/// The content of the file `name` of a group.
pub(crate) fn read_at(group: BorrowedFd<'_>, name: &str) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(group, name, flags, Mode::empty())?;
    let mut text = String::new();
    File::from(file).read_to_string(&mut text)?;
    Ok(text)
}

/// Takes a group or file that is not there, or no longer, for done.
pub(crate) fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

/// Whether the error says that a file or its group is not there.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(Errno::NODEV.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hierarchy::Version;
    use crate::plain::Plain;

    #[test]
    fn every_group_is_visited_parents_first() {
        let plain = Plain::new(Version::V2, &[]);
        for name in ["n", "a/n", "a/b/n", "c/n"] {
            plain.put(name, name.trim_end_matches('n'));
        }
        let mut seen = Vec::new();
        visit(plain.dir.path(), &mut |group| {
            seen.push(read_at(group, "n")?);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[0], "");
        let at = |name: &str| seen.iter().position(|seen| seen == name).unwrap();
        assert!(at("a/") < at("a/b/"));
        assert!(seen.contains(&"c/".to_owned()));
    }

    #[test]
    fn nothing_is_done_where_nothing_is() {
        let plain = Plain::new(Version::V2, &[]);
        let nowhere = plain.dir.path().join("nowhere");
        visit(&nowhere, &mut |_| panic!("there is no group to visit")).unwrap();
        remove(&nowhere).unwrap();
        assert!(!nowhere.exists());
    }
}
