//! Bounds on what a source may make of the host: bytes, entries, names,
//! attributes. All are checked before the thing itself is made.

use crate::error::Error;
use crate::path::EntryPath;
use crate::refusal::Refusal;

/// Bytes of a path, without the NUL: `PATH_MAX` less one.
pub(crate) const MAX_PATH: usize = 4095;
/// Components of a path. One descriptor is held for each.
pub(crate) const MAX_DEPTH: usize = 256;
/// Symbolic links on the way to one entry of a layer: as many as the kernel follows.
pub(crate) const MAX_LINKS: usize = 40;
/// Names that are read on that way.
pub(crate) const MAX_NAMES: u64 = 8192;
/// Names that may be looked up in links, for each entry that a source may have: images
/// have a few such entries with a few names each.
const NAMES_PER_ENTRY: u64 = 8;
/// Bytes of one pax header: what a sparse map of 100,000 pieces needs.
pub(crate) const MAX_EXTENSION: u64 = 4 * 1024 * 1024;
/// Pieces of one sparse file.
pub(crate) const MAX_EXTENTS: usize = 1 << 20;
/// Extended attributes of one inode, and the bytes of all of them.
pub(crate) const MAX_XATTRS: usize = 256;
pub(crate) const MAX_XATTR_BYTES: usize = 1024 * 1024;
/// Bytes of names and attributes that are kept until the end for directories.
const MAX_DEFERRED: u64 = 512 * 1024 * 1024;

/// How large a template may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of file data, holes included.
    pub size: u64,
    /// Files, directories and links, the skipped ones included.
    pub entries: u64,
}

impl Default for Limits {
    /// 64 GiB and two million entries.
    fn default() -> Self {
        Self {
            size: 64 << 30,
            entries: 2_000_000,
        }
    }
}

/// What of the limits is used.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    pub(crate) size: u64,
    pub(crate) entries: u64,
    overhead: u64,
    deferred: u64,
    followed: u64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            size: 0,
            entries: 0,
            overhead: 0,
            deferred: 0,
            followed: 0,
        }
    }

    /// One more inode or name.
    pub(crate) fn entry(&mut self, path: &EntryPath) -> Result<(), Error> {
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.entries {
            return Err(path.refused(Refusal::TooMany(self.limits.entries)));
        }
        Ok(())
    }

    /// A directory that no entry is for; the next entry is checked with it.
    pub(crate) fn implied_entry(&mut self) {
        self.entries = self.entries.saturating_add(1);
    }

    /// So many more bytes of file data, holes included.
    pub(crate) fn data(&mut self, path: &EntryPath, bytes: u64) -> Result<(), Error> {
        self.size = self.size.saturating_add(bytes);
        self.check(path, self.size, self.limits.size)
    }

    /// So many more bytes that are read and thrown away.
    pub(crate) fn overhead(&mut self, path: &EntryPath, bytes: u64) -> Result<(), Error> {
        self.overhead = self.overhead.saturating_add(bytes);
        self.check(path, self.overhead, self.limits.size)
    }

    /// So many more bytes that stay in memory until the end.
    pub(crate) fn deferred(&mut self, path: &EntryPath, bytes: usize) -> Result<(), Error> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.deferred = self.deferred.saturating_add(bytes);
        self.check(path, self.deferred, MAX_DEFERRED)
    }

    /// One more name that is looked up on the way through links.
    pub(crate) fn followed(&mut self, path: &EntryPath) -> Result<(), Error> {
        self.followed = self.followed.saturating_add(1);
        let most = self.limits.entries.saturating_mul(NAMES_PER_ENTRY);
        if self.followed > most {
            return Err(path.refused(Refusal::TooManyNames(most)));
        }
        Ok(())
    }

    fn check(&self, path: &EntryPath, used: u64, limit: u64) -> Result<(), Error> {
        if used > limit {
            return Err(path.refused(Refusal::TooLarge(self.limits.size)));
        }
        Ok(())
    }
}
