//! Removing a tree that somebody else filled.
//!
//! Whoever owns a tree may nest directories until no process has descriptors
//! enough for one each and no path of them fits into a system call, and may put
//! a million names into one directory. So the walk does not recurse, holds the
//! descriptor of one directory, goes down by name and up by `..`, and of each
//! level remembers where it is and a bounded number of names:
//!
//! ```text
//!        ┌── some unread ── list: unlink what is no directory, note what is one
//!  level ┼── one noted ──── go down into it, a level more
//!        └── nothing left ─ go up, remove it by the name noted there
//! ```
//!
//! A subvolume of btrfs goes at once, but for those below it, which go before.
//!
//! No link is followed, nothing that is mounted is entered, and a `..` that is
//! not the directory one came from ends the walk.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, SeekFrom};
use rustix::io::Errno;
use veld_sys::{Context, Failure, btrfs, fault};

/// What is read of a directory at once, in bytes.
const BUFFER: usize = 32 * 1024;
/// What names one level may take up before they are worked through, in bytes.
const PER_LEVEL: usize = 64 * 1024;
/// What the names of all levels may take up, in bytes. Past it those of the
/// upmost level are forgotten, to be read again when the walk is back there:
/// that happens only after as many bytes of others were read below it, so it
/// does not make the walk longer than linear.
const IN_ALL: usize = 4 * 1024 * 1024;
/// What a name takes up besides its bytes.
const PER_NAME: usize = 32;

/// Removes `path` and everything below it; one that is not there is fine.
///
/// It takes no more descriptors and hardly more memory for a deep or wide tree.
/// After an error some of it is gone; calling again goes on.
///
/// # Errors
/// Names the path, and the last name below it that was in the way: EXDEV for one
/// on which something is mounted.
///
/// # Kernel
/// openat2(2) with `RESOLVE_NO_XDEV`, Linux 5.6.
pub fn remove_tree(path: &Path) -> Result<(), Failure> {
    match std::fs::symlink_metadata(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        _ => {}
    }
    let failed = || format!("remove {}", path.display());
    fault::point("remove tree").context(failed)?;
    let name = path.file_name().ok_or(Errno::INVAL).context(failed)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = rustix::fs::open(parent, flags, Mode::empty()).context(failed)?;
    match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR) => {}
        Err(errno) => return Err(errno).context(failed),
    }
    let name = CString::new(name.as_bytes())
        .map_err(io::Error::from)
        .context(failed)?;
    match go_down(&parent, name.as_c_str()) {
        Ok((_, top)) if went_at_once(&parent, &name, &top) => return Ok(()),
        Ok((id, top)) => Walk::new(path, id, top).run()?,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno).context(failed),
    }
    unless_gone(rustix::fs::unlinkat(
        &parent,
        name.as_c_str(),
        AtFlags::REMOVEDIR,
    ))
    .context(failed)
}

/// Device and inode: while a descriptor of a directory or of one below it is
/// open nothing else has the same.
type Id = (u64, u64);

/// A directory that the walk is in or below.
#[derive(Debug)]
struct Level {
    id: Id,
    /// Directories in it that are still to be removed; the walk is in the last.
    names: Vec<CString>,
    /// What the names take up, in bytes.
    size: usize,
    /// Whether all that is left in it has its name noted.
    complete: bool,
}

