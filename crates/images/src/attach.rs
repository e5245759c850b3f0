//! Giving a loop device an image.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use veld_sys::loop_device;

const CONTROL: &str = "/dev/loop-control";
/// How often another may take the device that was free a moment ago.
const TRIES: u32 = 256;

/// A loop device, which lets go of its file when this is dropped, or with the last
/// mount of it.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) path: PathBuf,
    /// Kept open: a device that nobody has open lets go of its file.
    pub(crate) open: File,
}

/// # Errors
/// Names what of loop devices is missing.
pub(crate) fn attach(image: &File) -> io::Result<Device> {
    let control = opened(CONTROL.into(), "this kernel has no loop devices")?;
    for _ in 0..TRIES {
        let number = loop_device::free_number(control.as_fd())
            .map_err(|error| io::Error::other(format!("no loop device is free: {error}")))?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = opened(path.clone(), "no loop device is free")?;
        match loop_device::configure(device.as_fd(), image.as_fd()) {
            Ok(()) => {
                return Ok(Device { path, open: device });
            }
            Err(error) if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(
        "every loop device that was free was taken by another",
    ))
}

/// The loop device that has an image; none where it has none, or where its device is
/// letting go of it. As long as it is kept open it does not.
pub(crate) fn attached(image: &Path) -> io::Result<Option<Device>> {
    let about = std::fs::metadata(image)?;
    for entry in std::fs::read_dir("/sys/block")? {
        let entry = entry?;
        // By its inode: the path that is told there is of another mount namespace.
        if !entry.path().join("loop/backing_file").exists() {
            continue;
        }
        let path = Path::new("/dev").join(entry.file_name());
        let Ok(device) = File::open(&path) else {
            continue;
        };
        let found = loop_device::backing(device.as_fd());
        if found.is_ok_and(|found| found == (about.dev(), about.ino())) {
            return Ok(Some(Device { path, open: device }));
        }
    }
    Ok(None)
}

fn opened(path: PathBuf, otherwise: &str) -> io::Result<File> {
    let opened = File::options().read(true).write(true).open(&path);
    opened.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{otherwise}: {}: {error}", path.display()),
        )
    })
}
