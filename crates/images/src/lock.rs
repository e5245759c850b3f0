//! The lock on an image: whoever has it is the only one that works on it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

/// How long a loop device may take to let go of a file after its file system was
/// unmounted: others may look into devices that appear.
const RELEASE: Duration = Duration::from_secs(2);

/// Opens an image for reading and writing, and locks it until the last descriptor
/// of this opening is closed.
///
/// # Errors
/// EBUSY where somebody works on it.
pub(crate) fn open_locked(image: &Path) -> Result<File, Failure> {
    open_locked_within(image, RELEASE)
}

/// The same, for those who wait otherwise.
pub(crate) fn open_locked_within(image: &Path, patience: Duration) -> Result<File, Failure> {
    let name = || image.display();
    let file = fault::point("open image")
        .and_then(|()| File::options().read(true).write(true).open(image))
        .context(|| format!("open {}", name()))?;
    let deadline = Instant::now() + patience;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(Errno::WOULDBLOCK) => {
                let used = io::Error::new(io::ErrorKind::ResourceBusy, "it is in use");
                return Err(used).context(|| format!("use {}", name()));
            }
            Err(errno) => return Err(errno).context(|| format!("lock {}", name())),
        }
    }
}
