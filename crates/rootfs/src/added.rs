//! Mounts that an administrator adds to a VE's tree: at its start, or while it runs.
//!
//! ```text
//! host's user namespace           VE's user namespace              VE's mounts
//! Added::make   detached
//! Shelf::put    x/0, x/1 …   -->  a copy of the mounts, in which
//!                                 what was set is locked
//!                                 Shelf::take   detached      -->  AddedPlace::attach
//! ```
//!
//! The way by a copy of the mounts is what keeps root of the VE from making
//! writable again what it is to read only: attributes are locked when a mount
//! namespace is copied into another user namespace. The mount itself is not
//! locked, or nobody could take it away; where the VE does so it sees what is its own.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags, mkdirat,
    mknodat, openat, openat2, statx,
};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, UnmountFlags, unmount};
use rustix::process::fchdir;
use veld_sys::mount::{Attributes, set_tree};
use veld_sys::{Context, Failure, fault};

use crate::detached::{Extent, attach, clone_at, new_mount};
use crate::file_system;
use crate::root_dir::RootDir;
use crate::running_dev::FileId;

/// Where added mounts wait, below the working directory of who takes them.
const SHELF: &str = "x";

/// How often the same may be mounted on one place, by a VE that mounts it anew.
const LAYERS: usize = 64;

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddedSource {
    /// A directory or a file of the host's.
    Bind {
        /// Its path; no symbolic link on it is followed.
        path: PathBuf,
        /// Whether ids on disk are the VE's own.
        idmap: bool,
        /// Whether what is mounted below it is there too.
        recursive: bool,
        /// Whether set-user-ID programs are run as whom they belong to.
        suid: bool,
    },
    /// The file system in a file, which others may have mounted too; ids on it are the
    /// VE's own.
    Image(PathBuf),
    /// A file system in memory.
    Tmpfs {
        /// The host id of who owns its root.
        owner: u32,
        /// How many bytes it holds.
        size: u64,
        /// Permissions of its root.
        mode: u32,
    },
}

/// A mount that is not in the VE yet.
#[derive(Debug)]
pub struct Added {
    mount: OwnedFd,
    id: FileId,
    is_directory: bool,
}

impl Added {
    /// Makes the mount, with its attributes, by which nothing of it is a device.
    ///
    /// # Errors
    /// Names the path; EINVAL where its file system cannot be idmapped.
    ///
    /// # Kernel
    /// open_tree(2) with `OPEN_TREE_CLONE`, Linux 5.2; openat2(2) with
    /// `RESOLVE_NO_SYMLINKS`.
    pub fn make(
        source: &AddedSource,
        read_only: bool,
        user_namespace: BorrowedFd<'_>,
    ) -> Result<Self, Failure> {
        let mount = match source {
            AddedSource::Bind {
                path,
                idmap,
                recursive,
                suid,
            } => {
                let set = attributes(read_only, !suid);
                let users = idmap.then_some(user_namespace);
                bind(path, *recursive, set, users)?
            }
            AddedSource::Image(image) => {
                let mount = veld_images::mount_shared(image, veld_images::Access::Write)?;
                let set = attributes(read_only, false);
                set_tree(mount.as_fd(), set, Some(user_namespace))
                    .context(|| format!("idmap {}", image.display()))?;
                mount
            }
            AddedSource::Tmpfs { owner, size, mode } => {
                let mount = tmpfs(*owner, *size, *mode)?;
                set_tree(mount.as_fd(), attributes(read_only, true), None)
                    .context(|| "restrict a tmpfs")?;
                mount
            }
        };
        let inspected = || -> io::Result<(FileId, bool)> {
            let found = statx(
                &mount,
                "",
                AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC,
                StatxFlags::TYPE,
            )?;
            let kind = FileType::from_raw_mode(found.stx_mode.into());
            Ok((FileId::of(mount.as_fd())?, kind == FileType::Directory))
        };
        let (id, is_directory) = inspected().context(|| "inspect a mount")?;
        Ok(Self {
            mount,
            id,
            is_directory,
        })
    }

    /// What its root is.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }
}

impl AsFd for Added {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.mount.as_fd()
    }
}

fn attributes(read_only: bool, no_suid: bool) -> Attributes {
    Attributes {
        read_only,
        no_suid,
        no_dev: true,
        ..Attributes::default()
    }
}

