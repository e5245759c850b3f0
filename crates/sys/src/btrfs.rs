//! Subvolumes of btrfs and their quota groups, which no library wraps.
//!
//! A subvolume is a directory that is a tree of its own: a snapshot of it is made
//! at once, whatever it holds, and so is its removal. Each has a quota group of
//! level 0, which has its id; a group of a higher level is the sum of those that
//! are assigned to it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use linux_raw_sys::btrfs::{
    BTRFS_QGROUP_LIMIT_MAX_RFER, BTRFS_QUOTA_CTL_ENABLE, BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA,
    btrfs_ioctl_fs_info_args, btrfs_ioctl_ino_lookup_args, btrfs_ioctl_qgroup_assign_args,
    btrfs_ioctl_qgroup_create_args, btrfs_ioctl_qgroup_limit_args, btrfs_ioctl_quota_ctl_args,
    btrfs_ioctl_vol_args_v2, btrfs_ioctl_vol_args_v2__bindgen_ty_1,
    btrfs_ioctl_vol_args_v2__bindgen_ty_2, btrfs_qgroup_limit,
};
use linux_raw_sys::ioctl::{
    BTRFS_IOC_FS_INFO, BTRFS_IOC_INO_LOOKUP, BTRFS_IOC_QGROUP_ASSIGN, BTRFS_IOC_QGROUP_CREATE,
    BTRFS_IOC_QGROUP_LIMIT, BTRFS_IOC_QUOTA_CTL, BTRFS_IOC_SNAP_CREATE_V2,
    BTRFS_IOC_SNAP_DESTROY_V2, BTRFS_IOC_SUBVOL_CREATE_V2, BTRFS_IOC_SUBVOL_SETFLAGS,
};
use rustix::fs::{fstat, fstatfs};

use crate::{fault, ioctl};

/// The number of the inode at the top of every subvolume.
const TOP: u64 = 256;

/// `BTRFS_SUPER_MAGIC` of linux/magic.h.
const MAGIC: i64 = 0x9123_683e;

/// How use is accounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accounting {
    /// Who wrote a block pays for it as long as anybody refers to it. Linux 6.7,
    /// and no earlier kernel mounts the file system from then on.
    Simple,
    /// Whoever refers to a block pays for it, which takes time to know.
    Full,
}

/// Whether a directory is on btrfs.
#[must_use]
pub fn is_btrfs(directory: BorrowedFd<'_>) -> bool {
    fstatfs(directory).is_ok_and(|found| found.f_type == MAGIC)
}

/// Whether a directory is the top of a subvolume.
#[must_use]
pub fn is_subvolume(directory: BorrowedFd<'_>) -> bool {
    fstat(directory).is_ok_and(|about| about.st_ino == TOP) && is_btrfs(directory)
}

/// Makes an empty subvolume.
///
/// # Errors
/// ENOTTY where the directory is on another file system; EEXIST.
///
/// # Kernel
/// `ioctl_btrfs`, `BTRFS_IOC_SUBVOL_CREATE_V2` of linux/btrfs.h: Linux 3.6.
pub fn create_subvolume(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    fault::point("create subvolume")?;
    let mut arguments = named(name, 0)?;
    ask(parent, BTRFS_IOC_SUBVOL_CREATE_V2, &mut arguments)
}

/// Makes a subvolume that has all that another has now.
///
/// # Errors
/// EXDEV where the two are not on one file system; EINVAL where `source` is no
/// subvolume.
///
/// # Kernel
/// `BTRFS_IOC_SNAP_CREATE_V2` of linux/btrfs.h: Linux 2.6.37.
pub fn snapshot(source: BorrowedFd<'_>, parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    fault::point("snapshot subvolume")?;
    let mut arguments = named(name, i64::from(source.as_raw_fd()))?;
    ask(parent, BTRFS_IOC_SNAP_CREATE_V2, &mut arguments)
}

/// Removes a subvolume with all that is in it; its blocks are freed in the
/// background.
///
/// # Errors
/// ENOTEMPTY where there are other subvolumes in it; EINVAL of what is none.
///
/// # Kernel
/// `BTRFS_IOC_SNAP_DESTROY_V2` of linux/btrfs.h: Linux 5.7.
pub fn remove_subvolume(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    fault::point("remove subvolume")?;
    let mut arguments = named(name, 0)?;
    ask(parent, BTRFS_IOC_SNAP_DESTROY_V2, &mut arguments)
}

/// Takes the mark from a subvolume that it cannot be written to.
///
/// # Kernel
/// `BTRFS_IOC_SUBVOL_SETFLAGS` of linux/btrfs.h: Linux 2.6.37.
pub fn allow_writing(subvolume: BorrowedFd<'_>) -> io::Result<()> {
    fault::point("make subvolume writable")?;
    ask(subvolume, BTRFS_IOC_SUBVOL_SETFLAGS, &mut 0_u64)
}

/// The id of the subvolume that a directory is in.
///
/// # Kernel
/// `BTRFS_IOC_INO_LOOKUP` of linux/btrfs.h: Linux 2.6.34.
pub fn subvolume_id(directory: BorrowedFd<'_>) -> io::Result<u64> {
    let mut arguments = btrfs_ioctl_ino_lookup_args {
        treeid: 0,
        objectid: TOP,
        name: [0; 4080],
    };
    ask(directory, BTRFS_IOC_INO_LOOKUP, &mut arguments)?;
    Ok(arguments.treeid)
}

