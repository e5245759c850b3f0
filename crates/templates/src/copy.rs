//! From a directory of the host to a tree.
//!
//! The source is walked by descriptors and may be changed meanwhile by whoever
//! owns it: no link is followed, a file is opened only after its inode is known
//! to be one, and what is mounted below the source is not entered (a directory
//! with something mounted on it comes out empty, a file is left out).

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, SeekFrom, Stat, fstat, open, openat,
    openat2, readlinkat, seek, statat,
};
use rustix::io::Errno;
use veld_sys::Failure;

use crate::error::Error;
use crate::meta::{Meta, Time, checked_id};
use crate::path::EntryPath;
use crate::progress::Reporter;
use crate::refusal::Refusal;
use crate::tree::Tree;
use crate::xattr;

const BUFFER: usize = 256 * 1024;

/// The walk over one source.
pub(crate) struct Copier<'a, 'r> {
    tree: &'a mut Tree,
    reporter: &'a Reporter<'r>,
    /// The templates directory, which must not be copied into itself.
    store: (u64, u64),
    /// The first name of each inode that has several.
    names: HashMap<(u64, u64), EntryPath>,
    buffer: Vec<u8>,
    /// What ids of the source are higher by than those of the tree.
    shift: u32,
}

impl<'a, 'r> Copier<'a, 'r> {
    pub(crate) fn new(tree: &'a mut Tree, reporter: &'a Reporter<'r>, store: &Stat) -> Self {
        Self {
            tree,
            reporter,
            store: (store.st_dev, store.st_ino),
            names: HashMap::new(),
            buffer: vec![0; BUFFER],
            shift: 0,
        }
    }

    /// Takes so much off all ids of the source.
    pub(crate) fn shifted_by(self, shift: u32) -> Self {
        Self { shift, ..self }
    }

    /// Copies all that is below `source`, and what the directory itself has.
    pub(crate) fn copy(mut self, source: BorrowedFd<'_>) -> Result<(), Error> {
        self.directory(source, EntryPath::default())?;
        self.tree.finish()
    }

    fn directory(&mut self, source: BorrowedFd<'_>, path: EntryPath) -> Result<(), Error> {
        let stat = fstat(source).map_err(|e| unreadable(&path, e))?;
        if (stat.st_dev, stat.st_ino) == self.store {
            return Err(path.refused(Refusal::Store));
        }
        let meta = self.meta(source, &stat, &path)?;
        self.tree.directory(path.clone(), meta)?;
        // All names before the first entry, so that one descriptor is held for
        // each level; sorted, so that the same source gives the same template.
        for name in names(source).map_err(|e| unreadable(&path, e))? {
            let inside = path
                .join(name.as_bytes())
                .map_err(|refusal| path.refused(refusal))?;
            self.entry(source, &name, inside)?;
            self.reporter.add_entry();
            self.reporter.tick()?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &CString,
        path: EntryPath,
    ) -> Result<(), Error> {
        self.tree.budget.entry(&path)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let here = ResolveFlags::NO_XDEV | ResolveFlags::BENEATH;
        let inode = match openat2(parent, name.as_c_str(), flags, Mode::empty(), here) {
            Ok(inode) => inode,
            Err(Errno::XDEV) => return self.mounted(parent, name, path),
            Err(errno) => return Err(unreadable(&path, errno)),
        };
        let stat = fstat(&inode).map_err(|e| unreadable(&path, e))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let id = (stat.st_dev, stat.st_ino);
        if stat.st_nlink > 1 && !kind.is_dir() {
            if let Some(first) = self.names.get(&id) {
                return self.tree.hard_link(&path, first);
            }
            if kind.is_file() || kind.is_symlink() || kind.is_fifo() {
                let bytes = path.as_bytes().len() + 64;
                self.tree.budget.deferred(&path, bytes)?;
                self.names.insert(id, path.clone());
            }
        }
        match kind {
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let opened = openat(&inode, c".", flags, Mode::empty());
                let opened = opened.map_err(|e| unreadable(&path, e))?;
                drop(inode);
                self.directory(opened.as_fd(), path)
            }
            FileType::RegularFile => self.file(&inode, path),
            FileType::Symlink => {
                let target = readlinkat(&inode, c"", Vec::new());
                let target = target.map_err(|e| unreadable(&path, e))?;
                let meta = self.meta(inode.as_fd(), &stat, &path)?;
                self.tree.symlink(&path, target.as_bytes(), &meta)
            }
            FileType::Fifo => {
                let meta = self.meta(inode.as_fd(), &stat, &path)?;
                self.tree.fifo(path, meta)
            }
            FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {
                let skipped = &mut self.tree.skipped_devices;
                *skipped = skipped.saturating_add(1);
                Ok(())
            }
        }
    }

