//! Files of a VE, read and written by a process in it.
//!
//! Links lead nowhere that the VE could not go by itself, but for one kind: the
//! magic links of /proc/self/fd lead to descriptors of the host's that this
//! process still has. They are not followed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fchmod, fchown, fstat,
    ftruncate, openat2, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use veld_sys::fault;

/// So that neither a fifo keeps this process waiting nor a terminal becomes its own.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The content of a regular file of at most `most` bytes.
///
/// # Errors
/// EFBIG for a larger one, EINVAL for what is no regular file: an open of a
/// fifo, unlike this one, would wait for somebody to write.
pub(crate) fn read(path: &str, most: u64) -> io::Result<Vec<u8>> {
    whole(open(CWD, path, READ, ResolveFlags::NO_MAGICLINKS)?, most)
}

/// A name in a directory of the VE, whatever has the name.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    directory: OwnedFd,
    name: &'a str,
}

impl<'a> Place<'a> {
    /// The place called `name` in `directory`, which exists and may be reached
    /// through links.
    pub(crate) fn find(directory: &str, name: &'a str) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(CWD, directory, flags, ResolveFlags::NO_MAGICLINKS)?;
        Ok(Self { directory, name })
    }

    /// The content of the file there; none where nothing is.
    ///
    /// # Errors
    /// As [`read`]; ELOOP for a link: who made it keeps the file elsewhere.
    pub(crate) fn content(&self, most: u64) -> io::Result<Option<Vec<u8>>> {
        match self.open(READ) {
            Err(Errno::NOENT) => Ok(None),
            file => whole(file?, most).map(Some),
        }
    }

    /// Adds `text` to the file there, which is `before` bytes long. Owner, mode,
    /// extended attributes and other names of the file stay as they are; a
    /// failure leaves its content so, too.
    pub(crate) fn append(&self, before: usize, text: &[u8]) -> io::Result<()> {
        fault::point("append to file of the VE")?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(self.open(flags)?);
        let added = file.write_all(text);
        if added.is_err() {
            // Half a line may have been written. The first error is the one to tell.
            let _ = ftruncate(&file, u64::try_from(before).unwrap_or(u64::MAX));
        }
        added
    }

    /// Puts a file with `content` there, with owner and mode of the one that was
    /// there. Whoever looks finds the one or the other, whole.
    pub(crate) fn replace(&self, content: &[u8]) -> io::Result<()> {
        let name = format!("{}.veld", self.name);
        let beside = Place {
            directory: self.directory.try_clone()?,
            name: &name,
        };
        // What a former start left half-written.
        let _ = beside.remove();
        let replaced = beside
            .create(content, self.stat().ok().as_ref())
            .and_then(|()| fault::point("rename file of the VE"))
            .and_then(|()| {
                let directory = self.directory.as_fd();
                Ok(renameat(directory, beside.name, directory, self.name)?)
            });
        if replaced.is_err() {
            let _ = beside.remove();
        }
        replaced
    }

    fn create(&self, content: &[u8], like: Option<&Stat>) -> io::Result<()> {
        fault::point("create file of the VE")?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(self.open(flags)?);
        file.write_all(content)?;
        let (owner, group, mode) = like.map_or((0, 0, 0o644), |like| {
            (like.st_uid, like.st_gid, like.st_mode & 0o7777)
        });
        let new = fstat(&file)?;
        if (new.st_uid, new.st_gid) != (owner, group) {
            fchown(
                &file,
                Some(Uid::from_raw(owner)),
                Some(Gid::from_raw(group)),
            )?;
        }
        // After the owner, a change of which may clear bits of the mode.
        Ok(fchmod(&file, Mode::from_raw_mode(mode))?)
    }

    fn remove(&self) -> rustix::io::Result<()> {
        unlinkat(&self.directory, self.name, AtFlags::empty())
    }

    fn stat(&self) -> rustix::io::Result<Stat> {
        statat(&self.directory, self.name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn open(&self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        open(
            self.directory.as_fd(),
            self.name,
            flags | OFlags::NOFOLLOW,
            ResolveFlags::NO_SYMLINKS,
        )
    }
}

fn open(
    directory: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    resolve: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    let mode = if flags.contains(OFlags::CREATE) {
        Mode::RUSR | Mode::WUSR
    } else {
        Mode::empty()
    };
    openat2(directory, path, flags, mode, resolve)
}

fn whole(file: OwnedFd, most: u64) -> io::Result<Vec<u8>> {
    let found = fstat(&file)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL.into());
    }
    // One more than it says, so that the end is met at once.
    let size = usize::try_from(found.st_size).unwrap_or(0).min(1 << 16);
    let mut bytes = Vec::with_capacity(size + 1);
    let length = File::from(file).take(most + 1).read_to_end(&mut bytes)?;
    if u64::try_from(length).is_ok_and(|length| length > most) {
        return Err(Errno::FBIG.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn errno<T: std::fmt::Debug>(result: io::Result<T>) -> Errno {
        Errno::from_io_error(&result.unwrap_err()).unwrap()
    }

    fn write(path: &Path, content: &[u8]) {
        File::create(path).unwrap().write_all(content).unwrap();
    }

    #[test]
    fn only_regular_files_are_read_and_only_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        rustix::fs::mkfifoat(CWD, path("fifo"), Mode::RWXU).unwrap();
        write(Path::new(&path("file")), b"12345");
        symlink("file", path("link")).unwrap();
        assert_eq!(errno(read(&path("fifo"), 10)), Errno::INVAL);
        assert_eq!(errno(read(&path("none"), 10)), Errno::NOENT);
        assert_eq!(read(&path("link"), 5).unwrap(), b"12345");
        assert_eq!(errno(read(&path("link"), 4)), Errno::FBIG);
        assert_eq!(errno(read("/proc/self/exe", u64::MAX - 1)), Errno::LOOP);
    }

    #[test]
    fn what_is_appended_changes_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hosts");
        write(&file, b"\xff\n");
        std::fs::hard_link(&file, dir.path().join("other")).unwrap();
        let place = Place::find(dir.path().to_str().unwrap(), "hosts").unwrap();
        assert_eq!(place.content(10).unwrap().unwrap(), b"\xff\n");
        place.append(2, b"more\n").unwrap();
        let other = std::fs::read(dir.path().join("other")).unwrap();
        assert_eq!(other, b"\xff\nmore\n");
    }

    #[test]
    fn a_replacement_has_owner_and_mode_of_what_it_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hostname");
        let place = Place::find(dir.path().to_str().unwrap(), "hostname").unwrap();
        assert_eq!(place.content(10).unwrap(), None);
        place.replace(b"one").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        let root = rustix::process::geteuid().is_root();
        if root {
            std::os::unix::fs::chown(&file, Some(7), Some(8)).unwrap();
        }
        write(&dir.path().join("hostname.veld"), b"left");
        place.replace(b"two").unwrap();
        let found = std::fs::metadata(&file).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o640);
        assert!(!root || (found.uid(), found.gid()) == (7, 8));
        assert_eq!(place.content(10).unwrap().unwrap(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
