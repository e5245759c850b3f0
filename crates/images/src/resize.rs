//! Growing and shrinking an image and the file system in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::fstat;
use rustix::io::Errno;
use veld_sys::growth::{grow_ext4, grow_xfs};
use veld_sys::{Context, Failure, fault, loop_device};

use crate::file_system::{FileSystem, SuperBlock};
use crate::lock::open_locked;
use crate::mount::{Access, mount};
use crate::program::run;

/// Of an xfs, how much may hold inodes: what mkfs.xfs gives one of this size.
const XFS_INODES_PERCENT: u32 = 25;
/// Exit statuses of e2fsck(8): nothing to do, and all repaired.
const CHECKED: [i32; 2] = [0, 1];

/// Gives an image that is not mounted so many bytes, and its file system too.
///
/// # Errors
/// EBUSY where it is mounted; ENOSPC where what is in it does not fit; Unsupported
/// for an xfs that is to become smaller.
pub fn resize(image: &Path, size: u64) -> Result<(), Failure> {
    let failed = || format!("resize {}", image.display());
    let file = open_locked(image)?;
    let old = SuperBlock::read(&file).context(failed)?;
    let length = old.block.saturating_mul(old.blocks);
    if size > length {
        // Longer first: whoever is killed in between goes on from there.
        set_length(&file, size).context(failed)?;
    }
    match old.kind {
        FileSystem::Ext4 => {
            // The tool has it alone: nobody else mounts what is locked.
            resize_ext4(image, size).context(failed)?;
        }
        FileSystem::Xfs if size < length => {
            let text = "an xfs cannot become smaller; `veld convert` to another layout and \
                        back makes a new one";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text)).context(failed);
        }
        FileSystem::Xfs => {
            drop(file);
            let mounted = mount(image, Access::Write)?;
            grow(mounted.as_fd(), old, size).context(failed)?;
            return Ok(());
        }
    }
    set_length(&file, size).context(failed)?;
    file.sync_all().context(failed)
}

/// Gives an image whose file system `root` is the top of so many bytes, more than
/// it has.
///
/// # Errors
/// EPERM where this host's root must not grow an ext4 that is mounted.
pub fn grow_mounted(image: &Path, root: BorrowedFd<'_>, size: u64) -> Result<(), Failure> {
    let failed = || format!("grow {}", image.display());
    let file = File::options().read(true).write(true).open(image);
    let file = file.context(|| format!("open {}", image.display()))?;
    let old = SuperBlock::read(&file).context(failed)?;
    set_length(&file, size).context(failed)?;
    let device = device_of(root).context(failed)?;
    let device = File::open(&device).context(|| format!("open {}", device.display()))?;
    loop_device::set_capacity(device.as_fd()).context(failed)?;
    grow(root, old, size).context(failed)
}

fn set_length(file: &File, size: u64) -> io::Result<()> {
    fault::point("resize image")?;
    file.set_len(size)
}

fn grow(root: BorrowedFd<'_>, old: SuperBlock, size: u64) -> io::Result<()> {
    let blocks = size.checked_div(old.block).unwrap_or_default();
    match old.kind {
        FileSystem::Ext4 => grow_ext4(root, blocks),
        FileSystem::Xfs => match grow_xfs(root, blocks, XFS_INODES_PERCENT) {
            // It is as large as that.
            Err(same)
                if same.raw_os_error() == Some(Errno::INVAL.raw_os_error())
                    && old.blocks == blocks =>
            {
                Ok(())
            }
            grown => grown,
        },
    }
}

fn resize_ext4(image: &Path, size: u64) -> io::Result<()> {
    let words = ["-f", "-p"].map(OsStr::new);
    let words = [words[0], words[1], image.as_os_str()];
    run("e2fsck", "e2fsprogs", &words, &CHECKED)?;
    let size = format!("{}K", size / 1024);
    let words = [OsStr::new("-f"), image.as_os_str(), OsStr::new(&size)];
    run("resize2fs", "e2fsprogs", &words, &[0])
}

/// The block device that a file system is on.
fn device_of(root: BorrowedFd<'_>) -> io::Result<PathBuf> {
    let device = fstat(root)?.st_dev;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let link = std::fs::read_link(format!("/sys/dev/block/{major}:{minor}"))?;
    let name = link.file_name().ok_or(io::ErrorKind::NotFound)?;
    Ok(Path::new("/dev").join(name))
}
