//! What root of a VE that runs may do with a file of its tree.
//!
//! Whoever copies has the host's rights, and where things are in the tree of a VE that
//! runs is what its root has made of it by links and mounts. Of the host's files that are
//! mounted there it must not come by more than it has: what it could not read is not read, and
//! what it could not write is not written. Permissions are told from owner and mode; what
//! an ACL adds to them does not count.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use super::owners::{Ids, MOST};
use super::walk::Spot;

/// The bits of a mode by which a file is read and a directory listed.
pub(super) const READ: u32 = 0o4;
/// Those by which names in a directory are made and removed.
pub(super) const WRITE: u32 = 0o2;
/// Those by which what is in a directory is found.
pub(super) const SEARCH: u32 = 0o1;

const STICKY: u32 = 0o1000;

/// How far below the root a directory can be.
const DEEPEST: usize = 4096;

impl Ids {
    /// Whether the user is one of the tree's own.
    pub(super) fn owns(self, stat: &Stat) -> bool {
        self.has(stat.st_uid)
    }

    /// # Errors
    /// EPERM where the owner is none of the tree's.
    pub(super) fn must_own(self, stat: &Stat) -> io::Result<()> {
        allowed(self.owns(stat), Errno::PERM)
    }

    /// # Errors
    /// EACCES where root of the tree has not all these rights.
    ///
    /// # Kernel
    /// user_namespaces(7), "Interaction of user namespaces and other types of
    /// namespaces": capabilities hold for files whose user and group both have ids there.
    pub(super) fn must_allow(self, stat: &Stat, wanted: u32) -> io::Result<()> {
        let bits = if self.has(stat.st_uid) && self.has(stat.st_gid) {
            wanted
        } else if stat.st_uid == self.root() {
            stat.st_mode >> 6
        } else if stat.st_gid == self.root() {
            stat.st_mode >> 3
        } else {
            stat.st_mode
        };
        allowed(bits & wanted == wanted, Errno::ACCESS)
    }

    /// # Errors
    /// EPERM where a file has the name and only its owner may take it away.
    pub(super) fn must_replace(self, spot: Spot<'_>) -> io::Result<()> {
        if !self.is_of_others() {
            return Ok(());
        }
        let above = fstat(spot.above)?;
        if above.st_mode & STICKY == 0 || self.owns(&above) {
            return Ok(());
        }
        match statat(spot.above, spot.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            found => self.must_own(&found?),
        }
    }

    /// # Errors
    /// EACCES where root of the tree could not get to the directory from `root`.
    pub(super) fn must_reach(self, root: impl AsFd, directory: OwnedFd) -> io::Result<()> {
        if !self.is_of_others() {
            return Ok(());
        }
        let top = fstat(root)?;
        let mut here = directory;
        for _ in 0..DEEPEST {
            let stat = fstat(&here)?;
            self.must_allow(&stat, SEARCH)?;
            // Above the root may be what the VE has mounted over it.
            if is_same(&stat, &top) {
                return Ok(());
            }
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let above = openat(&here, c"..", flags, Mode::empty())?;
            if is_same(&stat, &fstat(&above)?) {
                return Ok(());
            }
            here = above;
        }
        Err(Errno::LOOP.into())
    }

    /// Whether somebody else says what is where in the tree while it is copied.
    fn is_of_others(self) -> bool {
        self.root() > 0
    }

    fn has(self, id: u32) -> bool {
        let inner = id.checked_sub(self.root());
        !self.is_of_others() || inner.is_some_and(|inner| inner < MOST)
    }
}

fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

fn allowed(is_allowed: bool, otherwise: Errno) -> io::Result<()> {
    is_allowed.then_some(()).ok_or_else(|| otherwise.into())
}
