//! The VE's run directory, by descriptor: what the shim leaves there for others.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, Stat};

/// The one name that a file has until it is whole; there is one writer.
const UNFINISHED: &str = ".shim.new";

/// Only root reads what a VE prints.
const PRIVATE: Mode = Mode::from_raw_mode(0o600);

/// /run/veld/NAME, whatever is mounted where.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    directory: OwnedFd,
}

impl RunDirectory {
    pub(crate) fn new(directory: OwnedFd) -> Self {
        Self { directory }
    }

    /// Puts a file of this content at `name`: a reader sees all of it or nothing.
    ///
    /// # Errors
    /// Those of openat(2), write(2) and renameat(2).
    pub(crate) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let file = self.open(UNFINISHED, flags)?;
        let written = rustix::io::write(&file, content)?;
        if written < content.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(self.rename(UNFINISHED, name)?)
    }

    /// Opens `name` to write at its end, making it where it is missing.
    ///
    /// # Errors
    /// Those of openat(2).
    pub(crate) fn append_to(&self, name: &str) -> rustix::io::Result<OwnedFd> {
        self.open(name, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND)
    }

    /// Renames within the directory.
    ///
    /// # Errors
    /// Those of renameat(2).
    pub(crate) fn rename(&self, from: &str, to: &str) -> rustix::io::Result<()> {
        rustix::fs::renameat(&self.directory, from, &self.directory, to)
    }

    /// What file has this name, which may be no link.
    ///
    /// # Errors
    /// Those of fstatat(2).
    pub(crate) fn status(&self, name: &str) -> rustix::io::Result<Stat> {
        rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Reads the beginning of the file `name`: how much there was of it.
    ///
    /// # Errors
    /// Those of openat(2) and read(2).
    pub(crate) fn read(&self, name: &str, buffer: &mut [u8]) -> rustix::io::Result<usize> {
        rustix::io::read(self.open(name, OFlags::RDONLY)?, buffer)
    }

    fn open(&self, name: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        rustix::fs::openat(&self.directory, name, flags, PRIVATE)
    }
}
