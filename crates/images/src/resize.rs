//! Growing and shrinking an image and the file system in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use veld_sys::growth::{blocks_of_xfs, grow_ext4, grow_xfs};
use veld_sys::{Context, Failure, fault, loop_device};

use crate::attach::{Device, attached};
use crate::file_system::{FileSystem, SuperBlock};
use crate::lock::open_locked;
use crate::mount::{Access, is_in_use, mount, mount_device};
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
    let length = old.bytes();
    if size > length {
        // Longer first: of one who is killed in between a file is left that is too long.
        set_length(&file, size).context(failed)?;
    }
    match old.kind {
        FileSystem::Ext4 => {
            // The tool has it alone: nobody else mounts what is locked. Where it fails, the
            // file stays long: only a check says whether it can be cut, see `fit`.
            resize_ext4(image, old.block, size).context(failed)?;
        }
        FileSystem::Xfs if size < length => {
            let text = "an xfs cannot become smaller; `veld convert` to another layout and \
                        back makes a new one";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text)).context(failed);
        }
        FileSystem::Xfs => {
            drop(file);
            let mounted = mount(image, Access::Write)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = openat(&mounted, ".", flags, Mode::empty()).context(failed)?;
            let grown = grow(root.as_fd(), old, size).context(failed);
            if grown.is_err() {
                drop((root, mounted));
                let _ = fit(image);
            }
            return grown;
        }
    }
    set_length(&file, size).context(failed)?;
    file.sync_all().context(failed)
}

/// Gives an image that is mounted, by whomever, so many bytes, more than it has.
///
/// # Errors
/// EPERM where this host's root must not grow an ext4 that is mounted; NotFound where
/// it is not mounted.
pub fn grow_mounted(image: &Path, size: u64) -> Result<(), Failure> {
    let failed = || format!("grow {}", image.display());
    let file = File::options().read(true).write(true).open(image);
    let file = file.context(|| format!("open {}", image.display()))?;
    let old = SuperBlock::read(&file).context(failed)?;
    let device = attached_to(image)?;
    let root = root_on(old, &device.path).context(failed)?;
    set_length(&file, size).context(failed)?;
    let grown =
        loop_device::set_capacity(device.open.as_fd()).and_then(|()| grow(root.as_fd(), old, size));
    grown
        .map_err(|refused| {
            // The file is to say how long the file system is; the first failure is the
            // one to report.
            let _ = fit_mounted(&file, &device);
            told(old.kind, refused)
        })
        .context(failed)
}

fn told(kind: FileSystem, refused: io::Error) -> io::Error {
    if refused.kind() != io::ErrorKind::PermissionDenied {
        return refused;
    }
    let text = format!("root of this host may not grow an {kind} that is mounted: {refused}");
    io::Error::new(refused.kind(), text)
}

/// Makes an image as long as its file system, where it is much longer: of one who was
/// killed when it was to grow. It may be mounted; what another works on is left to that
/// one.
///
/// # Errors
/// Names the image. An ext4 that is damaged is left as it is.
pub fn fit(image: &Path) -> Result<(), Failure> {
    let failed = || format!("fit {} to its file system", image.display());
    let _mounted = match is_in_use(image) {
        true => None,
        false if !is_to_be_cut(image)? => return Ok(()),
        // After a power loss only the journal may say how long it is, which is read so.
        false => Some(mount(image, Access::Write)?),
    };
    let Some(device) = attached(image).context(failed)? else {
        return Ok(());
    };
    let file = File::options().read(true).write(true).open(image);
    let file = file.context(|| format!("open {}", image.display()))?;
    fit_mounted(&file, &device).context(failed)
}

/// Whether an image that nobody uses is longer than what is written at its beginning says.
/// An ext4 is checked then: a resize2fs that was killed may have moved beyond the old end
/// what the file system needs.
fn is_to_be_cut(image: &Path) -> Result<bool, Failure> {
    let file = open_locked(image)?;
    let look = || -> io::Result<bool> {
        let has = SuperBlock::read(&file)?;
        if SuperBlock::fills(has.bytes(), file.metadata()?.len()) {
            return Ok(false);
        }
        if has.kind == FileSystem::Ext4 {
            check_ext4(image)?;
        }
        Ok(true)
    };
    look().context(|| format!("look at the file system of {}", image.display()))
}

fn fit_mounted(file: &File, device: &Device) -> io::Result<()> {
    // What the file has of an ext4 may be older than what the kernel goes by, which is in
    // the cache of the device.
    let has = SuperBlock::read(&device.open)?;
    let length = match has.kind {
        FileSystem::Ext4 => has.bytes(),
        FileSystem::Xfs => {
            let root = root_on(has, &device.path)?;
            blocks_of_xfs(root.as_fd())?.saturating_mul(has.block)
        }
    };
    if !SuperBlock::fills(length, file.metadata()?.len()) {
        set_length(file, length)?;
        loop_device::set_capacity(device.open.as_fd())?;
    }
    Ok(())
}

/// The root of the file system in an image that is mounted, by whomever: that of the
/// image, wherever those who use it have gone.
///
/// # Errors
/// NotFound where it is not mounted.
pub fn root_of_mounted(image: &Path) -> Result<OwnedFd, Failure> {
    let failed = || format!("open the root in {}", image.display());
    let file = File::open(image).context(failed)?;
    let found = SuperBlock::read(&file).context(failed)?;
    let device = attached_to(image)?;
    root_on(found, &device.path).context(failed)
}

/// The device of an image that is mounted.
fn attached_to(image: &Path) -> Result<Device, Failure> {
    attached(image)
        .and_then(|device| device.ok_or(io::ErrorKind::NotFound.into()))
        .context(|| format!("find the loop device of {}", image.display()))
}

/// The kernel has one file system on a device, however often it is mounted.
fn root_on(found: SuperBlock, device: &Path) -> io::Result<OwnedFd> {
    let mounted = mount_device(found, device, Access::Write)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(&mounted, ".", flags, Mode::empty())?)
}

/// Bytes of an image.
///
/// # Errors
/// Names the image.
pub fn size(image: &Path) -> Result<u64, Failure> {
    let about = std::fs::metadata(image).context(|| format!("inspect {}", image.display()))?;
    Ok(about.len())
}

/// Bytes that an image takes up of the file system that it is on.
///
/// # Errors
/// Names the image.
pub fn taken(image: &Path) -> Result<u64, Failure> {
    let about = std::fs::metadata(image).context(|| format!("inspect {}", image.display()))?;
    Ok(about.blocks() * 512)
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

fn check_ext4(image: &Path) -> io::Result<()> {
    let words = [OsStr::new("-f"), OsStr::new("-p"), image.as_os_str()];
    run("e2fsck", "e2fsprogs", &words, &CHECKED).map(drop)
}

fn resize_ext4(image: &Path, block: u64, size: u64) -> io::Result<()> {
    check_ext4(image)?;
    // A tool that finds too late that it does not fit leaves a damaged file system.
    let words = [OsStr::new("-P"), image.as_os_str()];
    let said = run("resize2fs", "e2fsprogs", &words, &[0])?;
    let least = said
        .rsplit(' ')
        .next()
        .and_then(|word| word.trim().parse::<u64>().ok());
    let least = least.unwrap_or_default().saturating_mul(block);
    if least > size {
        let text = format!(
            "what is in it takes {}K, and it would have {}K",
            least / 1024,
            size / 1024
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    let size = format!("{}K", size / 1024);
    let words = [OsStr::new("-f"), image.as_os_str(), OsStr::new(&size)];
    run("resize2fs", "e2fsprogs", &words, &[0]).map(drop)
}
