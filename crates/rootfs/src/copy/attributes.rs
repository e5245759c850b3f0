//! Owner, mode, times and extended attributes of copies.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{
    AtFlags, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown,
    fstat, futimens, getxattr, listxattr, setxattr, utimensat,
};
use rustix::io::Errno;

use super::CopyWish;
use super::owners::Ids;

/// Size of the largest list or value: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX`.
const KERNEL_MAX: usize = 65_536;

const CAPABILITY: &[u8] = b"security.capability";
const ACLS: [&[u8]; 2] = [b"system.posix_acl_access", b"system.posix_acl_default"];

/// What set-user-ID, set-group-ID and sticky bits leave of a mode.
const PERMISSIONS: u32 = 0o7777;
const SET_IDS: u32 = 0o6000;

/// How attributes of one tree become those of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Translation {
    pub(super) from: Ids,
    pub(super) to: Ids,
    pub(super) wish: CopyWish,
}

impl Translation {
    pub(super) fn owner(&self, stat: &Stat) -> (Uid, Gid) {
        let id = |given: Option<u32>, id| {
            given.map_or_else(
                || self.from.become_in(self.to, id, self.wish.archive),
                |given| self.to.seen(given),
            )
        };
        let uid = id(self.wish.given.uid, stat.st_uid);
        let gid = id(self.wish.given.gid, stat.st_gid);
        (Uid::from_raw(uid), Gid::from_raw(gid))
    }

    /// Programs that run as whom they belong to stay so only where that is who they
    /// belonged to.
    pub(super) fn mode(&self, stat: &Stat, is_file: bool) -> Mode {
        if let Some(mode) = self.wish.given.mode.filter(|_| is_file) {
            return Mode::from_raw_mode(mode & PERMISSIONS);
        }
        let between_ves = !matches!((self.from, self.to), (Ids::Host, _) | (_, Ids::Host));
        let kept = if self.wish.archive || between_ves || !is_file {
            PERMISSIONS
        } else {
            PERMISSIONS & !SET_IDS
        };
        Mode::from_raw_mode(stat.st_mode & kept)
    }

    /// Gives a copy what `source` has, by the handle `copy`; `stat` is the source's.
    pub(super) fn give(
        &self,
        source: BorrowedFd<'_>,
        stat: &Stat,
        copy: BorrowedFd<'_>,
        is_file: bool,
    ) -> io::Result<()> {
        let (uid, gid) = self.owner(stat);
        fchown(copy, Some(uid), Some(gid))?;
        // After the owner, a change of which may clear bits of the mode.
        fchmod(copy, self.mode(stat, is_file))?;
        if self.wish.archive {
            self.extended(source, copy)?;
        }
        Ok(futimens(copy, &times(stat))?)
    }

    /// Gives a link or a fifo, of which there is no handle to write by, owner and times.
    ///
    /// # Errors
    /// EPERM where what was made has been replaced by something of the host's.
    ///
    /// # Kernel
    /// utimensat(2) with `AT_EMPTY_PATH`.
    pub(super) fn give_inode(&self, stat: &Stat, copy: BorrowedFd<'_>) -> io::Result<()> {
        self.to.must_own(&fstat(copy)?)?;
        let (uid, gid) = self.owner(stat);
        let flags = AtFlags::EMPTY_PATH;
        chownat(copy, c"", Some(uid), Some(gid), flags)?;
        Ok(utimensat(copy, c"", &times(stat), flags)?)
    }