#[derive(Debug)]
struct Walk<'a> {
    top: &'a Path,
    /// The directory of the last level.
    here: OwnedFd,
    levels: Vec<Level>,
    /// What the names of all levels take up, in bytes.
    size: usize,
    /// What they may take up.
    limit: usize,
    /// No level above this one has names.
    upmost: usize,
    buffer: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(top: &'a Path, id: Id, here: OwnedFd) -> Self {
        Self {
            top,
            here,
            levels: vec![Level::new(id)],
            size: 0,
            limit: IN_ALL,
            upmost: 0,
            buffer: Vec::with_capacity(BUFFER),
        }
    }

    /// Empties the directory at the top.
    fn run(mut self) -> Result<(), Failure> {
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.names.last() {
                match go_down(&self.here, name.as_c_str()) {
                    Ok((_, below)) if went_at_once(&self.here, name, &below) => {
                        self.size -= level.forget_last();
                    }
                    Ok((id, below)) => {
                        self.here = below;
                        self.levels.push(Level::new(id));
                    }
                    Err(Errno::NOENT) => self.size -= level.forget_last(),
                    Err(errno) => return Err(failed(self.top, name, errno)),
                }
            } else if !level.complete {
                self.list()?;
                self.forget_upmost();
            } else {
                self.levels.pop();
                self.go_up()?;
            }
        }
        Ok(())
    }

    /// Goes back to what is now the last level and removes the directory that
    /// the walk was in, which is empty.
    fn go_up(&mut self) -> Result<(), Failure> {
        let last = self.levels.len().saturating_sub(1);
        self.upmost = self.upmost.min(last);
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
        };
        let from = level.names.last();
        let failed = |cause: io::Error| {
            failed(
                self.top,
                from.map_or(c"a directory", CString::as_c_str),
                cause,
            )
        };
        let above = rustix::fs::openat(&self.here, c"..", DIRECTORY, Mode::empty())
            .map_err(|errno| failed(errno.into()))?;
        if id_of(&above).map_err(|errno| failed(errno.into()))? != level.id {
            let moved = "it was moved while it was being removed";
            return Err(failed(io::Error::other(moved)));
        }
        self.here = above;
        // One that was forgotten will be found again, and then be empty.
        if let Some(name) = from {
            unless_gone(rustix::fs::unlinkat(&self.here, name, AtFlags::REMOVEDIR))
                .map_err(|errno| failed(errno.into()))?;
        }
        self.size -= level.forget_last();
        Ok(())
    }

    /// Unlinks what is no directory here, and notes the name of what is one,
    /// until all is read or the names are many.
    fn list(&mut self) -> Result<(), Failure> {
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
        };
        let reading = || format!("read a directory below {}", self.top.display());
        rustix::fs::seek(&self.here, SeekFrom::Start(0)).context(reading)?;
        let mut entries = RawDir::new(&self.here, self.buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                // Removed by another while it was read.
                Err(Errno::NOENT) => break,
                Err(errno) => return Err(errno).context(reading),
            };
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let unlinked = if entry.file_type() == FileType::Directory {
                Err(Errno::ISDIR)
            } else {
                rustix::fs::unlinkat(&self.here, name, AtFlags::empty())
            };
            match unlinked {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::ISDIR) => self.size += level.note(name),
                Err(errno) => return Err(failed(self.top, name, errno)),
            }
            if level.size > PER_LEVEL && entries.is_buffer_empty() {
                return Ok(());
            }
        }
        level.complete = true;
        Ok(())
    }

    /// Forgets names until they are within the limit, but for those of the last
    /// two levels: the walk must be able to remove what it comes back from.
    fn forget_upmost(&mut self) {
        let kept = self.levels.len().saturating_sub(2);
        while self.size > self.limit && self.upmost < kept {
            if let Some(level) = self.levels.get_mut(self.upmost) {
                self.size -= level.forget_all();
            }
            self.upmost += 1;
        }
    }
}

impl Level {
    fn new(id: Id) -> Self {
        Self {
            id,
            names: Vec::new(),
            size: 0,
            complete: false,
        }
    }

    /// Returns what the name takes up, as the others do.
    fn note(&mut self, name: &CStr) -> usize {
        let size = name.count_bytes() + PER_NAME;
        self.names.push(name.to_owned());
        self.size += size;
        size
    }

    fn forget_last(&mut self) -> usize {
        let name = self.names.pop();
        let size = name.map_or(0, |name| name.count_bytes() + PER_NAME);
        self.size -= size;
        size
    }

    fn forget_all(&mut self) -> usize {
        self.complete = self.complete && self.names.is_empty();
        self.names = Vec::new();
        std::mem::take(&mut self.size)
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens the directory `name` of `parent`, of the same mount and no link.
fn go_down(parent: impl AsFd, name: impl rustix::path::Arg) -> rustix::io::Result<(Id, OwnedFd)> {
    let here = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let directory = rustix::fs::openat2(parent, name, DIRECTORY, Mode::empty(), here)?;
    Ok((id_of(&directory)?, directory))
}

/// Whether `directory`, the entry `name` of `parent`, was a subvolume that could be
/// removed as it was. One that has others in it can be emptied after this.
fn went_at_once(parent: &OwnedFd, name: &CStr, directory: &OwnedFd) -> bool {
    if !btrfs::is_subvolume(directory.as_fd()) {
        return false;
    }
    if btrfs::remove_subvolume(parent.as_fd(), name).is_ok() {
        return true;
    }
    // Whoever filled the tree may have made it read-only. Where that cannot be taken
    // back, emptying it fails and says so.
    let _ = btrfs::allow_writing(directory.as_fd());
    false
}

fn id_of(directory: &OwnedFd) -> rustix::io::Result<Id> {
    let stat = rustix::fs::fstat(directory)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn failed(top: &Path, name: &CStr, cause: impl Into<io::Error>) -> Failure {
    let name = name.to_string_lossy();
    Failure::new(format!("remove {name} below {}", top.display()), cause)
}

fn unless_gone(removed: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match removed {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