fn bind(
    path: &Path,
    recursive: bool,
    set: Attributes,
    users: Option<BorrowedFd<'_>>,
) -> Result<OwnedFd, Failure> {
    let shown = path.display();
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    // A part of the path may be in what another mount lets a VE write: what is there
    // now may be a link to anything of the host's.
    let source = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    let over_a_link = matches!(source, Err(Errno::LOOP));
    let source = source.context(|| match over_a_link {
        true => format!("open {shown} of the host, which leads over a symbolic link"),
        false => format!("open {shown} of the host"),
    })?;
    let extent = if recursive {
        Extent::Whole
    } else {
        Extent::One
    };
    let mount = clone_at(source.as_fd(), "", extent)
        .map_err(|failure| failure.errno().unwrap_or(Errno::IO.raw_os_error()))
        .map_err(io::Error::from_raw_os_error)
        .context(|| format!("clone the mount at {shown}"))?;
    set_tree(mount.as_fd(), set, users).context(|| match users {
        Some(_) => {
            let kind = file_system::name_of(mount.as_fd());
            format!("idmap {shown}, which is on {kind}")
        }
        None => format!("restrict the mount of {shown}"),
    })?;
    Ok(mount)
}

fn tmpfs(owner: u32, size: u64, mode: u32) -> Result<OwnedFd, Failure> {
    let (owner, size, mode) = (owner.to_string(), size.to_string(), format!("{mode:o}"));
    let settings = [
        ("source", "tmpfs"),
        ("mode", &mode),
        ("uid", &owner),
        ("gid", &owner),
        ("size", &size),
    ];
    new_mount("tmpfs", &settings, MountAttrFlags::MOUNT_ATTR_NOSUID)
}

/// Where added mounts wait for a child of the VE's to take them.
#[derive(Debug)]
pub struct Shelf {
    directory: OwnedFd,
}

impl Shelf {
    /// A shelf in a file system of its own, mounted on `place`, a directory of the
    /// host's, and made the working directory.
    ///
    /// The caller is in a mount namespace of its own and discards both together.
    ///
    /// # Errors
    /// Names the place.
    pub fn mount(place: &Path) -> Result<Self, Failure> {
        let settings = [("source", "tmpfs"), ("mode", "0755"), ("size", "64k")];
        let mount = new_mount("tmpfs", &settings, MountAttrFlags::MOUNT_ATTR_NOSUID)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let shown = place.display();
        let below = openat(CWD, place, flags, Mode::empty()).context(|| format!("open {shown}"))?;
        attach(mount.as_fd(), below.as_fd(), &shown.to_string())?;
        fchdir(&mount).context(|| format!("enter {shown}"))?;
        Self::within(mount.as_fd())
    }

    /// A shelf in a directory that becomes somebody's working directory.
    pub(crate) fn within(above: BorrowedFd<'_>) -> Result<Self, Failure> {
        let open = || -> io::Result<OwnedFd> {
            fault::point("make directory on tmpfs")?;
            mkdirat(above, SHELF, Mode::from_raw_mode(0o755))?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(openat(above, SHELF, flags, Mode::empty())?)
        };
        let directory = open().context(|| "create a directory for mounts")?;
        Ok(Self { directory })
    }

    /// Puts mounts there, in the order in which they are taken.
    ///
    /// # Errors
    /// Names the step.
    pub fn put(&self, mounts: &[Added]) -> Result<(), Failure> {
        for (number, added) in mounts.iter().enumerate() {
            let name = number.to_string();
            let below = self.place(&name, added.is_directory);
            let below = below.context(|| "create a place for a mount")?;
            attach(added.mount.as_fd(), below.as_fd(), &name)?;
        }
        Ok(())
    }

    fn place(&self, name: &str, is_directory: bool) -> io::Result<OwnedFd> {
        fault::point("make place on tmpfs")?;
        let mode = Mode::from_raw_mode(0o700);
        if is_directory {
            mkdirat(&self.directory, name, mode)?;
        } else {
            mknodat(&self.directory, name, FileType::RegularFile, mode, 0)?;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.directory, name, flags, Mode::empty())?)
    }

    /// Takes `count` mounts from the shelf in the working directory, in a copy of the mount
    /// namespace that is the VE's: what was set of them is locked by now.
    ///
    /// # Errors
    /// Names the step.
    ///
    /// # Kernel
    /// mount_namespaces(7), "Restrictions on mount namespaces".
    pub fn take(count: usize) -> Result<Vec<OwnedFd>, Failure> {
        let numbers = 0..count;
        numbers
            .map(|number| clone_at(CWD, &format!("{SHELF}/{number}"), Extent::Whole))
            .collect()
    }
}