    fn extended(&self, source: BorrowedFd<'_>, copy: BorrowedFd<'_>) -> io::Result<()> {
        let from = format!("/proc/self/fd/{}", source.as_raw_fd());
        let to = format!("/proc/self/fd/{}", copy.as_raw_fd());
        let mut buffer = vec![0_u8; KERNEL_MAX];
        let length = match listxattr(from.as_str(), buffer.as_mut_slice()) {
            Ok(length) => length,
            Err(Errno::OPNOTSUPP) => 0,
            Err(errno) => return Err(errno.into()),
        };
        let names = buffer.get(..length).unwrap_or_default().to_vec();
        for name in names.split(|byte| *byte == 0).filter(|name| is_kept(name)) {
            let length = match getxattr(from.as_str(), name, buffer.as_mut_slice()) {
                Ok(length) => length,
                // Taken away since it was listed.
                Err(Errno::NODATA) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let value = buffer.get(..length).unwrap_or_default();
            if let Some(value) = self.translated(name, value) {
                setxattr(to.as_str(), name, &value, XattrFlags::empty())?;
            }
        }
        Ok(())
    }

    /// A value with the ids in it; none where it means nothing there.
    fn translated(&self, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        if name == CAPABILITY {
            return capability(value, self.from.root(), self.to.root());
        }
        if ACLS.contains(&name) {
            let become_there = |id| self.from.become_in(self.to, id, true);
            return acl(value, become_there);
        }
        Some(value.to_vec())
    }
}

fn is_kept(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name == CAPABILITY || ACLS.contains(&name)
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or_default(),
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

/// File capabilities that hold for who is root as `from`, so that they hold for who is
/// root as `to`.
///
/// # Kernel
/// capabilities(7), "Namespaced file capabilities"; `vfs_ns_cap_data` in
/// linux/capability.h.
fn capability(value: &[u8], from: u32, to: u32) -> Option<Vec<u8>> {
    const REVISION: u32 = 0xff00_0000;
    const WITHOUT_ROOT: u32 = 0x0200_0000;
    const WITH_ROOT: u32 = 0x0300_0000;
    const LENGTH: usize = 20;
    let word = |at: usize| Some(u32::from_le_bytes(value.get(at..at + 4)?.try_into().ok()?));
    let magic = word(0)?;
    let root = match magic & REVISION {
        WITHOUT_ROOT => from,
        WITH_ROOT => word(LENGTH)?,
        _ => return None,
    };
    if root != from {
        return None;
    }
    let flags = magic & !REVISION;
    let kind = if to == 0 { WITHOUT_ROOT } else { WITH_ROOT };
    let mut new = (kind | flags).to_le_bytes().to_vec();
    new.extend_from_slice(value.get(4..LENGTH)?);
    if to != 0 {
        new.extend_from_slice(&to.to_le_bytes());
    }
    Some(new)
}

/// An access control list with other ids.
///
/// # Kernel
/// `posix_acl_xattr_entry` in linux/posix_acl_xattr.h.
fn acl(value: &[u8], become_there: impl Fn(u32) -> u32) -> Option<Vec<u8>> {
    const HEADER: usize = 4;
    const ENTRY: usize = 8;
    const OF_USER: u16 = 0x02;
    const OF_GROUP: u16 = 0x08;
    let (header, entries) = value.split_at_checked(HEADER)?;
    let mut new = header.to_vec();
    for entry in entries.chunks(ENTRY) {
        let (start, id) = entry.split_at_checked(ENTRY / 2)?;
        let id = u32::from_le_bytes(id.try_into().ok()?);
        let tag = u16::from_le_bytes(start.get(..2)?.try_into().ok()?);
        let id = if tag == OF_USER || tag == OF_GROUP {
            become_there(id)
        } else {
            id
        };
        new.extend_from_slice(start);
        new.extend_from_slice(&id.to_le_bytes());
    }
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_hold_for_the_root_of_the_other_tree() {
        let plain: Vec<u8> = [0x0200_0001_u32, 0x400, 0, 0, 0]
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect();
        let namespaced = capability(&plain, 200_000, 300_000).unwrap();
        assert_eq!(namespaced.len(), 24);
        assert_eq!(namespaced[20..], 300_000_u32.to_le_bytes());
        assert_eq!(namespaced[..4], 0x0300_0001_u32.to_le_bytes());
        assert_eq!(capability(&namespaced, 300_000, 0), Some(plain));
        assert_eq!(capability(&namespaced, 0, 0), None, "another's root");
        assert_eq!(capability(b"short", 0, 0), None);
    }

    #[test]
    fn lists_name_the_users_of_the_other_tree() {
        let entry = |tag: u16, id: u32| {
            let mut entry = tag.to_le_bytes().to_vec();
            entry.extend_from_slice(&7_u16.to_le_bytes());
            entry.extend_from_slice(&id.to_le_bytes());
            entry
        };
        let list = |user, group| {
            let parts = [
                2_u32.to_le_bytes().to_vec(),
                entry(0x01, u32::MAX),
                entry(0x02, user),
                entry(0x08, group),
            ];
            parts.concat()
        };
        let moved = acl(&list(1000, 100), |id| id + 200_000);
        assert_eq!(moved, Some(list(201_000, 200_100)));
        assert_eq!(acl(&[2, 0, 0, 0, 1], |id| id), None);
    }
}
