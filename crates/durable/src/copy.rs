//! Copying a tree that somebody else filled, so that nobody can tell the copy
//! from it.
//!
//! Whoever owns the source may nest directories without end and put a million
//! names into one, so the walk is that of [`crate::remove_tree`]: it does not
//! recurse, holds the descriptors of one directory on either side, goes down by
//! name and up by `..`, and of each level remembers a bounded number of names
//! and how far the directory was read:
//!
//! ```text
//!        ┌── one noted ──── make it, go down into it, a level more
//!  level ┼── some unread ── list: copy what is no directory, note what is one
//!        └── nothing left ─ give it owner, mode and times, go up
//! ```
//!
//! No link is followed, nothing that is mounted is entered, and a `..` that is
//! not the directory one came from ends the walk. The target belongs to the
//! caller, and nobody else writes there.

mod attributes;
mod data;
#[cfg(test)]
mod disk;
mod inode;
mod options;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trees;

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, SeekFrom, Stat};
use rustix::io::Errno;
use veld_sys::handle::Handle;
use veld_sys::{Context, Failure, fault};

pub use options::{Copied, CopyOptions, Devices, Reflink, Trusted};

/// What is read of a directory at once, in bytes.
const BUFFER: usize = 32 * 1024;
/// What names one level may take up before they are worked through, in bytes.
const PER_LEVEL: usize = 64 * 1024;
/// What the names of all levels may take up, in bytes. Past it a level notes a
/// single name before it goes down.
const IN_ALL: usize = 4 * 1024 * 1024;
/// What a name takes up besides its bytes.
const PER_NAME: usize = 32;
/// What of a path an error tells, in bytes.
const TOLD: usize = 1024;

/// Copies all that is in the directory `source` into the empty directory
/// `target`, and gives that what the source's top has: owners, modes, times,
/// extended attributes, hard links, holes, and data shared where the file system
/// can.
///
/// `check` is asked before each inode and each few megabytes, and told what has
/// been copied; its error ends the copy. After an error the target has a part
/// of the tree, for the caller to remove.
///
/// # Errors
/// Names the path below the top that was in the way, and what `check` said.
///
/// # Kernel
/// openat2(2) with `RESOLVE_NO_XDEV`, Linux 5.6; `ioctl_ficlone`(2);
/// `copy_file_range`(2); lseek(2), `SEEK_DATA`; syncfs(2).
pub fn copy_tree(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    options: &CopyOptions,
    check: &mut dyn FnMut(&Copied) -> io::Result<()>,
) -> Result<Copied, Failure> {
    fault::point("copy tree").context(|| "copy a tree")?;
    let mut walk = Walk::new(source, target, options, check).context(|| "copy a tree")?;
    if let Err(cause) = walk.run() {
        return Err(Failure::new(format!("copy {}", walk.path()), cause));
    }
    let copied = walk.copied;
    if options.sync {
        fault::point("sync copy")
            .and_then(|()| Ok(rustix::fs::syncfs(target)?))
            .context(|| "sync a copied tree")?;
    }
    Ok(copied)
}

/// Device and inode.
type Id = (u64, u64);

/// A directory that the walk is in or below.
#[derive(Debug)]
struct Level {
    source: Id,
    target: Id,
    /// Directories in it that are still to be copied; the walk is in the last.
    names: Vec<CString>,
    /// What the names take up, in bytes.
    size: usize,
    /// Where reading goes on; `None` once all was read.
    unread: Option<u64>,
}

/// Where the first name of an inode that has several went.
#[derive(Debug)]
struct Linked {
    handle: Handle,
    /// How many of its names have not been met.
    left: u64,
}

