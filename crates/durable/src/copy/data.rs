//! The data of a file: shared where the file system can, else copied in the
//! kernel, else through memory; holes stay holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, Stat, copy_file_range, ioctl_ficlone, seek};
use rustix::io::Errno;

use super::{Reflink, Walk};

/// What is read at once, in bytes. A file of no more is read and written, which
/// is quicker than to have the kernel do it.
pub(super) const BUFFER: usize = 128 * 1024;
/// What the kernel copies between two questions to the caller, in bytes.
const CHUNK: u64 = 8 * 1024 * 1024;

impl Walk<'_> {
    pub(super) fn copy_data(
        &mut self,
        source: &File,
        target: &File,
        stat: &Stat,
    ) -> io::Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        if size == 0 || self.share(source, target, size)? {
            return Ok(());
        }
        let on_disk = u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if on_disk >= size {
            return self.copy_part(source, target, 0..size);
        }
        self.copy_between_holes(source, target, size)
    }

    /// Whether the file shares its data with the source now.
    ///
    /// # Kernel
    /// `ioctl_ficlone`(2): EOPNOTSUPP and ENOTTY of a file system that cannot,
    /// EXDEV across two of them, EINVAL of a file that cannot.
    fn share(&mut self, source: &File, target: &File, size: u64) -> io::Result<bool> {
        if !self.shares {
            return Ok(false);
        }
        let required = self.options.reflink == Reflink::Required;
        match ioctl_ficlone(target, source) {
            Ok(()) => {
                self.copied.reflinked += 1;
                self.copied.bytes += size;
                Ok(true)
            }
            Err(errno) if required => Err(errno.into()),
            Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::XDEV) => {
                self.shares = false;
                Ok(false)
            }
            Err(Errno::INVAL | Errno::TXTBSY) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// # Kernel
    /// lseek(2), `SEEK_DATA` and `SEEK_HOLE`: a file system without holes says
    /// that all is data.
    fn copy_between_holes(&mut self, source: &File, target: &File, size: u64) -> io::Result<()> {
        let mut at = 0;
        while at < size {
            let start = match seek(source, SeekFrom::Data(at)) {
                Ok(start) if start < size => start,
                Ok(_) | Err(Errno::NXIO) => break,
                Err(errno) => return Err(errno.into()),
            };
            at = seek(source, SeekFrom::Hole(start))?.min(size);
            self.copy_part(source, target, start..at)?;
        }
        target.set_len(size)
    }

    fn copy_part(&mut self, source: &File, target: &File, part: Range<u64>) -> io::Result<()> {
        let mut at = part.start;
        let small = u64::try_from(BUFFER).unwrap_or_default();
        while at < part.end {
            let left = part.end - at;
            let done = if left > small && self.ranges {
                self.copy_in_kernel(source, target, at, left.min(CHUNK))?
            } else {
                self.copy_through_memory(source, target, at, left.min(small))?
            };
            at += done;
            self.copied.bytes += done;
            if left > small {
                (self.check)(&self.copied)?;
            }
        }
        Ok(())
    }

    fn copy_in_kernel(
        &mut self,
        source: &File,
        target: &File,
        at: u64,
        length: u64,
    ) -> io::Result<u64> {
        let (mut from, mut to) = (at, at);
        let length = usize::try_from(length).unwrap_or(BUFFER);
        match copy_file_range(source, Some(&mut from), target, Some(&mut to), length) {
            Ok(0) => Err(shortened()),
            Ok(done) => Ok(u64::try_from(done).unwrap_or_default()),
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                self.ranges = false;
                Ok(0)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn copy_through_memory(
        &mut self,
        source: &File,
        target: &File,
        at: u64,
        length: u64,
    ) -> io::Result<u64> {
        let length = usize::try_from(length).unwrap_or(BUFFER);
        let buffer = self.data.get_mut(..length).unwrap_or_default();
        let done = source.read_at(buffer, at)?;
        let Some(data @ [_, ..]) = buffer.get(..done) else {
            return Err(shortened());
        };
        target.write_all_at(data, at)?;
        Ok(u64::try_from(done).unwrap_or_default())
    }
}

fn shortened() -> io::Error {
    io::Error::other("it became shorter while it was being copied")
}