    /// Something is mounted there: only its directory is made.
    fn mounted(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &CString,
        path: EntryPath,
    ) -> Result<(), Error> {
        let stat = statat(parent, name.as_c_str(), AtFlags::SYMLINK_NOFOLLOW);
        let stat = stat.map_err(|e| unreadable(&path, e))?;
        if !FileType::from_raw_mode(stat.st_mode).is_dir() {
            return Ok(());
        }
        let meta = plain_meta(&stat, self.shift).map_err(|refusal| path.refused(refusal))?;
        self.tree.directory(path, meta)
    }

    fn file(&mut self, inode: &OwnedFd, path: EntryPath) -> Result<(), Error> {
        let failed = |e: Errno| unreadable(&path, e);
        // The inode found, not the name once more, which may be another by now.
        let link = format!("/proc/self/fd/{}", inode.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
        let source = open(link, flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&source).map_err(failed)?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        self.tree.budget.data(&path, size)?;
        let target = self.tree.file(&path)?;
        self.data(&source.into(), &target, size, &path)?;
        let meta = self.meta(inode.as_fd(), &stat, &path)?;
        self.tree.finish_file(path, &target, meta)
    }

    /// Copies the parts that have data, as the source's file system tells.
    ///
    /// # Kernel
    /// lseek(2), `SEEK_DATA` and `SEEK_HOLE`: a file system without holes says
    /// that all is data.
    fn data(
        &mut self,
        source: &File,
        target: &File,
        size: u64,
        path: &EntryPath,
    ) -> Result<(), Error> {
        let failed = |e: Errno| unreadable(path, e);
        let mut at = 0;
        while at < size {
            let start = match seek(source, SeekFrom::Data(at)) {
                Ok(start) if start < size => start,
                Ok(_) | Err(Errno::NXIO) => break,
                Err(errno) => return Err(failed(errno)),
            };
            let end = seek(source, SeekFrom::Hole(start)).map_err(failed)?;
            at = self.part(source, target, start..end.min(size), path)?;
        }
        target.set_len(size).map_err(|e| path.failed(e))
    }

    fn part(
        &mut self,
        source: &File,
        target: &File,
        part: std::ops::Range<u64>,
        path: &EntryPath,
    ) -> Result<u64, Error> {
        let mut at = part.start;
        while at < part.end {
            let wanted = usize::try_from(part.end - at).unwrap_or(BUFFER).min(BUFFER);
            let buffer = self.buffer.get_mut(..wanted).unwrap_or_default();
            let length = source
                .read_at(buffer, at)
                .map_err(|e| unreadable(path, e))?;
            let Some(data @ [_, ..]) = buffer.get(..length) else {
                return Err(path.refused(Refusal::Changed));
            };
            target.write_all_at(data, at).map_err(|e| path.failed(e))?;
            let length = u64::try_from(length).unwrap_or_default();
            at = at.saturating_add(length);
            self.reporter.add_read(length);
            self.reporter.tick()?;
        }
        Ok(at)
    }

    fn meta(
        &mut self,
        inode: BorrowedFd<'_>,
        stat: &Stat,
        path: &EntryPath,
    ) -> Result<Meta, Error> {
        let refused = |refusal| path.refused(refusal);
        let mut meta = plain_meta(stat, self.shift).map_err(refused)?;
        if FileType::from_raw_mode(stat.st_mode).is_symlink() {
            return Ok(meta);
        }
        for (name, value) in xattr::read_all(inode).map_err(|e| unreadable(path, e))? {
            let value = match self.shift {
                0 => value,
                shift => xattr::without_root(value, &name, shift),
            };
            let kept = xattr::add(&mut meta, &name, value).map_err(refused)?;
            self.tree.skipped_xattrs += u64::from(!kept);
        }
        Ok(meta)
    }
}

fn plain_meta(stat: &Stat, shift: u32) -> Result<Meta, Refusal> {
    let shifted = |id: u32| u64::from(id.checked_sub(shift).unwrap_or(id));
    Ok(Meta {
        mode: stat.st_mode & 0o7777,
        uid: checked_id("user", shifted(stat.st_uid))?,
        gid: checked_id("group", shifted(stat.st_gid))?,
        time: Time {
            seconds: stat.st_mtime,
            nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
        },
        ..Meta::default()
    })
}

fn names(directory: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if name.as_bytes() != b"." && name.as_bytes() != b".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn unreadable(path: &EntryPath, cause: impl Into<io::Error>) -> Error {
    Error::Failed(Failure::new(format!("read {path}"), cause))
}
