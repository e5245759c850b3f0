//! Mounting an image, attached nowhere.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen,
};
use veld_sys::{Context, Failure, fault};

use crate::attach::attach;
use crate::file_system::{FileSystem, SuperBlock};
use crate::lock::open_locked;

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
    let file = open_locked(image)?;
    let kind = SuperBlock::read(&file)
        .context(|| format!("mount {}", image.display()))?
        .kind;
    let device = attach(&file).context(|| format!("give {} a loop device", image.display()))?;
    mount_device(kind, &device.path, access)
        .map_err(|cause| Failure::new(format!("mount {}", image.display()), told(kind, cause)))
}

/// Mounts what is on a device.
pub(crate) fn mount_device(kind: FileSystem, device: &Path, access: Access) -> io::Result<OwnedFd> {
    let source = device.to_string_lossy();
    match mount_with(kind, &source, access, quotas(kind)) {
        // A kernel without quotas.
        Err(refused) if kind == FileSystem::Xfs && is_refusal(&refused) => {
            mount_with(kind, &source, access, &[])
        }
        mounted => mounted,
    }
}

/// Whether somebody works on an image, or has it mounted.
#[must_use]
pub fn is_in_use(image: &Path) -> bool {
    let file = std::fs::File::open(image);
    file.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
}

/// ext4 accounts for users where it was made so; xfs where it is asked to.
fn quotas(kind: FileSystem) -> &'static [&'static str] {
    match kind {
        FileSystem::Ext4 => &[],
        FileSystem::Xfs => &["uquota", "gquota"],
    }
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
