//! Devices of the host that a VE is given, and their nodes in the VE's /dev.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, major, makedev, minor, mkdirat, mknodat, stat};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};
use veld_units::{DeviceKind, DeviceNumbers};

use crate::running_dev::directory;

/// A device as the host's /dev has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostDevice {
    /// Where it is below /dev, on the host and in the VE.
    name: PathBuf,
    kind: DeviceKind,
    major: u32,
    minor: u32,
    mode: Mode,
}

impl HostDevice {
    /// Looks for the device at a path below /dev. A link of the host's leads to
    /// the device that it means today; the VE gets a node in the link's place.
    ///
    /// # Errors
    /// Names the path: there is nothing, or no device.
    pub fn find(path: &Path) -> Result<Self, Failure> {
        let found = stat(path).context(|| format!("find device {}", path.display()))?;
        let using = || format!("use {} as a device", path.display());
        let kind = match FileType::from_raw_mode(found.st_mode) {
            FileType::CharacterDevice => Ok(DeviceKind::Character),
            FileType::BlockDevice => Ok(DeviceKind::Block),
            FileType::RegularFile
            | FileType::Directory
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => Err(io::Error::other("it is none")),
        };
        let name = path.strip_prefix("/dev").map_err(io::Error::other);
        Ok(Self {
            name: name.context(using)?.to_owned(),
            kind: kind.context(using)?,
            major: major(found.st_rdev),
            minor: minor(found.st_rdev),
            // As on the host, where 0666 says that everyone may use it; no group
            // of the host's has a meaning inside.
            mode: Mode::from_raw_mode(found.st_mode & 0o666),
        })
    }

    /// Which device it is.
    #[must_use]
    pub fn numbers(&self) -> DeviceNumbers {
        DeviceNumbers {
            kind: self.kind,
            major: self.major,
            minor: Some(self.minor),
        }
    }

    /// Makes the node below `dev`, and the directories above it. What is there
    /// already stays as it is: the VE has its own null, console and so on.
    ///
    /// The caller acts as the owner of `dev` and has CAP_MKNOD and no umask.
    pub(crate) fn make_node(&self, dev: BorrowedFd<'_>) -> Result<(), Failure> {
        self.make(dev)
            .context(|| format!("create /dev/{}", self.name.display()))
    }

    fn make(&self, dev: BorrowedFd<'_>) -> io::Result<()> {
        let (Some(above), Some(name)) = (self.name.parent(), self.name.file_name()) else {
            return Err(Errno::INVAL.into());
        };
        let mut here = directory(dev, Path::new(""))?;
        for name in above {
            fault::point("make directory in /dev")?;
            unless_there(mkdirat(&here, name, Mode::from_raw_mode(0o755)))?;
            here = directory(here.as_fd(), Path::new(name))?;
        }
        let kind = match self.kind {
            DeviceKind::Character => FileType::CharacterDevice,
            DeviceKind::Block => FileType::BlockDevice,
        };
        let number = makedev(self.major, self.minor);
        fault::point("make node in /dev")?;
        unless_there(mknodat(&here, name, kind, self.mode, number))
    }
}

fn unless_there(made: rustix::io::Result<()>) -> io::Result<()> {
    match made {
        Err(Errno::EXIST) => Ok(()),
        made => Ok(made?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    #[test]
    fn a_device_is_found_by_its_path() {
        let null = HostDevice::find(Path::new("/dev/null")).unwrap();
        assert_eq!(null.numbers().to_string(), "c:1:3");
        assert_eq!(null.mode, Mode::from_raw_mode(0o666));
    }

    #[test]
    fn what_is_no_device_has_its_line() {
        for (path, text) in [
            (
                "/dev/no-such-device",
                "cannot find device /dev/no-such-device: No such file or directory (os error 2)",
            ),
            ("/dev/net", "cannot use /dev/net as a device: it is none"),
            ("/proc/version", "cannot use /proc/version as a device"),
        ] {
            let refused = HostDevice::find(Path::new(path)).unwrap_err();
            let said = veld_sys::chain(&refused);
            assert!(said.starts_with(text), "{said}");
        }
    }

    #[test]
    fn nodes_are_made_with_directories_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let dev = std::fs::File::open(dir.path()).unwrap();
        let device = HostDevice {
            name: "a/b/null".into(),
            ..HostDevice::find(Path::new("/dev/null")).unwrap()
        };
        match device.make_node(dev.as_fd()) {
            Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => {
                println!("skipped: making nodes takes root");
                return;
            }
            made => made.unwrap(),
        }
        device.make_node(dev.as_fd()).unwrap();
        let made = std::fs::metadata(dir.path().join("a/b/null")).unwrap();
        assert!(made.file_type().is_char_device());
        assert_eq!(made.rdev(), makedev(1, 3));
        // A link in a directory's place leads nowhere.
        std::os::unix::fs::symlink("/tmp", dir.path().join("link")).unwrap();
        let astray = HostDevice {
            name: "link/null".into(),
            ..device
        };
        let refused = astray.make_node(dev.as_fd()).unwrap_err();
        assert_eq!(refused.to_string(), "cannot create /dev/link/null");
        assert_eq!(refused.errno(), Some(Errno::LOOP.raw_os_error()));
    }
}
