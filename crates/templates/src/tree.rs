//! The tree that a source is unpacked into: made through descriptors below its
//! root, never through a symbolic link, whatever the source says. Layers may name what
//! is behind one; where that is, is found out first (`tree/links.rs`).
//!
//! The chain holds a descriptor for each directory on the way to the last entry,
//! so that an archive in its usual order costs one open per directory and none
//! per file. Directories get owner, mode, attributes and time at the end: until
//! then they stay 0700 of root without a default ACL, which their entries would
//! inherit, and with a time that each new entry changes.
//!
//! In a layer of several the tree knows which names are of this layer: what takes
//! things away ([`Tree::white_out`], [`Tree::make_opaque`]) is about lower ones.
//!
//! There is one fault point for the tree as a whole, passed by who makes the root:
//! an entry by itself undoes nothing and is undone with the whole.

mod links;
mod lower;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, chmodat, linkat, mkdirat, mkfifoat, openat, openat2,
    statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::acl::{Acl, Names};
use crate::error::Error;
use crate::limits::{Budget, Limits};
use crate::meta::{Meta, set_by_descriptor};
use crate::path::{EntryPath, components};
use crate::refusal::Refusal;

/// A tree in the making.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
    chain: Vec<Link>,
    /// What directories get at the end: the last that the source said of each.
    directories: HashMap<EntryPath, Meta>,
    /// Lists whose names are looked up at the end, when etc/passwd is there.
    late_acls: HashMap<EntryPath, Vec<Acl>>,
    /// In a layer: all that it made so far, and the directories above.
    own: Option<HashSet<EntryPath>>,
    pub(crate) budget: Budget,
    pub(crate) skipped_devices: u64,
    pub(crate) skipped_xattrs: u64,
}

/// An open directory of the chain.
#[derive(Debug)]
struct Link {
    name: Vec<u8>,
    directory: OwnedFd,
}

impl Tree {
    pub(crate) fn new(root: OwnedFd, limits: Limits) -> Self {
        Self {
            root,
            chain: Vec::new(),
            directories: HashMap::new(),
            late_acls: HashMap::new(),
            own: None,
            budget: Budget::new(limits),
            skipped_devices: 0,
            skipped_xattrs: 0,
        }
    }

    /// Makes a directory, or takes over the one that is there.
    pub(crate) fn directory(&mut self, path: EntryPath, meta: Meta) -> Result<(), Error> {
        if let Some((_, name)) = path.split() {
            let parent = self.parent(&path)?;
            match mkdirat(parent, name, Mode::RWXU) {
                Err(Errno::EXIST) if is_directory(parent, name) => {}
                Err(Errno::EXIST) => {
                    unlinkat(parent, name, AtFlags::empty()).map_err(|e| path.failed(e))?;
                    mkdirat(parent, name, Mode::RWXU).map_err(|e| path.failed(e))?;
                }
                other => other.map_err(|e| path.failed(e))?,
            }
        }
        self.budget
            .deferred(&path, path.as_bytes().len() + meta.weight())?;
        self.note(&path)?;
        self.directories.insert(path, meta);
        Ok(())
    }

