//! The files of one group in one hierarchy, read through its directory.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// An open group, and where its files are read to.
#[derive(Debug)]
pub(super) struct Files<'b> {
    dir: OwnedFd,
    buffer: &'b mut Vec<u8>,
}

/// Longer than these files are, but for an io.stat of many disks.
const USUAL: usize = 16 << 10;
/// Longer than any of them.
const LONGEST: usize = 1 << 20;

impl<'b> Files<'b> {
    /// The group at `dir`, if it is there.
    pub(super) fn open(dir: &Path, buffer: &'b mut Vec<u8>) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(dir, flags, Mode::empty()).ok()?;
        buffer.resize(buffer.len().max(USUAL), 0);
        Some(Self { dir, buffer })
    }

    /// The content of a file, if it is there and can be read.
    ///
    /// The kernel composes such a text at the first read and hands out as much as
    /// fits: what fills less than the buffer is all.
    pub(super) fn text(&mut self, name: &str) -> Option<&str> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::empty()).ok()?;
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..)?;
            let asked = room.len();
            let read = rustix::io::read(&file, room).ok()?;
            filled += read;
            if read < asked {
                break;
            }
            if filled >= LONGEST {
                return None;
            }
            self.buffer.resize(filled * 2, 0);
        }
        std::str::from_utf8(self.buffer.get(..filled)?).ok()
    }

    /// The one number that a file holds; none where it says that there is no limit.
    pub(super) fn number(&mut self, name: &str) -> Option<u64> {
        self.text(name)?.trim_end().parse().ok()
    }
}

/// The number behind `key` in a text of lines of both.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    veld_kernfs::keyed(text, key)?.trim_end().parse().ok()
}
