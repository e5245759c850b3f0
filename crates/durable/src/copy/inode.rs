//! One inode that is no directory: made in the target, and given what its
//! source has.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat, chownat,
    fchmod, fchown, fstat, futimens, linkat, mknodat, openat, readlinkat, symlinkat, utimensat,
};
use rustix::io::Errno;
use veld_sys::handle::Handle;

use super::{Devices, Linked, Walk, id, open_unread};

const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

const INODE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Walk<'_> {
    /// Copies what is no directory. What is mounted on a file stays away, and so
    /// does what was removed since it was listed.
    pub(super) fn entry(&mut self, listed: FileType) -> io::Result<()> {
        // What is listed as a file is opened at once; another inode that takes
        // its name meanwhile, as of a fifo, does not keep us there.
        let flags = if listed.is_file() { FILE } else { INODE };
        let opened = match open_unread(&self.source, &self.at, flags) {
            Ok(opened) => opened,
            Err(Errno::XDEV | Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        };
        let stat = fstat(&opened)?;
        if stat.st_nlink > 1 && self.link(&stat)? {
            return Ok(());
        }
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if listed.is_file() => self.file(opened, &stat)?,
            kind @ (FileType::Fifo | FileType::Socket) => self.node(&opened, &stat, kind)?,
            kind @ (FileType::CharacterDevice | FileType::BlockDevice) => {
                if !self.wants(&stat) {
                    self.copied.skipped += 1;
                    return Ok(());
                }
                self.node(&opened, &stat, kind)?;
            }
            FileType::Symlink => self.symlink(&opened, &stat)?,
            FileType::RegularFile | FileType::Directory | FileType::Unknown => {
                return Err(io::Error::other("it changed while it was being copied"));
            }
        }
        if stat.st_nlink > 1 {
            self.remember(&stat)?;
        }
        Ok(())
    }

    /// Makes a further name of what has been copied; whether it had been.
    fn link(&mut self, stat: &Stat) -> io::Result<bool> {
        let id = id(stat);
        let Some(known) = self.linked.get_mut(&id) else {
            return Ok(false);
        };
        let first = known.handle.open(&self.target)?;
        linkat(&first, c"", &self.target, &self.at, AtFlags::EMPTY_PATH)?;
        known.left = known.left.saturating_sub(1);
        if known.left == 0 {
            self.linked.remove(&id);
        }
        Ok(true)
    }

    fn remember(&mut self, stat: &Stat) -> io::Result<()> {
        let linked = Linked {
            handle: Handle::of(&self.target, &self.at)?,
            left: stat.st_nlink.saturating_sub(1),
        };
        self.linked.insert(id(stat), linked);
        Ok(())
    }

    fn wants(&self, stat: &Stat) -> bool {
        match self.options.devices {
            Devices::Skipped => false,
            Devices::Kept => true,
            Devices::Whiteouts => {
                stat.st_rdev == 0
                    && FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            }
        }
    }

    fn file(&mut self, source: OwnedFd, stat: &Stat) -> io::Result<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let made = openat(&self.target, &self.at, flags, Mode::RUSR | Mode::WUSR)?;
        let (source, made) = (File::from(source), File::from(made));
        self.copy_data(&source, &made, stat)?;
        // The owner first, since a change of it takes bits and capabilities away.
        fchown(&made, Some(owner(stat)), Some(group(stat)))?;
        fchmod(&made, Mode::from_raw_mode(stat.st_mode))?;
        self.copy_attributes(source.as_fd(), made.as_fd())?;
        futimens(&made, &times(stat))?;
        Ok(())
    }

    fn symlink(&mut self, source: &OwnedFd, stat: &Stat) -> io::Result<()> {
        let text = readlinkat(source, c"", Vec::new())?;
        symlinkat(text, &self.target, &self.at)?;
        self.finish_name(source, stat)
    }

    fn node(&mut self, source: &OwnedFd, stat: &Stat, kind: FileType) -> io::Result<()> {
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(&self.target, &self.at, kind, mode, stat.st_rdev)?;
        self.finish_name(source, stat)
    }

    /// Gives what was made by name the rest of what its source has.
    fn finish_name(&mut self, source: &OwnedFd, stat: &Stat) -> io::Result<()> {
        give_owner(&self.target, &self.at, stat)?;
        let made = openat(&self.target, &self.at, INODE, Mode::empty())?;
        self.copy_attributes(source.as_fd(), made.as_fd())?;
        let follow = AtFlags::SYMLINK_NOFOLLOW;
        utimensat(&self.target, &self.at, &times(stat), follow)?;
        Ok(())
    }

    /// Gives the directory that the walk is in what its source has. Its times
    /// last, when nothing is made in it any more.
    pub(super) fn finish_directory(&mut self) -> io::Result<()> {
        let stat = fstat(&self.source)?;
        fchown(&self.target, Some(owner(&stat)), Some(group(&stat)))?;
        fchmod(&self.target, Mode::from_raw_mode(stat.st_mode))?;
        let (source, target) = (self.source.try_clone()?, self.target.try_clone()?);
        self.copy_attributes(source.as_fd(), target.as_fd())?;
        futimens(&self.target, &times(&stat))?;
        Ok(())
    }
}

/// Gives what `name` is in `directory` owner, mode and times.
pub(super) fn give(directory: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<()> {
    give_owner(directory, name, stat)?;
    utimensat(directory, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

fn give_owner(directory: &OwnedFd, name: &CStr, stat: &Stat) -> io::Result<()> {
    let follow = AtFlags::SYMLINK_NOFOLLOW;
    chownat(
        directory,
        name,
        Some(owner(stat)),
        Some(group(stat)),
        follow,
    )?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        let mode = Mode::from_raw_mode(stat.st_mode);
        chmodat(directory, name, mode, AtFlags::empty())?;
    }
    Ok(())
}

fn owner(stat: &Stat) -> Uid {
    Uid::from_raw(stat.st_uid)
}

fn group(stat: &Stat) -> Gid {
    Gid::from_raw(stat.st_gid)
}

fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: stat.st_atime,
            tv_nsec: stat.st_atime_nsec.cast_signed(),
        },
        last_modification: Timespec {
            tv_sec: stat.st_mtime,
            tv_nsec: stat.st_mtime_nsec.cast_signed(),
        },
    }
}
