//! Growing file systems while they are mounted.

use std::io;
use std::os::fd::BorrowedFd;

use linux_raw_sys::ioctl::EXT4_IOC_RESIZE_FS;

use crate::{fault, ioctl};

/// Of xfs's own header: `_IOW('X', 110, struct xfs_growfs_data)`.
const XFS_IOC_FSGROWFSDATA: u32 = 0x4010_586e;

#[repr(C)]
struct XfsGrowth {
    blocks: u64,
    most_inodes_percent: u32,
    padding: u32,
}

/// Grows an ext4 to so many of its blocks.
///
/// # Errors
/// EPERM without `CAP_SYS_RESOURCE`.
///
/// # Kernel
/// `EXT4_IOC_RESIZE_FS`: Linux 3.3.
pub fn grow_ext4(root: BorrowedFd<'_>, blocks: u64) -> io::Result<()> {
    fault::point("grow file system")?;
    let mut blocks = blocks;
    // SAFETY: the request reads one number of 64 bits.
    unsafe { ioctl::with(root, EXT4_IOC_RESIZE_FS, &mut blocks) }
}

/// Grows an xfs to so many of its blocks, of which `most_inodes_percent` at most
/// may hold inodes.
///
/// # Errors
/// EPERM without `CAP_SYS_ADMIN`.
///
/// # Kernel
/// `ioctl_xfs_fsgrowfs`, `XFS_IOC_FSGROWFSDATA`.
pub fn grow_xfs(root: BorrowedFd<'_>, blocks: u64, most_inodes_percent: u32) -> io::Result<()> {
    fault::point("grow file system")?;
    let mut growth = XfsGrowth {
        blocks,
        most_inodes_percent,
        padding: 0,
    };
    // SAFETY: `growth` is the struct that the request reads.
    unsafe { ioctl::with(root, XFS_IOC_FSGROWFSDATA, &mut growth) }
}