struct Walk<'a> {
    options: &'a CopyOptions,
    check: &'a mut dyn FnMut(&Copied) -> io::Result<()>,
    /// The directories of the last level.
    source: OwnedFd,
    target: OwnedFd,
    levels: Vec<Level>,
    /// What the names of all levels take up, in bytes.
    size: usize,
    /// What they may take up.
    limit: usize,
    /// What is being copied in the last level, for an error to name.
    at: CString,
    linked: HashMap<Id, Linked>,
    /// Whether the file systems share data, as far as is known.
    shares: bool,
    /// Whether the kernel copies between them.
    ranges: bool,
    buffer: Vec<u8>,
    data: Vec<u8>,
    copied: Copied,
}

impl<'a> Walk<'a> {
    fn new(
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
        options: &'a CopyOptions,
        check: &'a mut dyn FnMut(&Copied) -> io::Result<()>,
    ) -> io::Result<Self> {
        // Opened anew: how far a caller has read its own is not ours to alter.
        let (source_id, source) = open_directory(source, c".")?;
        let (target_id, target) = open_directory(target, c".")?;
        Ok(Self {
            options,
            check,
            source,
            target,
            levels: vec![Level::new(source_id, target_id)],
            size: 0,
            limit: IN_ALL,
            at: CString::default(),
            linked: HashMap::new(),
            shares: options.reflink != Reflink::Never,
            ranges: true,
            buffer: Vec::with_capacity(BUFFER),
            data: vec![0; data::BUFFER],
            copied: Copied::default(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        while let Some(level) = self.levels.last() {
            if let Some(name) = level.names.last() {
                self.at = name.clone();
                self.go_down()?;
            } else if level.unread.is_some() {
                self.list()?;
            } else {
                self.at = c".".to_owned();
                self.finish_directory()?;
                self.go_up()?;
            }
        }
        Ok(())
    }

    /// Makes the directory noted last, and is then in it.
    fn go_down(&mut self) -> io::Result<()> {
        self.count()?;
        let (source_id, source) = match open_directory(&self.source, &self.at) {
            Ok(found) => found,
            Err(Errno::XDEV) => return self.mounted(),
            // Removed since it was listed.
            Err(Errno::NOENT) => {
                self.forget_last();
                return Ok(());
            }
            Err(errno) => return Err(errno.into()),
        };
        if self
            .levels
            .first()
            .is_some_and(|top| top.target == source_id)
        {
            return Err(io::Error::other("the copy would be in itself"));
        }
        rustix::fs::mkdirat(&self.target, &self.at, Mode::RWXU)?;
        let (target_id, target) = open_directory(&self.target, &self.at)?;
        self.source = source;
        self.target = target;
        self.levels.push(Level::new(source_id, target_id));
        Ok(())
    }

    /// Something is mounted there: an empty directory, as what is mounted looks.
    fn mounted(&mut self) -> io::Result<()> {
        let stat = rustix::fs::statat(&self.source, &self.at, AtFlags::SYMLINK_NOFOLLOW)?;
        rustix::fs::mkdirat(&self.target, &self.at, Mode::RWXU)?;
        inode::give(&self.target, &self.at, &stat)?;
        self.forget_last();
        Ok(())
    }

    /// Leaves the directory that the walk is in, for that of the level before.
    fn go_up(&mut self) -> io::Result<()> {
        self.levels.pop();
        let Some(level) = self.levels.last() else {
            return Ok(());
        };
        let (source_id, source) = open_above(&self.source)?;
        let (target_id, target) = open_above(&self.target)?;
        if (source_id, target_id) != (level.source, level.target) {
            return Err(io::Error::other("it was moved while it was being copied"));
        }
        self.source = source;
        self.target = target;
        self.forget_last();
        Ok(())
    }

    fn forget_last(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.size -= level.forget_last();
        }
    }

    /// Copies what is no directory here, and notes the name of what is one,
    /// until all is read or the names are many.
    fn list(&mut self) -> io::Result<()> {
        let from = self.levels.last().and_then(|level| level.unread);
        rustix::fs::seek(&self.source, SeekFrom::Start(from.unwrap_or_default()))?;
        // Taken for the time of the listing, in which the rest of `self` is used.
        let mut buffer = std::mem::take(&mut self.buffer);
        let source = self.source.try_clone()?;
        let mut entries = RawDir::new(&source, buffer.spare_capacity_mut());
        let mut unread = None;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                // Removed by another while it was read.
                Err(Errno::NOENT) => break,
                Err(errno) => return Err(errno.into()),
            };
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            self.at = name.to_owned();
            if self.is_directory(entry.file_type())? {
                self.note();
            } else {
                self.count()?;
                self.entry(entry.file_type())?;
            }
            if self.has_many() {
                unread = Some(entry.next_entry_cookie());
                break;
            }
        }
        self.buffer = buffer;
        if let Some(level) = self.levels.last_mut() {
            level.unread = unread;
        }
        Ok(())
    }

