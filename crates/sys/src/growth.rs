//! Growing file systems while they are mounted, and how large they are then.

use std::io;
use std::os::fd::BorrowedFd;

use linux_raw_sys::ioctl::EXT4_IOC_RESIZE_FS;

use crate::{fault, ioctl};

/// Of xfs's own header: `_IOW('X', 110, struct xfs_growfs_data)`.
const XFS_IOC_FSGROWFSDATA: u32 = 0x4010_586e;

/// Of the same: `_IOR('X', 100, struct xfs_fsop_geom_v1)`.
const XFS_IOC_FSGEOMETRY_V1: u32 = 0x8070_5864;

/// `struct xfs_fsop_geom_v1`, of which only this is looked at.
#[repr(C)]
#[derive(Default)]
struct XfsGeometry {
    before: [u32; 8],
    blocks: u64,
    after: [u64; 9],
}

const _: () = assert!(size_of::<XfsGeometry>() == 112);

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

/// Of how many of its blocks an xfs that is mounted is.
///
/// # Errors
/// ENOTTY of another file system.
///
/// # Kernel
/// `ioctl_xfs_fsgeometry`, `XFS_IOC_FSGEOMETRY_V1`.
pub fn blocks_of_xfs(root: BorrowedFd<'_>) -> io::Result<u64> {
    let mut geometry = XfsGeometry::default();
    // SAFETY: `geometry` is the struct that the request fills.
    unsafe { ioctl::with(root, XFS_IOC_FSGEOMETRY_V1, &mut geometry) }?;
    Ok(geometry.blocks)
}
