//! The walk over what is copied.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fchmod, fchown, fstat, linkat,
    mkdirat, mknodat, openat, openat2, readlinkat, renameat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

use super::attributes::Translation;
use super::owners::Ids;
use super::rights::{READ, SEARCH, WRITE};
use super::{CopyEvent, CopyTree, CopyWish, Told, data, leftover};

/// How many directories may be in one another: for each two are open.
const DEEPEST: usize = 200;

const HANDLE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Device and inode.
type Id = (u64, u64);

/// A name in a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) above: BorrowedFd<'a>,
    pub(super) name: &'a CStr,
}

/// Where the first copy of a file with several names went.
struct Linked {
    directory: Option<Rc<Below>>,
    name: CString,
    id: Id,
}

/// A directory below the top. One is there for all that is in it, or the
/// names of many would be remembered with each file.
struct Below {
    above: Option<Rc<Self>>,
    name: CString,
    depth: usize,
}

pub(super) struct Walk<'a> {
    translation: Translation,
    told: Told<'a>,
    /// Where the copies of this source begin.
    top: Option<OwnedFd>,
    /// The directory below the top that the walk is in.
    inside: Option<Rc<Below>>,
    linked: HashMap<Id, Linked>,
    /// Directories of copies, which are not copied again.
    made: Option<Id>,
    /// The last directory from which was removed what others left.
    swept: Option<Id>,
    /// What the names beside those of files have in them.
    number: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(from: &CopyTree, to: &CopyTree, wish: CopyWish, told: Told<'a>) -> Self {
        Self {
            translation: Translation {
                from: from.ids,
                to: to.ids,
                wish,
            },
            told,
            top: None,
            inside: None,
            linked: HashMap::new(),
            made: None,
            swept: None,
            number: 0,
        }
    }

    /// Copies what `source` is a handle of to `name` in `above`.
    pub(super) fn entry(
        &mut self,
        source: &OwnedFd,
        spot: Spot<'_>,
        shown: &str,
    ) -> Result<(), Failure> {
        let failed = || format!("copy {shown}");
        self.begin(spot.above).context(failed)?;
        self.one(source, spot, shown)
    }

    /// Copies what is in the directory that `source` is a handle of into `above`.
    pub(super) fn contents(
        &mut self,
        source: &OwnedFd,
        above: BorrowedFd<'_>,
        shown: &str,
    ) -> Result<(), Failure> {
        let ids = self.translation.from;
        let open = || -> io::Result<OwnedFd> {
            ids.must_allow(&fstat(source)?, READ | SEARCH)?;
            Ok(openat(source, c".", DIRECTORY, Mode::empty())?)
        };
        let opened = self.begin(above).and_then(|()| open());
        let opened = opened.context(|| format!("copy {shown}"))?;
        self.made = id_of(above).ok();
        self.inside(opened, above, shown)
    }

    fn begin(&mut self, above: BorrowedFd<'_>) -> io::Result<()> {
        self.sweep(above);
        self.top = Some(above.try_clone_to_owned()?);
        self.inside = None;
        self.linked.clear();
        self.made = None;
        Ok(())
    }

    fn one(&mut self, source: &OwnedFd, spot: Spot<'_>, shown: &str) -> Result<(), Failure> {
        let failed = || format!("copy {shown}");
        let stat = fstat(source).context(failed)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let done = match kind {
            FileType::Directory => return self.directory(source, &stat, spot, shown),
            FileType::RegularFile => self.file(source, &stat, spot),
            FileType::Symlink | FileType::Fifo => self.by_name(source, kind, &stat, spot),
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Socket
            | FileType::Unknown => {
                let what = if kind == FileType::Socket {
                    "socket"
                } else {
                    "device"
                };
                let warning = format!("left out {shown}, which is a {what}");
                (self.told)(CopyEvent::Warning(warning))
            }
        };
        done.and_then(|()| (self.told)(CopyEvent::Entry))
            .context(failed)
    }

    fn directory(
        &mut self,
        source: &OwnedFd,
        stat: &Stat,
        spot: Spot<'_>,
        shown: &str,
    ) -> Result<(), Failure> {
        let failed = || format!("copy {shown}");
        if self.made == Some((stat.st_dev, stat.st_ino)) {
            let warning = format!("left out {shown}, which is the copy itself");
            return (self.told)(CopyEvent::Warning(warning)).context(failed);
        }
        let depth = 1 + self.inside.as_ref().map_or(0, |directory| directory.depth);
        if depth > DEEPEST {
            return Err(Failure::new(failed(), Errno::NAMETOOLONG));
        }
        let Translation {
            from: ids, wish, ..
        } = self.translation;
        let opened = || -> io::Result<(OwnedFd, OwnedFd, bool)> {
            ids.must_allow(stat, READ | SEARCH)?;
            let from = openat(source, c".", DIRECTORY, Mode::empty())?;
            let (to, is_new) = self.make_directory(spot)?;
            Ok((from, to, is_new))
        };
        let (from, to, is_new) = opened().context(failed)?;
        if self.made.is_none() {
            self.made = id_of(to.as_fd()).ok();
        }
        if !is_new {
            self.sweep(to.as_fd());
        }
        if is_new {
            // What comes in belongs there from the beginning.
            let (uid, gid) = self.translation.owner(stat);
            fchown(&to, Some(uid), Some(gid)).context(failed)?;
        }
        let above = self.inside.take();
        self.inside = Some(Rc::new(Below {
            above: above.clone(),
            name: spot.name.to_owned(),
            depth,
        }));
        self.inside(from, to.as_fd(), shown)?;
        self.inside = above;
        if is_new || wish.archive {
            let given = self
                .translation
                .give(source.as_fd(), stat, to.as_fd(), false);
            given.context(failed)?;
        }
        (self.told)(CopyEvent::Entry).context(failed)
    }

    fn inside(&mut self, from: OwnedFd, to: BorrowedFd<'_>, shown: &str) -> Result<(), Failure> {
        let failed = || format!("read {shown}");
        if id_of(from.as_fd()).context(failed)? == id_of(to).context(failed)? {
            // What is copied would be listed and copied again.
            return Err(Failure::new(
                format!("copy {shown} to itself"),
                Errno::INVAL,
            ));
        }
        let mut names = Dir::new(from).context(failed)?;
        while let Some(entry) = names.read() {
            let name = entry.context(failed)?.file_name().to_owned();
            if name.as_c_str() == c"." || name.as_c_str() == c".." {
                continue;
            }
            let from = names.fd().context(failed)?;
            let below = format!("{}/{}", shown.trim_end_matches('/'), name.to_string_lossy());
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            let handle = match openat2(from, &name, HANDLE, Mode::empty(), resolve) {
                // Removed since it was listed.
                Err(Errno::NOENT) => continue,
                handle => handle.context(|| format!("copy {below}"))?,
            };
            let spot = Spot {
                above: to,
                name: &name,
            };
            self.one(&handle, spot, &below)?;
        }
        Ok(())
    }

    fn file(&mut self, source: &OwnedFd, stat: &Stat, spot: Spot<'_>) -> io::Result<()> {
        let id = (stat.st_dev, stat.st_ino);
        let has_names = stat.st_nlink > 1;
        if has_names && self.link(id, spot)? {
            return Ok(());
        }
        self.translation.from.must_allow(stat, READ)?;
        let (from, size) = data::open_regular(source)?;
        let beside = self.beside();
        let to = create(spot.above, &beside)?;
        let filled = data::copy(&from, size, &to, self.told)
            .and_then(|()| {
                self.translation
                    .give(source.as_fd(), stat, to.as_fd(), true)
            })
            .and_then(|()| self.take_name(spot, &beside));
        undone_unless(filled, spot.above, &beside)?;
        if has_names {
            let linked = Linked {
                directory: self.inside.clone(),
                name: spot.name.to_owned(),
                id: id_of(to.as_fd())?,
            };
            self.linked.insert(id, linked);
        }
        Ok(())
    }

    /// Links `name` to the copy of the same file, where there is one.
    fn link(&mut self, id: Id, spot: Spot<'_>) -> io::Result<bool> {
        let (Some(linked), Some(top)) = (self.linked.get(&id), &self.top) else {
            return Ok(false);
        };
        let mut directories = Vec::new();
        let mut next = linked.directory.as_deref();
        while let Some(directory) = next {
            directories.push(&directory.name);
            next = directory.above.as_deref();
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let mut directory = openat(top, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        for name in directories.into_iter().rev() {
            let flags = HANDLE | OFlags::DIRECTORY;
            directory = match openat2(&directory, name, flags, Mode::empty(), resolve) {
                // Somebody has moved it: a copy of its own will do.
                Err(_) => return Ok(false),
                opened => opened?,
            };
        }
        let first = match openat2(&directory, &linked.name, HANDLE, Mode::empty(), resolve) {
            Ok(file) if id_of(file.as_fd())? == linked.id => file,
            Ok(_) | Err(_) => return Ok(false),
        };
        let beside = self.beside();
        fault::point("link copy")?;
        // The inode found: its name may be another's by now.
        if linkat(&first, c"", spot.above, &beside, AtFlags::EMPTY_PATH).is_err() {
            return Ok(false);
        }
        let named = self.take_name(spot, &beside);
        // A rename to another name of the same file does nothing.
        let _ = unlinkat(spot.above, &beside, AtFlags::empty());
        named.map(|()| true)
    }

    /// A link or a fifo.
    fn by_name(
        &mut self,
        source: &OwnedFd,
        kind: FileType,
        stat: &Stat,
        spot: Spot<'_>,
    ) -> io::Result<()> {
        let beside = self.beside();
        fault::point("make copy")?;
        if kind == FileType::Symlink {
            let target = readlinkat(source, c"", Vec::new())?;
            symlinkat(target.as_c_str(), spot.above, &beside)?;
        } else {
            let mode = self.translation.mode(stat, false);
            mknodat(spot.above, &beside, FileType::Fifo, mode, 0)?;
        }
        let made =
            || -> io::Result<OwnedFd> { Ok(openat(spot.above, &beside, HANDLE, Mode::empty())?) };
        let given = made()
            .and_then(|made| self.translation.give_inode(stat, made.as_fd()))
            .and_then(|()| self.take_name(spot, &beside));
        undone_unless(given, spot.above, &beside)
    }

    /// Makes a file of a stream.
    pub(super) fn stream(
        &mut self,
        input: &OwnedFd,
        spot: Spot<'_>,
        shown: &str,
    ) -> Result<(), Failure> {
        self.sweep(spot.above);
        let mut write = || -> io::Result<()> {
            let beside = self.beside();
            let to = create(spot.above, &beside)?;
            let given = self.translation.wish.given;
            let (uid, gid) = self.translation.owner_of_new();
            let mode = Mode::from_raw_mode(given.mode.unwrap_or(0o644));
            let filled = data::fill(input, &to, self.told)
                .and_then(|()| Ok(fchown(&to, Some(uid), Some(gid))?))
                .and_then(|()| Ok(fchmod(&to, mode)?))
                .and_then(|()| self.take_name(spot, &beside));
            undone_unless(filled, spot.above, &beside)?;
            (self.told)(CopyEvent::Entry)
        };
        write().context(|| format!("write {shown}"))
    }

    /// A directory that is there or is made; whether it is new.
    fn make_directory(&self, spot: Spot<'_>) -> io::Result<(OwnedFd, bool)> {
        let Spot { above, name } = spot;
        fault::point("make directory of copies")?;
        let is_new = match mkdirat(above, name, Mode::RWXU) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        let directory = openat(above, name, DIRECTORY, Mode::empty())?;
        let stat = fstat(&directory)?;
        let ids = self.translation.to;
        ids.must_allow(&stat, WRITE | SEARCH)?;
        // Of a directory of the host's, which may have taken the place of a new
        // one, nobody becomes the owner.
        if is_new || self.translation.wish.archive {
            ids.must_own(&stat)?;
        }
        Ok((directory, is_new))
    }

    fn take_name(&self, spot: Spot<'_>, beside: &CStr) -> io::Result<()> {
        let Spot { above, name } = spot;
        self.translation.to.must_replace(spot)?;
        fault::point("name copy")?;
        Ok(renameat(above, beside, above, name)?)
    }

    /// Removes what a copy that was killed left in a directory, once. What cannot be
    /// removed is in nobody's way.
    fn sweep(&mut self, directory: BorrowedFd<'_>) {
        let id = id_of(directory).ok();
        if id != self.swept {
            let _ = leftover::sweep(directory, self.translation.to);
            self.swept = id;
        }
    }

    /// A name that nobody else has.
    fn beside(&mut self) -> CString {
        self.number = self.number.wrapping_add(1);
        leftover::name(self.number)
    }
}

impl Translation {
    /// Who owns a file that was none.
    fn owner_of_new(&self) -> (rustix::fs::Uid, rustix::fs::Gid) {
        let given = self.wish.given;
        let seen = |id: Option<u32>| match self.to {
            Ids::Host => id.unwrap_or(0),
            Ids::Guest { .. } => self.to.seen(id.unwrap_or(0)),
        };
        (
            rustix::fs::Uid::from_raw(seen(given.uid)),
            rustix::fs::Gid::from_raw(seen(given.gid)),
        )
    }
}

fn create(above: BorrowedFd<'_>, name: &CStr) -> io::Result<File> {
    fault::point("create copy")?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    // One that was killed may have left a file of that name.
    let made = match openat(above, name, flags, mode) {
        Err(Errno::EXIST) => {
            unlinkat(above, name, AtFlags::empty())?;
            openat(above, name, flags, mode)
        }
        made => made,
    };
    Ok(File::from(made?))
}

/// Takes what is beside a name away where it could not take it.
fn undone_unless(done: io::Result<()>, above: BorrowedFd<'_>, beside: &CStr) -> io::Result<()> {
    if done.is_err() {
        // The first failure is the one to tell.
        let _ = unlinkat(above, beside, AtFlags::empty());
    }
    done
}

fn id_of(file: BorrowedFd<'_>) -> io::Result<Id> {
    let stat = fstat(file)?;
    Ok((stat.st_dev, stat.st_ino))
}
