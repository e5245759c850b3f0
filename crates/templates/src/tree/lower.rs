//! Layers of a tree: what an upper one takes away of those below it.
//!
//! A whiteout is about lower layers only, wherever in its layer it stands: what
//! the layer itself has made stays. So a layer notes its own names.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags, openat2, unlinkat};
use rustix::io::Errno;

use super::{Tree, last, why_not};
use crate::error::Error;
use crate::path::EntryPath;

impl Tree {
    /// From here on all entries are of one more layer.
    pub(crate) fn begin_layer(&mut self) {
        self.own = Some(HashSet::new());
    }

    /// Takes away what lower layers have at a path; nothing where there is
    /// nothing, or no lower layer.
    pub(crate) fn white_out(&mut self, path: &EntryPath) -> Result<(), Error> {
        let (Some((parent, name)), true) = (path.split(), self.own.is_some()) else {
            return Ok(());
        };
        match self.descend(parent, false) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(Errno::LOOP) => return Err(path.refused(why_not(Errno::LOOP, parent))),
            Err(errno) => return Err(path.failed(errno)),
        }
        let at = last(&self.root, &self.chain);
        let at = at.try_clone_to_owned().map_err(|e| path.failed(e))?;
        self.remove_lower(at.as_fd(), name, path)
    }

    /// Takes away what lower layers have in a directory.
    pub(crate) fn make_opaque(&mut self, directory: &EntryPath) -> Result<(), Error> {
        self.clear_lower(directory)
    }

    /// Notes that this layer has made something here.
    pub(super) fn note(&mut self, path: &EntryPath) -> Result<(), Error> {
        let Some(own) = &mut self.own else {
            return Ok(());
        };
        let mut next = Some(path.clone());
        while let Some(path) = next {
            next = path.parent();
            let bytes = path.as_bytes().len() + 64;
            if own.contains(&path) {
                return Ok(());
            }
            self.budget.deferred(&path, bytes)?;
            own.insert(path);
        }
        Ok(())
    }

    /// Removes what lower layers have in the directory at a path. Without layers
    /// there is nothing below.
    pub(super) fn clear_lower(&mut self, path: &EntryPath) -> Result<(), Error> {
        if self.own.is_none() {
            return Ok(());
        }
        let (parent, name) = path.split().unwrap_or((b"", b"."));
        let opened = self
            .descend(parent, false)
            .and_then(|()| open_to_read(last(&self.root, &self.chain), name));
        match opened {
            Ok(directory) => self.clear(&directory, path),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            Err(Errno::LOOP) => Err(path.refused(why_not(Errno::LOOP, path.as_bytes()))),
            Err(errno) => Err(path.failed(errno)),
        }
    }

    /// As [`Tree::clear_lower`], of an open directory. It goes as deep as paths of
    /// entries may, and holds two descriptors for each level.
    fn clear(&mut self, directory: &OwnedFd, path: &EntryPath) -> Result<(), Error> {
        let mut names = Vec::new();
        let entries = Dir::read_from(directory).map_err(|e| path.failed(e))?;
        for entry in entries {
            let entry = entry.map_err(|e| path.failed(e))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        for name in names {
            let inside = path.join(&name).map_err(|r| path.refused(r))?;
            self.remove_lower(directory.as_fd(), &name, &inside)?;
        }
        Ok(())
    }

    fn remove_lower(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        path: &EntryPath,
    ) -> Result<(), Error> {
        let is_own = self.own.as_ref().is_some_and(|own| own.contains(path));
        let directory = match open_to_read(parent, name) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) if is_own => return Ok(()),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                self.late_acls.remove(path);
                return unlinkat(parent, name, AtFlags::empty()).map_err(|e| path.failed(e));
            }
            Err(errno) => return Err(path.failed(errno)),
        };
        self.clear(&directory, path)?;
        drop(directory);
        if is_own {
            return Ok(());
        }
        self.directories.remove(path);
        unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(|e| path.failed(e))
    }
}

/// Opens a directory in another one. Whatever else is there is ENOTDIR or ELOOP.
///
/// # Kernel
/// openat2(2) with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`, Linux 5.6.
fn open_to_read(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(at, name, flags, Mode::empty(), resolve)
}
