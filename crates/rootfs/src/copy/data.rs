//! The content of files: holes stay holes.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, SeekFrom, fstat, openat, seek};
use rustix::io::Errno;

use super::{CopyEvent, Told};

/// How much is read at once.
const BUFFER: usize = 1 << 20;

/// How often one who waits for a stream looks up.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Opens the regular file that `inode` is a handle of, and its size.
///
/// # Errors
/// EINVAL for what is no regular file; EAGAIN where the owner of the tree holds a
/// lease of it.
///
/// # Kernel
/// proc_pid_fd(5); fcntl(2), "Leases".
pub(super) fn open_regular(inode: &OwnedFd) -> io::Result<(File, u64)> {
    if FileType::from_raw_mode(fstat(inode)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL.into());
    }
    // The inode found, not the name once more, which may be another by now.
    let link = format!("/proc/self/fd/{}", inode.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, link, flags, Mode::empty())?);
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Copies the parts that have data, as the source's file system tells.
///
/// # Kernel
/// lseek(2), `SEEK_DATA` and `SEEK_HOLE`: a file system without holes says that
/// all is data.
pub(super) fn copy(source: &File, size: u64, target: &File, told: Told<'_>) -> io::Result<()> {
    let mut buffer = vec![0; buffer_for(size)];
    let (mut at, mut written) = (0, 0);
    while at < size {
        let start = match seek(source, SeekFrom::Data(at)) {
            Ok(start) if start < size => start,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(errno) => return Err(errno.into()),
        };
        let end = seek(source, SeekFrom::Hole(start))?.min(size);
        at = start;
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(BUFFER);
            let wanted = wanted.min(buffer.len());
            let part = buffer.get_mut(..wanted).unwrap_or_default();
            let length = source.read_at(part, at)?;
            if length == 0 {
                // It became shorter meanwhile.
                return target.set_len(written);
            }
            target.write_all_at(part.get(..length).unwrap_or_default(), at)?;
            let length = u64::try_from(length).unwrap_or_default();
            at += length;
            written = at;
            told(CopyEvent::Bytes(length))?;
        }
    }
    target.set_len(size)
}

/// Writes a file to a stream, its holes as zeros.
pub(super) fn pour(source: &File, size: u64, output: &OwnedFd, told: Told<'_>) -> io::Result<()> {
    let mut source = source.take(size);
    let mut output = File::from(output.try_clone()?);
    let mut buffer = vec![0; buffer_for(size)];
    loop {
        let length = source.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        output.write_all(buffer.get(..length).unwrap_or_default())?;
        told(CopyEvent::Bytes(u64::try_from(length).unwrap_or_default()))?;
    }
}

/// Writes a stream to a file. While nothing comes, whoever is told may end it.
pub(super) fn fill(input: &OwnedFd, target: &File, told: Told<'_>) -> io::Result<()> {
    let mut source = File::from(input.try_clone()?);
    let mut target = target;
    let mut buffer = vec![0; BUFFER];
    let patience = Timespec::try_from(LOOK_UP).unwrap_or_default();
    loop {
        match poll(&mut [PollFd::new(input, PollFlags::IN)], Some(&patience)) {
            Ok(0) | Err(Errno::INTR) => {
                told(CopyEvent::Bytes(0))?;
                continue;
            }
            // What cannot be waited for is read at once.
            Ok(_) | Err(_) => {}
        }
        let length = match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        target.write_all(buffer.get(..length).unwrap_or_default())?;
        told(CopyEvent::Bytes(u64::try_from(length).unwrap_or_default()))?;
    }
}

/// Nothing larger than the file, of which most are small.
fn buffer_for(size: u64) -> usize {
    usize::try_from(size).unwrap_or(BUFFER).clamp(1, BUFFER)
}