/// The UUID of the file system, by which the kernel names it below /sys/fs/btrfs.
///
/// # Kernel
/// `BTRFS_IOC_FS_INFO` of linux/btrfs.h: Linux 3.1.
pub fn uuid(directory: BorrowedFd<'_>) -> io::Result<[u8; 16]> {
    let mut arguments = btrfs_ioctl_fs_info_args {
        max_id: 0,
        num_devices: 0,
        fsid: [0; 16],
        nodesize: 0,
        sectorsize: 0,
        clone_alignment: 0,
        csum_type: 0,
        csum_size: 0,
        flags: 0,
        generation: 0,
        metadata_uuid: [0; 16],
        reserved: [0; 944],
    };
    ask(directory, BTRFS_IOC_FS_INFO, &mut arguments)?;
    Ok(arguments.fsid)
}

/// Switches quotas on for the whole file system.
///
/// # Errors
/// EINVAL of a kernel that does not know this kind of accounting.
///
/// # Kernel
/// `BTRFS_IOC_QUOTA_CTL` of linux/btrfs.h: Linux 3.6; simple quotas 6.7.
pub fn enable_quota(directory: BorrowedFd<'_>, accounting: Accounting) -> io::Result<()> {
    fault::point("enable quotas")?;
    let command = match accounting {
        Accounting::Simple => BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA,
        Accounting::Full => BTRFS_QUOTA_CTL_ENABLE,
    };
    let mut arguments = btrfs_ioctl_quota_ctl_args {
        cmd: u64::from(command),
        status: 0,
    };
    ask(directory, BTRFS_IOC_QUOTA_CTL, &mut arguments)
}

/// Makes a quota group.
///
/// # Errors
/// EEXIST; ENOTCONN where quotas are not on.
///
/// # Kernel
/// `BTRFS_IOC_QGROUP_CREATE` of linux/btrfs.h: Linux 3.6.
pub fn create_group(directory: BorrowedFd<'_>, group: u64) -> io::Result<()> {
    fault::point("create quota group")?;
    let mut arguments = btrfs_ioctl_qgroup_create_args {
        create: 1,
        qgroupid: group,
    };
    ask(directory, BTRFS_IOC_QGROUP_CREATE, &mut arguments)
}

/// Removes a quota group that nothing is assigned to.
///
/// # Errors
/// ENOENT where there is none; EBUSY where something is assigned to it.
///
/// # Kernel
/// `BTRFS_IOC_QGROUP_CREATE` of linux/btrfs.h: Linux 3.6.
pub fn remove_group(directory: BorrowedFd<'_>, group: u64) -> io::Result<()> {
    fault::point("remove quota group")?;
    let mut arguments = btrfs_ioctl_qgroup_create_args {
        create: 0,
        qgroupid: group,
    };
    ask(directory, BTRFS_IOC_QGROUP_CREATE, &mut arguments)
}

/// Assigns a quota group to one of a higher level, or takes it from there.
///
/// # Errors
/// EEXIST where it is assigned; ENOENT where it is not.
///
/// # Kernel
/// `BTRFS_IOC_QGROUP_ASSIGN` of linux/btrfs.h: Linux 3.6.
pub fn assign_group(
    directory: BorrowedFd<'_>,
    group: u64,
    to: u64,
    assigned: bool,
) -> io::Result<()> {
    fault::point("assign quota group")?;
    let mut arguments = btrfs_ioctl_qgroup_assign_args {
        assign: u64::from(assigned),
        src: group,
        dst: to,
    };
    ask(directory, BTRFS_IOC_QGROUP_ASSIGN, &mut arguments)
}

/// Holds a quota group to so many bytes, or to none.
///
/// # Errors
/// ENOENT where there is no such group.
///
/// # Kernel
/// `BTRFS_IOC_QGROUP_LIMIT` of linux/btrfs.h: Linux 3.6; that all ones take a limit
/// away: Linux 4.2.
pub fn limit_group(directory: BorrowedFd<'_>, group: u64, bytes: Option<u64>) -> io::Result<()> {
    fault::point("limit quota group")?;
    let mut arguments = btrfs_ioctl_qgroup_limit_args {
        qgroupid: group,
        lim: btrfs_qgroup_limit {
            flags: u64::from(BTRFS_QGROUP_LIMIT_MAX_RFER),
            max_rfer: bytes.unwrap_or(u64::MAX),
            max_excl: 0,
            rsv_rfer: 0,
            rsv_excl: 0,
        },
    };
    ask(directory, BTRFS_IOC_QGROUP_LIMIT, &mut arguments)
}

fn named(name: &CStr, fd: i64) -> io::Result<btrfs_ioctl_vol_args_v2> {
    let mut field = [0; 4040];
    let bytes = name.to_bytes();
    if bytes.len() >= field.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (to, from) in field.iter_mut().zip(bytes) {
        *to = from.cast_signed();
    }
    Ok(btrfs_ioctl_vol_args_v2 {
        fd,
        transid: 0,
        flags: 0,
        __bindgen_anon_1: btrfs_ioctl_vol_args_v2__bindgen_ty_1 { unused: [0; 4] },
        __bindgen_anon_2: btrfs_ioctl_vol_args_v2__bindgen_ty_2 { name: field },
    })
}

/// Each caller passes the struct that belongs to its request.
fn ask<T>(fd: BorrowedFd<'_>, request: u32, arguments: &mut T) -> io::Result<()> {
    // SAFETY: `arguments` is the struct of linux/btrfs.h that belongs to the request.
    unsafe { ioctl::with(fd, request, arguments) }
}
