//! /dev of a VE that runs: nodes of devices made and removed from outside.
//!
//! The VE may have mounted anything over its /dev, or below it, and puts there
//! what it likes. So the directory counts only if it is the very one that was
//! made at the start, by the numbers that tell it from all others of the kernel
//! for as long as the VE lives; and no look-up below it passes a link or a mount.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags, makedev, openat2, statx, unlinkat,
};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};
use veld_units::{DeviceKind, DeviceNumbers};

use crate::host_device::HostDevice;

/// What tells a file from every other that there is while it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    /// The file system.
    pub device: u64,
    /// The file on it.
    pub inode: u64,
}

impl FileId {
    /// Of what a descriptor is open on. A file system is not asked for what the
    /// kernel has at hand: it may be one that never answers.
    pub(crate) fn of(file: BorrowedFd<'_>) -> io::Result<Self> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let found = statx(file, "", flags, StatxFlags::INO)?;
        Ok(Self {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        })
    }
}

/// The /dev that a running VE was started with.
#[derive(Debug)]
pub struct RunningDev {
    dir: OwnedFd,
}

/// Neither out of the directory nor over anything that is mounted in it.
const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_XDEV)
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl RunningDev {
    /// Finds /dev below `root`, the root of a process of the VE.
    ///
    /// # Errors
    /// ENODEV where it is not `made` any more, as where the VE has mounted
    /// something over it.
    ///
    /// # Kernel
    /// openat2(2) with `RESOLVE_BENEATH`, Linux 5.6; inode(7) for the numbers.
    pub fn find(root: BorrowedFd<'_>, made: FileId) -> Result<Self, Failure> {
        let find = || -> io::Result<Self> {
            let resolve = RESOLVE.difference(ResolveFlags::NO_XDEV);
            let dir = openat2(root, "dev", DIRECTORY, Mode::empty(), resolve)?;
            if FileId::of(dir.as_fd())? == made {
                Ok(Self { dir })
            } else {
                Err(Errno::NODEV.into())
            }
        };
        find().context(|| "find the /dev that the VE was started with")
    }

    /// Makes the node of a device, as a start does.
    ///
    /// The caller acts as the owner of /dev, has CAP_MKNOD and no umask.
    ///
    /// # Errors
    /// Names the node.
    pub fn make_node(&self, device: &HostDevice) -> Result<(), Failure> {
        device.make_node(self.dir.as_fd())
    }

    /// Removes the node at `path`, a path below /dev, unless it is of a device
    /// that is on the list of those that the VE may use. What is no device stays.
    ///
    /// # Errors
    /// Names the node; EBUSY where the VE has mounted something over it.
    pub fn remove_node(&self, path: &Path, allowed: &[DeviceNumbers]) -> Result<(), Failure> {
        match self.remove(path, allowed) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.context(|| format!("remove {}", path.display())),
        }
    }

    fn remove(&self, path: &Path, allowed: &[DeviceNumbers]) -> io::Result<()> {
        let below = path.strip_prefix("/dev").map_err(io::Error::other)?;
        let (Some(above), Some(name)) = (below.parent(), below.file_name()) else {
            return Err(Errno::INVAL.into());
        };
        let above = directory(self.dir.as_fd(), above)?;
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_DONT_SYNC;
        let found = statx(&above, name, flags, StatxFlags::TYPE)?;
        let kind = match FileType::from_raw_mode(found.stx_mode.into()) {
            FileType::CharacterDevice => DeviceKind::Character,
            FileType::BlockDevice => DeviceKind::Block,
            FileType::RegularFile
            | FileType::Directory
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => return Ok(()),
        };
        let numbers = DeviceNumbers {
            kind,
            major: found.stx_rdev_major,
            minor: Some(found.stx_rdev_minor),
        };
        if allowed.iter().any(|allowed| allowed.covers(numbers)) {
            return Ok(());
        }
        fault::point("remove node in /dev")?;
        Ok(unlinkat(above, name, AtFlags::empty())?)
    }
}

/// The directory `path` below `dev`, which itself has an empty path.
pub(crate) fn directory(dev: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    Ok(openat2(dev, path, DIRECTORY, Mode::empty(), RESOLVE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs::{File, create_dir, metadata};
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, mknodat};

    /// A root with a /dev in a directory that goes away, and that /dev.
    fn root() -> (tempfile::TempDir, File, FileId) {
        let dir = tempfile::tempdir().unwrap();
        create_dir(dir.path().join("dev")).unwrap();
        let root = File::open(dir.path()).unwrap();
        let dev = File::open(dir.path().join("dev")).unwrap();
        let made = FileId::of(dev.as_fd()).unwrap();
        (dir, root, made)
    }

    fn is_root() -> bool {
        let root = rustix::process::geteuid().is_root();
        if !root {
            println!("skipped: making nodes takes root");
        }
        root
    }

    #[test]
    fn another_directory_in_its_place_is_refused() {
        let (dir, root, made) = root();
        RunningDev::find(root.as_fd(), made).unwrap();
        std::fs::rename(dir.path().join("dev"), dir.path().join("old")).unwrap();
        create_dir(dir.path().join("dev")).unwrap();
        let refused = RunningDev::find(root.as_fd(), made).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "cannot find the /dev that the VE was started with"
        );
        assert_eq!(refused.errno(), Some(Errno::NODEV.raw_os_error()));
        // Nor does a link lead back to it.
        std::fs::remove_dir(dir.path().join("dev")).unwrap();
        symlink("old", dir.path().join("dev")).unwrap();
        let refused = RunningDev::find(root.as_fd(), made).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::LOOP.raw_os_error()));
    }

    #[test]
    fn nodes_come_and_go_and_what_may_be_used_stays() {
        if !is_root() {
            return;
        }
        let (dir, root, made) = root();
        let dev = RunningDev::find(root.as_fd(), made).unwrap();
        let null = HostDevice::find(Path::new("/dev/null")).unwrap();
        dev.make_node(&null).unwrap();
        let place = dir.path().join("dev/null");
        assert!(metadata(&place).is_ok());
        let path = Path::new("/dev/null");
        let every = ["c:1:*".parse().unwrap()];
        dev.remove_node(path, &every).unwrap();
        assert!(metadata(&place).is_ok());
        dev.remove_node(path, &["c:1:5".parse().unwrap()]).unwrap();
        assert!(metadata(&place).is_err());
        dev.remove_node(path, &[]).unwrap();
        // What the VE has put in a node's place is the VE's.
        File::create(&place).unwrap();
        dev.remove_node(path, &[]).unwrap();
        assert!(metadata(&place).is_ok());
    }

    #[test]
    fn no_link_below_is_followed() {
        if !is_root() {
            return;
        }
        let (dir, root, made) = root();
        let dev = RunningDev::find(root.as_fd(), made).unwrap();
        create_dir(dir.path().join("outside")).unwrap();
        symlink("../outside", dir.path().join("dev/sub")).unwrap();
        let node = dir.path().join("outside/null");
        let mode = Mode::from_raw_mode(0o600);
        mknodat(CWD, &node, FileType::CharacterDevice, mode, makedev(1, 3)).unwrap();
        let refused = dev.remove_node(Path::new("/dev/sub/null"), &[]);
        let refused = refused.unwrap_err();
        assert_eq!(refused.to_string(), "cannot remove /dev/sub/null");
        assert_eq!(refused.errno(), Some(Errno::LOOP.raw_os_error()));
        assert!(metadata(&node).is_ok());
    }
}
