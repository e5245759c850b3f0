//! The lock on a volume: flock(2) of its directory.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use veld_sys::{Context, Failure, fault};

/// How long others may take: longer than a start or the growing of an image.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// A volume that is locked, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct VolumeLock {
    _directory: File,
}

pub(super) fn lock_exclusive(path: &Path) -> Result<VolumeLock, Failure> {
    lock(path, File::try_lock)
}

pub(super) fn lock_shared(path: &Path) -> Result<VolumeLock, Failure> {
    lock(path, File::try_lock_shared)
}

/// The lock, where nobody has it; none where somebody does, or has moved it away.
pub(super) fn try_exclusive(path: &Path) -> Result<Option<VolumeLock>, Failure> {
    let attempt = attempt(path, &File::try_lock);
    match attempt {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.context(|| format!("lock {}", path.display())),
    }
}

fn lock(
    path: &Path,
    try_lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> Result<VolumeLock, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let wait = || -> io::Result<VolumeLock> {
        fault::point("lock volume")?;
        loop {
            if let Some(lock) = attempt(path, &try_lock)? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                let text = "another command works on it";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
            }
            std::thread::sleep(POLL);
        }
    };
    wait().context(|| format!("lock {}", path.display()))
}

fn attempt(
    path: &Path,
    try_lock: &impl Fn(&File) -> Result<(), TryLockError>,
) -> io::Result<Option<VolumeLock>> {
    let directory = File::open(path)?;
    match try_lock(&directory) {
        // What was renamed meanwhile is another's, or nobody's any more.
        Ok(()) if is_at(&directory, path)? => Ok(Some(VolumeLock {
            _directory: directory,
        })),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (ours, named) = (file.metadata()?, std::fs::symlink_metadata(path)?);
    Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino()))
}
