//! Copying one large file with holes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{SeekFrom, copy_file_range, ioctl_ficlone, seek};
use rustix::io::Errno;
use veld_sys::fault;

/// What is copied at once where it goes through memory, in bytes.
const BUFFER: usize = 128 * 1024;
/// What the kernel copies at once, in bytes.
const CHUNK: u64 = 64 * 1024 * 1024;

/// Gives the empty file `target` what `source` has: shared where the file system can,
/// else copied, holes left as holes. Returns whether it is shared.
///
/// # Errors
/// Those of `copy_file_range`(2); ENOSPC.
///
/// # Kernel
/// `ioctl_ficlone`(2); lseek(2), `SEEK_DATA`; `copy_file_range`(2).
pub fn copy_file(source: &File, target: &File) -> io::Result<bool> {
    fault::point("copy file")?;
    match ioctl_ficlone(target, source) {
        Ok(()) => return Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::XDEV | Errno::INVAL) => {}
        Err(errno) => return Err(errno.into()),
    }
    let size = source.metadata()?.len();
    let mut at = 0;
    while at < size {
        let start = match seek(source, SeekFrom::Data(at)) {
            Ok(start) if start < size => start,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(errno) => return Err(errno.into()),
        };
        at = seek(source, SeekFrom::Hole(start))?.min(size);
        copy_part(source, target, start, at)?;
    }
    target.set_len(size)?;
    Ok(false)
}

fn copy_part(source: &File, target: &File, from: u64, end: u64) -> io::Result<()> {
    let mut at = from;
    while at < end {
        let length = usize::try_from((end - at).min(CHUNK)).unwrap_or(BUFFER);
        let (mut there, mut here) = (at, at);
        let done = match copy_file_range(source, Some(&mut there), target, Some(&mut here), length)
        {
            Ok(done) => done,
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                through_memory(source, target, at, length.min(BUFFER))?
            }
            Err(errno) => return Err(errno.into()),
        };
        if done == 0 {
            return Err(io::Error::other(
                "it became shorter while it was being copied",
            ));
        }
        at += u64::try_from(done).unwrap_or_default();
    }
    Ok(())
}

fn through_memory(source: &File, target: &File, at: u64, length: usize) -> io::Result<usize> {
    let mut buffer = vec![0; length];
    let done = source.read_at(&mut buffer, at)?;
    target.write_all_at(buffer.get(..done).unwrap_or_default(), at)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn holes_stay_holes_and_the_end_stays_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let source = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(from)
            .unwrap();
        source.set_len(64 << 20).unwrap();
        source.write_all_at(b"one", 0).unwrap();
        source.write_all_at(b"two", 9 << 20).unwrap();
        let target = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(to)
            .unwrap();
        copy_file(&source, &target).unwrap();
        let about = target.metadata().unwrap();
        assert_eq!(about.len(), 64 << 20);
        assert!(about.blocks() * 512 < 1 << 20, "{} blocks", about.blocks());
        let mut found = [0; 3];
        target.read_exact_at(&mut found, 9 << 20).unwrap();
        assert_eq!(&found, b"two");
    }
}
