//! Mounting an image, attached nowhere.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, fstat, stat};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};
use veld_sys::{Context, Failure, fault};

use crate::attach::{Device, attach, attached};
use crate::file_system::{FileSystem, SuperBlock};
use crate::lock::{open_locked, open_locked_within};

/// How long another may take to mount an image that is shared, or a device to let go of it.
const SHARING: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(2);

/// What is done with a mounted image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written, but for what an unclean end has left to be done.
    Read,
    /// Blocks of files that are removed are given back to the image's file system.
    Write,
}

/// Mounts an image, for device nodes to have no effect. Its loop device and its lock
/// go with the mount.
///
/// # Errors
/// EBUSY where it is in use; EUCLEAN, EINVAL and others of a file system that is
/// damaged, with what can be done.
///
/// # Kernel
/// loop(4); fsopen(2): Linux 5.2.
pub fn mount(image: &Path, access: Access) -> Result<OwnedFd, Failure> {
    mount_locked(image, open_locked(image)?, access)
}

/// As [`mount`], of an image that others of those who share it may have mounted: it is
/// their file system then, and goes with the last mount.
///
/// # Errors
/// As [`mount`]; EBUSY where somebody works on it who does not share it.
pub fn mount_shared(image: &Path, access: Access) -> Result<OwnedFd, Failure> {
    let deadline = Instant::now() + SHARING;
    loop {
        let found = attached(image);
        let found = found.context(|| format!("find the loop device of {}", image.display()))?;
        if let Some(device) = found {
            return mount_again(image, &device, access);
        }
        // Between the lock and the device is another who mounts it for the first time,
        // or a device that is letting go.
        match open_locked_within(image, Duration::ZERO) {
            Ok(file) => return mount_locked(image, file, access),
            Err(held)
                if held.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline =>
            {
                std::thread::sleep(POLL);
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn mount_again(image: &Path, device: &Device, access: Access) -> Result<OwnedFd, Failure> {
    let failed = || format!("mount {}", image.display());
    let file = File::open(image).context(failed)?;
    let found = SuperBlock::read(&file).context(failed)?;
    mount_device(found, &device.path, access).context(failed)
}

fn mount_locked(image: &Path, file: File, access: Access) -> Result<OwnedFd, Failure> {
    let found = SuperBlock::read(&file).context(|| format!("mount {}", image.display()))?;
    let device = attach(&file).context(|| format!("give {} a loop device", image.display()))?;
    mount_device(found, &device.path, access).map_err(|cause| {
        let cause = told(found.kind, cause);
        Failure::new(format!("mount {}", image.display()), cause)
    })
}

/// ext4 keeps account where it was made so, and holds users to limits where it is
/// asked to; xfs does both where it is asked to.
const QUOTAS: [&str; 2] = ["usrquota", "grpquota"];

/// Mounts what is on a device.
pub(crate) fn mount_device(
    found: SuperBlock,
    device: &Path,
    access: Access,
) -> io::Result<OwnedFd> {
    let kind = found.kind;
    let source = device.to_string_lossy();
    let flags: &[_] = if found.quotas { &QUOTAS } else { &[] };
    match mount_with(kind, &source, access, flags) {
        // A kernel without quotas.
        Err(refused) if kind == FileSystem::Xfs && is_refusal(&refused) => {
            mount_with(kind, &source, access, &[])
        }
        mounted => mounted,
    }
}

/// Whether an open file is on the file system that an image has, mounted by anybody.
#[must_use]
pub fn is_within(file: impl AsFd, image: &Path) -> bool {
    let (Ok(about), Ok(Some(device))) = (fstat(file), attached(image)) else {
        return false;
    };
    stat(&device.path).is_ok_and(|device| device.st_rdev == about.st_dev)
}

/// Whether somebody works on an image, or has it mounted.
#[must_use]
pub fn is_in_use(image: &Path) -> bool {
    let file = File::open(image);
    // Shared, so that two who ask at once do not see each other.
    file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

fn mount_with(
    kind: FileSystem,
    source: &str,
    access: Access,
    flags: &[&str],
) -> io::Result<OwnedFd> {
    fault::point("mount image")?;
    let context = fsopen(kind.name(), FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), "source", source)?;
    let access = match access {
        Access::Read => "ro",
        Access::Write => "discard",
    };
    fsconfig_set_flag(context.as_fd(), access)?;
    for flag in flags {
        fsconfig_set_flag(context.as_fd(), *flag)?;
    }
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(fsmount(
        context.as_fd(),
        FsMountFlags::FSMOUNT_CLOEXEC,
        attributes,
    )?)
}

fn is_refusal(error: &io::Error) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// What the errnos of a damaged file system are to somebody who has to do something.
fn told(kind: FileSystem, cause: io::Error) -> io::Error {
    let damaged = [
        Errno::UCLEAN,
        Errno::BADMSG,
        Errno::INVAL,
        Errno::IO,
        Errno::ILSEQ,
    ];
    if !damaged
        .iter()
        .any(|errno| cause.raw_os_error() == Some(errno.raw_os_error()))
    {
        return cause;
    }
    let repair = match kind {
        FileSystem::Ext4 => "e2fsck -f",
        FileSystem::Xfs => "xfs_repair -f",
    };
    let text = format!("its {kind} is damaged, which `{repair}` may repair: {cause}");
    io::Error::new(cause.kind(), text)
}