    /// Whether what is being copied is a directory: as the listing says, or the
    /// inode where that says nothing.
    fn is_directory(&self, listed: FileType) -> io::Result<bool> {
        if listed != FileType::Unknown {
            return Ok(listed.is_dir());
        }
        let stat = rustix::fs::statat(&self.source, &self.at, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode).is_dir())
    }

    fn note(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            self.size += level.note(&self.at);
        }
    }

    fn has_many(&self) -> bool {
        let Some(level) = self.levels.last() else {
            return false;
        };
        level.size > PER_LEVEL || (self.size > self.limit && !level.names.is_empty())
    }

    /// Asks the caller, and counts an entry.
    fn count(&mut self) -> io::Result<()> {
        (self.check)(&self.copied)?;
        self.copied.entries += 1;
        Ok(())
    }

    /// Where the walk is, from the top; its end alone where that is long.
    fn path(&self) -> String {
        let names = self.levels.iter().rev().skip(1);
        let names = names.filter_map(|level| level.names.last());
        let mut path = self.at.to_string_lossy().into_owned();
        for name in names {
            if path.len() > TOLD {
                return format!("…/{path}");
            }
            path = format!("{}/{path}", name.to_string_lossy());
        }
        path
    }
}

impl Level {
    fn new(source: Id, target: Id) -> Self {
        Self {
            source,
            target,
            names: Vec::new(),
            size: 0,
            unread: Some(0),
        }
    }

    /// Returns what the name takes up, as the other does.
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
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens the directory `name` of `parent`, of the same mount and no link.
fn open_directory(parent: impl AsFd, name: &CStr) -> rustix::io::Result<(Id, OwnedFd)> {
    let directory = open_unread(parent, name, DIRECTORY)?;
    Ok((id_of(&directory)?, directory))
}

/// Opens what is `name` of `parent`, of the same mount and no link, so that its
/// time of access stays, where it may be opened like that.
fn open_unread(parent: impl AsFd, name: &CStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let here = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    if flags.contains(OFlags::PATH) {
        return rustix::fs::openat2(&parent, name, flags, Mode::empty(), here);
    }
    let quiet = flags | OFlags::NOATIME;
    match rustix::fs::openat2(&parent, name, quiet, Mode::empty(), here) {
        Err(Errno::PERM) => rustix::fs::openat2(&parent, name, flags, Mode::empty(), here),
        opened => opened,
    }
}

fn open_above(directory: &OwnedFd) -> rustix::io::Result<(Id, OwnedFd)> {
    let quiet = DIRECTORY | OFlags::NOATIME;
    let above = match rustix::fs::openat(directory, c"..", quiet, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(directory, c"..", DIRECTORY, Mode::empty())?,
        opened => opened?,
    };
    Ok((id_of(&above)?, above))
}

fn id_of(inode: &OwnedFd) -> rustix::io::Result<Id> {
    Ok(id(&rustix::fs::fstat(inode)?))
}

fn id(stat: &Stat) -> Id {
    (stat.st_dev, stat.st_ino)
}
