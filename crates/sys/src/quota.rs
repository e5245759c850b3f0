//! Quotas of ext4 and xfs: of users, of groups, and of projects, which are numbers
//! that files have besides their owners.
//!
//! A directory may pass its project on to all that is made in it. What has another
//! project cannot be moved or linked into such a directory (EXDEV). Nobody in a user
//! namespace can alter the project of a file.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use linux_raw_sys::general::{FS_XFLAG_PROJINHERIT, fsxattr};
use linux_raw_sys::ioctl::{FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR};

use crate::{fault, ioctl};

const GET: u32 = 0x80_0007;
const SET: u32 = 0x80_0008;
const GET_NEXT: u32 = 0x80_0009;
/// `Q_XGETQSTATV` of linux/dqblk_xfs.h, which all file systems know.
const STATE: u32 = ((b'X' as u32) << 8) + 8;
/// `QIF_LIMITS`: both limits, and nothing else.
const LIMITS: u32 = 1 | 4;
/// Limits are in blocks of so many bytes; what is in use is in bytes.
const BLOCK: u64 = 1024;

/// Whose files are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those of a user.
    User,
    /// Those of a group.
    Group,
    /// Those of a project.
    Project,
}

impl Kind {
    /// Its number, which is that of its two bits among the flags of a state, too.
    fn number(self) -> u32 {
        match self {
            Self::User => 0,
            Self::Group => 1,
            Self::Project => 2,
        }
    }
}

/// What somebody has in use and may have. A limit of 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// The number of the user, group or project.
    pub id: u32,
    /// Bytes in use.
    pub bytes: u64,
    /// Bytes that it may have, a multiple of 1,024.
    pub most_bytes: u64,
    /// Inodes in use.
    pub inodes: u64,
    /// Inodes that it may have.
    pub most_inodes: u64,
}

/// The project of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Project {
    /// Its number; 0 for none.
    pub id: u32,
    /// Whether the directory passes it on.
    pub inherits: bool,
}

/// The project of an open file or directory.
///
/// # Errors
/// ENOTTY or EOPNOTSUPP of a file system without.
///
/// # Kernel
/// `FS_IOC_FSGETXATTR`, ioctl_xfs_fsgetxattr(2): Linux 4.5.
pub fn project(file: BorrowedFd<'_>) -> io::Result<Project> {
    let mut about = attributes();
    fsxattr(file, FS_IOC_FSGETXATTR, &mut about)?;
    Ok(Project {
        id: about.fsx_projid,
        inherits: about.fsx_xflags & FS_XFLAG_PROJINHERIT != 0,
    })
}

/// Gives a directory a project, and to all that is made in it from now on.
///
/// # Errors
/// EOPNOTSUPP of a file system without; EINVAL in a user namespace.
///
/// # Kernel
/// `FS_IOC_FSSETXATTR`, ioctl_xfs_fsgetxattr(2): Linux 4.5.
pub fn set_project(directory: BorrowedFd<'_>, id: u32) -> io::Result<()> {
    fault::point("count files")?;
    let mut about = attributes();
    fsxattr(directory, FS_IOC_FSGETXATTR, &mut about)?;
    about.fsx_projid = id;
    about.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    fsxattr(directory, FS_IOC_FSSETXATTR, &mut about)
}

/// Whether the file system of a file counts and holds everybody of a kind to limits.
///
/// # Kernel
/// `Q_XGETQSTATV` of quotactl(2); quotactl_fd(2): Linux 5.14.
#[must_use]
pub fn is_enforced(file: BorrowedFd<'_>, kind: Kind) -> bool {
    let mut state = State {
        version: 1,
        pad: 0,
        flags: 0,
        rest: [0; 39],
    };
    let both = 0b11 << (2 * kind.number());
    control(file, STATE, kind, 0, &mut state).is_ok() && u32::from(state.flags) & both == both
}

/// What one user, group or project has.
///
/// # Errors
/// ESRCH, ENOSYS or EOPNOTSUPP where none are counted.
///
/// # Kernel
/// `Q_GETQUOTA` of quotactl(2); quotactl_fd(2): Linux 5.14.
pub fn get(file: BorrowedFd<'_>, kind: Kind, id: u32) -> io::Result<Quota> {
    let mut block = Block::default();
    match control(file, GET, kind, id, &mut block) {
        // Of xfs, of whom nothing was ever counted.
        Err(none) if none.raw_os_error() == Some(libc::ENOENT) => Ok(Quota {
            id,
            ..Quota::default()
        }),
        Err(error) => Err(error),
        Ok(()) => Ok(block.quota(id)),
    }
}

