//! What an inode has besides its data, and the order in which it is given.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown,
    fsetxattr, futimens, setxattr, utimensat,
};

use crate::acl::Acl;
use crate::refusal::Refusal;

/// The highest id of a VE.
const MAX_ID: u64 = 65_535;

/// Seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

impl Time {
    fn stamps(self) -> Timestamps {
        let time = Timespec {
            tv_sec: self.seconds,
            tv_nsec: self.nanoseconds.into(),
        };
        Timestamps {
            last_access: time,
            last_modification: time,
        }
    }
}

/// Owner, mode, attributes and time of one inode.
///
/// Times of access are those of modification: a template is not read before it
/// is whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meta {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) time: Time,
    pub(crate) xattrs: Vec<(CString, Vec<u8>)>,
    /// Lists as text, whose names may have to be looked up in the whole tree.
    pub(crate) acls: Vec<Acl>,
}

/// A user's or group's number, if a VE has it.
pub(crate) fn checked_id(kind: &'static str, id: u64) -> Result<u32, Refusal> {
    match u32::try_from(id) {
        Ok(small) if id <= MAX_ID => Ok(small),
        _ => Err(Refusal::Id { kind, id }),
    }
}

impl Meta {
    /// Bytes that this holds in memory, about.
    pub(crate) fn weight(&self) -> usize {
        let xattrs = self.xattrs.iter();
        xattrs.map(|(_, value)| value.len() + 64).sum::<usize>()
            + self.acls.iter().map(Acl::weight).sum::<usize>()
            + size_of::<Self>()
    }

    /// Gives all to an open file or directory.
    ///
    /// The order is the kernel's: a change of owner clears set-id bits and
    /// capabilities, a change of mode rewrites the mask of an ACL, and both touch
    /// nothing of the times that come last.
    ///
    /// # Kernel
    /// chown(2), chmod(2), fsetxattr(2), utimensat(2).
    pub(crate) fn give_to_open(&self, inode: &File) -> io::Result<()> {
        fchown(inode, Some(self.owner()), Some(self.group()))?;
        fchmod(inode, self.permissions())?;
        for (name, value) in &self.xattrs {
            fsetxattr(inode, name.as_c_str(), value, XattrFlags::empty())?;
        }
        Ok(futimens(inode, &self.time.stamps())?)
    }

    /// Gives owner and time to a symbolic link: it has no mode, and no attribute
    /// of those that a template keeps.
    pub(crate) fn give_to_link(&self, parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        let same = AtFlags::SYMLINK_NOFOLLOW;
        chownat(parent, name, Some(self.owner()), Some(self.group()), same)?;
        Ok(utimensat(parent, name, &self.time.stamps(), same)?)
    }

    /// Gives all to a fifo, which cannot be opened without waiting for a peer.
    ///
    /// chmodat follows links; this process made the fifo a moment ago in a
    /// directory that nobody else can reach.
    pub(crate) fn give_to_fifo(&self, parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        let same = AtFlags::SYMLINK_NOFOLLOW;
        chownat(parent, name, Some(self.owner()), Some(self.group()), same)?;
        chmodat(parent, name, self.permissions(), AtFlags::empty())?;
        if !self.xattrs.is_empty() {
            let inode = crate::root::open_named(parent, name)?;
            for (xattr, value) in &self.xattrs {
                set_by_descriptor(inode.as_fd(), xattr, value)?;
            }
        }
        Ok(utimensat(parent, name, &self.time.stamps(), same)?)
    }

    fn owner(&self) -> Uid {
        Uid::from_raw(self.uid)
    }

    fn group(&self) -> Gid {
        Gid::from_raw(self.gid)
    }

    fn permissions(&self) -> Mode {
        Mode::from_raw_mode(self.mode & 0o7777)
    }
}

/// Sets an attribute of an inode that is open with `O_PATH` only.
///
/// # Kernel
/// proc_pid_fd(5): the entry leads to the open inode itself, whatever its type.
pub(crate) fn set_by_descriptor(
    inode: BorrowedFd<'_>,
    name: &CString,
    value: &[u8],
) -> io::Result<()> {
    let path = format!("/proc/self/fd/{}", inode.as_raw_fd());
    Ok(setxattr(path, name.as_c_str(), value, XattrFlags::empty())?)
}