/// Attaches a mount to `target`, which is made where it is missing, with the
/// directories above it.
///
/// The caller is root of the VE and has no umask.
///
/// # Errors
/// Names the place; ENOTDIR or EISDIR where something else is there.
pub(crate) fn put_in(root: &RootDir, target: &Path, mount: BorrowedFd<'_>) -> Result<(), Failure> {
    let shown = target.display();
    let place = find_or_make(root, target, mount);
    let place = place.context(|| format!("use {shown} of the VE as a mount point"))?;
    attach(mount, place.as_fd(), &format!("{shown} of the VE"))
}

fn find_or_make(root: &RootDir, target: &Path, mount: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let is_directory = |file: BorrowedFd<'_>| -> io::Result<bool> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let found = statx(file, "", flags, StatxFlags::TYPE)?;
        Ok(FileType::from_raw_mode(found.stx_mode.into()) == FileType::Directory)
    };
    let wants_directory = is_directory(mount)?;
    let found = match open_place(root, target) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            make(root, target, wants_directory)?
        }
        found => found?,
    };
    match (is_directory(found.as_fd())?, wants_directory) {
        (true, false) => Err(Errno::ISDIR.into()),
        (false, true) => Err(Errno::NOTDIR.into()),
        _ => Ok(found),
    }
}

fn make(root: &RootDir, target: &Path, is_directory: bool) -> io::Result<OwnedFd> {
    let mode = Mode::from_raw_mode(0o755);
    if is_directory {
        return root.make_dirs(target, mode);
    }
    let (Some(above), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    let above = root.make_dirs(above, mode)?;
    fault::point("create file in a root")?;
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    Ok(openat(above, name, flags, Mode::from_raw_mode(0o644))?)
}

fn open_place(root: &RootDir, target: &Path) -> io::Result<OwnedFd> {
    let text = target.to_str().ok_or(Errno::ILSEQ)?;
    root.open_file(text, OFlags::PATH, Mode::empty())
}

/// The root of the mount at `target`, if it is this one; EBUSY where another is.
///
/// # Kernel
/// statx(2), `STATX_ATTR_MOUNT_ROOT`: Linux 5.8.
fn find_mounted(root: &RootDir, target: &Path, id: FileId) -> io::Result<Option<OwnedFd>> {
    let place = match open_place(root, target) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        place => place?,
    };
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let found = statx(&place, "", flags, StatxFlags::INO)?;
    if !found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return Ok(None);
    }
    if FileId::of(place.as_fd())? == id {
        Ok(Some(place))
    } else {
        Err(Errno::BUSY.into())
    }
}

/// Attaches mounts that were taken from a shelf, in this order, up to the first that
/// cannot be.
///
/// The caller is root of the VE, in its mount namespace, and has no umask.
///
/// # Errors
/// Names the place.
pub fn attach_added(targets: &[PathBuf], mounts: &[OwnedFd]) -> Result<(), Failure> {
    let root = RootDir::open(Path::new("/"))?;
    let mut pairs = targets.iter().zip(mounts);
    pairs.try_for_each(|(target, mount)| put_in(&root, target, mount.as_fd()))
}

/// Looks whether a mount could be taken away from `target`, or is not there any more.
/// The caller is in the VE's mount namespace.
///
/// # Errors
/// As [`take_away`].
pub fn can_take_away(target: &Path, id: FileId) -> Result<(), Failure> {
    let root = RootDir::open(Path::new("/"))?;
    find_mounted(&root, target, id)
        .map(drop)
        .context(|| format!("unmount {} of the VE", target.display()))
}

/// Takes a mount away from `target`, as often as it is there, and whatever the VE has
/// mounted in it.
///
/// The caller is in the VE's mount namespace; `own_descriptors` is its /proc/self/fd, opened
/// while /proc was the host's.
///
/// # Errors
/// Names the place; EBUSY where another mount is over it.
///
/// # Kernel
/// umount2(2) with `MNT_DETACH`: it takes a path, which here is a link to what was
/// looked at.
pub fn take_away(
    target: &Path,
    id: FileId,
    own_descriptors: BorrowedFd<'_>,
) -> Result<(), Failure> {
    let root = RootDir::open(Path::new("/"))?;
    let take = || -> io::Result<()> {
        for layer in 0..LAYERS {
            let mounted = match find_mounted(&root, target, id) {
                // What the VE had there before is there again.
                Err(other) if layer > 0 && is_busy(&other) => return Ok(()),
                mounted => mounted?,
            };
            let Some(mounted) = mounted else {
                return Ok(());
            };
            fault::point("unmount from a VE")?;
            fchdir(own_descriptors)?;
            let link = mounted.as_raw_fd().to_string();
            unmount(link.as_str(), UnmountFlags::DETACH)?;
        }
        Err(Errno::BUSY.into())
    };
    take().context(|| format!("unmount {} of the VE", target.display()))
}

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::BUSY.raw_os_error())
}
