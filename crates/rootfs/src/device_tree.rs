//! What is in /dev before the distribution adds to it.

use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, makedev, mkdirat, mknodat, symlinkat};
use veld_sys::{Context, Failure, fault};
use veld_units::{DeviceKind, DeviceNumbers};

use crate::host_device::HostDevice;

/// A character device: path below /dev, major and minor number.
///
/// # Kernel
/// The numbers are those of Documentation/admin-guide/devices.txt.
type Node = (&'static str, u32, u32);

/// Devices that every program may count on.
const NODES: [Node; 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

/// Devices that are given where the host has them: both are safe in a user namespace.
const NODES_OF_HOST: [Node; 2] = [("fuse", 10, 229), ("net/tun", 10, 200)];

/// Terminals: what makes one, and all that it makes. They are on the devpts of
/// the VE. Its console is one of them; 5:1, the host's own, is not a VE's.
const TERMINALS: [(u32, Option<u32>); 2] = [(5, Some(2)), (136, None)];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Directories that get a mount of their own, and net for tun.
const DIRECTORIES: [&str; 4] = ["pts", "shm", "mqueue", "net"];

/// The devices that every VE may use, whether it finds a node of each or not.
pub fn usual_devices() -> impl Iterator<Item = DeviceNumbers> {
    let nodes = NODES.iter().chain(&NODES_OF_HOST);
    let nodes = nodes.map(|(_, major, minor)| (*major, Some(*minor)));
    nodes.chain(TERMINALS).map(|(major, minor)| DeviceNumbers {
        kind: DeviceKind::Character,
        major,
        minor,
    })
}

/// Fills the empty directory `dev`, which must be on a file system that allows
/// devices, with what every VE has and `given`. The caller acts as the owner of
/// all this and has CAP_MKNOD.
pub(crate) fn fill(dev: BorrowedFd<'_>, given: &[HostDevice]) -> Result<(), Failure> {
    for name in DIRECTORIES {
        fault::point("make directory in /dev")
            .and_then(|()| Ok(mkdirat(dev, name, Mode::from_raw_mode(0o755))?))
            .context(|| format!("create /dev/{name}"))?;
    }
    let of_host = NODES_OF_HOST
        .iter()
        .filter(|(name, ..)| Path::new("/dev").join(name).exists());
    for &(name, major, minor) in NODES.iter().chain(of_host) {
        let mode = Mode::from_raw_mode(0o666);
        node(
            dev,
            name,
            FileType::CharacterDevice,
            mode,
            makedev(major, minor),
        )?;
    }
    // The terminal that becomes the console is mounted over this file.
    node(
        dev,
        "console",
        FileType::RegularFile,
        Mode::from_raw_mode(0o620),
        0,
    )?;
    for (name, target) in LINKS {
        fault::point("make link in /dev")
            .and_then(|()| Ok(symlinkat(target, dev, name)?))
            .context(|| format!("create /dev/{name}"))?;
    }
    given.iter().try_for_each(|device| device.make_node(dev))
}

fn node(
    dev: BorrowedFd<'_>,
    name: &str,
    kind: FileType,
    mode: Mode,
    number: u64,
) -> Result<(), Failure> {
    fault::point("make node in /dev")
        .and_then(|()| Ok(mknodat(dev, name, kind, mode, number)?))
        .context(|| format!("create /dev/{name}"))
}