    /// Makes an empty file of mode 0600 in place of what is there.
    pub(crate) fn file(&mut self, path: &EntryPath) -> Result<File, Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let fd = self.place(path, |parent, name| openat(parent, name, flags, mode))?;
        Ok(fd.into())
    }

    /// Gives a file that [`Tree::file`] made, now with its data, the rest.
    pub(crate) fn finish_file(
        &mut self,
        path: EntryPath,
        file: &File,
        mut meta: Meta,
    ) -> Result<(), Error> {
        let late = self.prepare_acls(&path, &mut meta)?;
        meta.give_to_open(file).map_err(|e| path.failed(e))?;
        if !late.is_empty() {
            self.late_acls.insert(path, late);
        }
        Ok(())
    }

    pub(crate) fn symlink(
        &mut self,
        path: &EntryPath,
        target: &[u8],
        meta: &Meta,
    ) -> Result<(), Error> {
        self.place(path, |parent, name| symlinkat(target, parent, name))?;
        self.with_name(path, |parent, name| meta.give_to_link(parent, name))
    }

    pub(crate) fn fifo(&mut self, path: EntryPath, mut meta: Meta) -> Result<(), Error> {
        let mode = Mode::RUSR | Mode::WUSR;
        self.place(&path, |parent, name| mkfifoat(parent, name, mode))?;
        let late = self.prepare_acls(&path, &mut meta)?;
        self.with_name(&path, |parent, name| meta.give_to_fifo(parent, name))?;
        if !late.is_empty() {
            self.late_acls.insert(path, late);
        }
        Ok(())
    }

    /// Gives the inode of an earlier entry one more name.
    pub(crate) fn hard_link(&mut self, path: &EntryPath, target: &EntryPath) -> Result<(), Error> {
        let shown = target.to_string();
        let Some((directory, name)) = target.split() else {
            return Err(path.refused(Refusal::LinkToDirectory(shown)));
        };
        let missing = |_| path.refused(Refusal::LinkMissing(target.to_string()));
        let from = open_below(self.root.as_fd(), directory).map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => path.refused(Refusal::LinkTarget {
                target: shown.clone(),
                why: Box::new(why_not(errno, self.passable(directory))),
            }),
            other => missing(other),
        })?;
        let there = statat(&from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(missing)?;
        if rustix::fs::FileType::from_raw_mode(there.st_mode).is_dir() {
            return Err(path.refused(Refusal::LinkToDirectory(shown)));
        }
        let (_, own) = path
            .split()
            .ok_or(path.refused(Refusal::RootNotDirectory))?;
        let parent = self.parent(path)?;
        if let Ok(old) = statat(parent, own, AtFlags::SYMLINK_NOFOLLOW)
            && (old.st_dev, old.st_ino) == (there.st_dev, there.st_ino)
        {
            return self.note(path);
        }
        self.place(path, |parent, own| {
            linkat(&from, name, parent, own, AtFlags::empty())
        })
    }

    /// Gives directories what they wait for, looks up names of ACLs in the tree.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        let directories = std::mem::take(&mut self.directories);
        // One after the other as they lie in the tree, so that the chain is of use.
        let mut directories: Vec<(EntryPath, Meta)> = directories.into_iter().collect();
        directories.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let late = std::mem::take(&mut self.late_acls);
        let named = |acls: &[Acl]| acls.iter().any(Acl::has_names);
        let mut names = Names::default();
        if !late.is_empty() || directories.iter().any(|(_, meta)| named(&meta.acls)) {
            names = self.names();
        }
        for (path, mut meta) in directories {
            // Replaced by a later entry of another type: nothing waits any more.
            let Ok(directory) = self.open_directory(&path) else {
                continue;
            };
            for acl in std::mem::take(&mut meta.acls) {
                let value = acl.to_binary(&names).map_err(|r| path.refused(r))?;
                meta.xattrs.push((acl.attribute.to_owned(), value));
            }
            meta.give_to_open(&directory).map_err(|e| path.failed(e))?;
        }
        for (path, acls) in late {
            for acl in acls {
                let value = acl.to_binary(&names).map_err(|r| path.refused(r))?;
                self.with_name(&path, |parent, name| {
                    let inode = crate::root::open_named(parent, name)?;
                    set_by_descriptor(inode.as_fd(), &acl.attribute.to_owned(), &value)
                })?;
            }
        }
        Ok(())
    }

    /// Makes something at a path that nothing may stay at.
    fn place<T>(
        &mut self,
        path: &EntryPath,
        make: impl Fn(BorrowedFd<'_>, &[u8]) -> Result<T, Errno>,
    ) -> Result<T, Error> {
        let Some((_, name)) = path.split() else {
            return Err(path.refused(Refusal::RootNotDirectory));
        };
        if !self.late_acls.is_empty() {
            self.late_acls.remove(path);
        }
        self.note(path)?;
        let parent = self.parent(path)?;
        match make(parent, name) {
            Err(Errno::EXIST) => {}
            other => return other.map_err(|e| path.failed(e)),
        }
        self.remove_at(path, name)?;
        let parent = self.parent(path)?;
        make(parent, name).map_err(|e| path.failed(e))
    }

    /// Takes away what is in the place of an entry that is no directory.
    fn remove_at(&mut self, path: &EntryPath, name: &[u8]) -> Result<(), Error> {
        let parent = self.parent(path)?;
        match unlinkat(parent, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {}
            other => return other.map_err(|e| path.failed(e)),
        }
        // A directory of a lower layer goes with all that is in it.
        self.clear_lower(path)?;
        let parent = self.parent(path)?;
        unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(|errno| match errno {
            Errno::NOTEMPTY => path.refused(Refusal::OverDirectory),
            other => path.failed(other),
        })?;
        self.directories.remove(path);
        Ok(())
    }

    fn with_name(
        &mut self,
        path: &EntryPath,
        act: impl FnOnce(BorrowedFd<'_>, &[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let (_, name) = path
            .split()
            .ok_or(path.refused(Refusal::RootNotDirectory))?;
        let parent = self.parent(path)?;
        act(parent, name).map_err(|e| path.failed(e))
    }

    /// The directory that `path` is in; the ones that are missing are made, as
    /// tar(1) does, 0755 of root.
    fn parent(&mut self, path: &EntryPath) -> Result<BorrowedFd<'_>, Error> {
        let (parent, _) = path.split().unwrap_or_default();
        match self.descend(parent, true) {
            Ok(()) => Ok(last(&self.root, &self.chain)),
            Err(errno @ (Errno::LOOP | Errno::NOTDIR)) => {
                let depth = self.chain.len() + 1;
                let walked: Vec<&[u8]> = components(parent).take(depth).collect();
                Err(path.refused(why_not(errno, &walked.join(&b'/'))))
            }
            Err(errno) => Err(path.failed(errno)),
        }
    }

    /// Opens a directory that was made before.
    fn open_directory(&mut self, path: &EntryPath) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (parent, name) = path.split().unwrap_or((b"", b"."));
        self.descend(parent, false)?;
        let at = last(&self.root, &self.chain);
        Ok(openat(at, name, flags, Mode::empty())?.into())
    }

    /// Makes the chain end at `parent`. After an error it ends where that came.
    fn descend(&mut self, parent: &[u8], make: bool) -> Result<(), Errno> {
        let known = components(parent)
            .zip(&self.chain)
            .take_while(|(name, link)| *name == link.name)
            .count();
        self.chain.truncate(known);
        for name in components(parent).skip(known) {
            let at = last(&self.root, &self.chain);
            let directory = match step(at, name) {
                Err(Errno::NOENT) if make => {
                    self.budget.implied_entry();
                    make_missing(at, name)?
                }
                other => other?,
            };
            let name = name.to_vec();
            self.chain.push(Link { name, directory });
        }
        Ok(())
    }

    /// Turns the lists that need no names into attributes and returns the others.
    fn prepare_acls(&mut self, path: &EntryPath, meta: &mut Meta) -> Result<Vec<Acl>, Error> {
        let mut late = Vec::new();
        for acl in std::mem::take(&mut meta.acls) {
            if acl.has_names() {
                self.budget
                    .deferred(path, path.as_bytes().len() + acl.weight())?;
                late.push(acl);
            } else {
                let value = acl.to_binary(&Names::default());
                let value = value.map_err(|refusal| path.refused(refusal))?;
                meta.xattrs.push((acl.attribute.to_owned(), value));
            }
        }
        Ok(late)
    }

    /// The start of `path` up to the first component that is no directory.
    fn passable<'p>(&self, path: &'p [u8]) -> &'p [u8] {
        let ends = path.iter().enumerate();
        ends.filter(|(_, byte)| **byte == b'/')
            .filter_map(|(at, _)| path.get(..at))
            .find(|start| open_below(self.root.as_fd(), start).is_err())
            .unwrap_or(path)
    }

    fn names(&self) -> Names {
        const LIMIT: u64 = 4 * 1024 * 1024;
        let read = |path| crate::root::read_start(self.root.as_fd(), path, LIMIT);
        Names::parse(
            &read("etc/passwd").unwrap_or_default(),
            &read("etc/group").unwrap_or_default(),
        )
    }
}

fn last<'a>(root: &'a OwnedFd, chain: &'a [Link]) -> BorrowedFd<'a> {
    chain.last().map_or(root, |link| &link.directory).as_fd()
}

/// Opens one directory below another. A link in its place is ELOOP.
///
/// # Kernel
/// openat2(2) with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`, Linux 5.6.
fn step(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(at, name, flags, Mode::empty(), resolve)
}

/// As [`step`], for a whole path; the root for an empty one.
fn open_below(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    step(root, path)
}

fn make_missing(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_raw_mode(0o755);
    mkdirat(at, name, mode)?;
    // mkdirat(2) takes the umask away.
    chmodat(at, name, mode, AtFlags::empty())?;
    step(at, name)
}

fn is_directory(at: BorrowedFd<'_>, name: &[u8]) -> bool {
    statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())
}

fn why_not(errno: Errno, path: &[u8]) -> Refusal {
    let shown = String::from_utf8_lossy(path).into_owned();
    if errno == Errno::LOOP {
        Refusal::ThroughLink(shown)
    } else {
        Refusal::ThroughFile(shown)
    }
}