/// What the first has whose number is `id` or above; `None` after the last.
///
/// # Errors
/// As [`get`].
///
/// # Kernel
/// `Q_GETNEXTQUOTA` of quotactl(2): Linux 4.6.
pub fn next(file: BorrowedFd<'_>, kind: Kind, id: u32) -> io::Result<Option<Quota>> {
    let mut block = Block::default();
    match control(file, GET_NEXT, kind, id, &mut block) {
        Err(none) if none.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
        Ok(()) => Ok(Some(block.quota(block.id))),
    }
}

/// Holds a user, group or project to limits; what is in use is not looked at.
///
/// # Errors
/// As [`get`]; EPERM without CAP_SYS_ADMIN in the initial user namespace; ERANGE.
///
/// # Kernel
/// `Q_SETQUOTA` of quotactl(2); quotactl_fd(2): Linux 5.14.
pub fn set(file: BorrowedFd<'_>, kind: Kind, limits: Quota) -> io::Result<()> {
    fault::point("set quota")?;
    let mut block = Block {
        most_blocks: limits.most_bytes.div_ceil(BLOCK),
        most_inodes: limits.most_inodes,
        valid: LIMITS,
        ..Block::default()
    };
    control(file, SET, kind, limits.id, &mut block)
}

/// `struct if_nextdqblk` of linux/quota.h; `struct if_dqblk` is the same without its
/// last field, which is then padding.
#[repr(C)]
#[derive(Default)]
struct Block {
    most_blocks: u64,
    soft_blocks: u64,
    bytes: u64,
    most_inodes: u64,
    soft_inodes: u64,
    inodes: u64,
    bytes_time: u64,
    inodes_time: u64,
    valid: u32,
    id: u32,
}

impl Block {
    fn quota(&self, id: u32) -> Quota {
        Quota {
            id,
            bytes: self.bytes,
            most_bytes: self.most_blocks.saturating_mul(BLOCK),
            inodes: self.inodes,
            most_inodes: self.most_inodes,
        }
    }
}

/// The beginning of `struct fs_quota_statv` of linux/dqblk_xfs.h, and room for the
/// rest of its 160 bytes.
#[repr(C)]
struct State {
    version: i8,
    pad: u8,
    flags: u16,
    rest: [u32; 39],
}

/// Each caller passes the struct that belongs to its command.
fn control<T>(
    file: BorrowedFd<'_>,
    command: u32,
    kind: Kind,
    id: u32,
    arguments: &mut T,
) -> io::Result<()> {
    // SAFETY: `arguments` is the struct that belongs to the command, of at least the
    // size that the kernel reads and writes, and lives across the call; the kernel
    // keeps no pointer to it.
    let result = unsafe {
        libc::syscall(
            libc::SYS_quotactl_fd,
            file.as_raw_fd(),
            libc::c_ulong::from(command << 8 | kind.number()),
            libc::c_ulong::from(id),
            std::ptr::from_mut(arguments),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn attributes() -> fsxattr {
    fsxattr {
        fsx_xflags: 0,
        fsx_extsize: 0,
        fsx_nextents: 0,
        fsx_projid: 0,
        fsx_cowextsize: 0,
        fsx_pad: [0; 8],
    }
}

fn fsxattr(file: BorrowedFd<'_>, request: u32, about: &mut fsxattr) -> io::Result<()> {
    // SAFETY: both requests take a `struct fsxattr`.
    unsafe { ioctl::with(file, request, about) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn structs_are_as_large_as_the_kernels() {
        assert_eq!(size_of::<Block>(), 72);
        assert_eq!(size_of::<State>(), 160);
    }

    #[test]
    fn what_counts_nobody_says_so() {
        let file = std::fs::File::open("/proc/version").unwrap();
        assert!(!is_enforced(file.as_fd(), Kind::Project));
        assert!(get(file.as_fd(), Kind::User, 0).is_err());
        assert!(project(file.as_fd()).is_err());
    }
}
