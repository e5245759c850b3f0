//! The directory that files of remotes are left in, and who may work in it.

mod download;
mod many;
mod sweep;

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use veld_durable::{Life, ensure_dir};
use veld_sys::{Context, Failure, fault};

pub(crate) use download::{Download, Wanted};
pub(crate) use many::download_all;
pub use sweep::Swept;

use crate::digest::Digest;
use crate::error::Error;

/// How long a pull waits for a sweep.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// A cache of what came from remotes.
#[derive(Debug, Clone)]
pub struct Cache {
    path: PathBuf,
}

/// Held while files of the cache are in use: shared by pulls and imports, alone by
/// a sweep. The kernel releases it with the process.
#[derive(Debug)]
pub struct CacheLock {
    _file: File,
}

impl Cache {
    /// The cache in a directory, which need not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The OCI image layout in it.
    #[must_use]
    pub fn layout(&self) -> PathBuf {
        self.path.join("oci")
    }

    /// Keeps what is pulled from being swept, until it is dropped.
    ///
    /// # Errors
    /// [`Error::Busy`] while a sweep takes longer than a few seconds.
    pub fn hold(&self) -> Result<CacheLock, Error> {
        self.lock(File::try_lock_shared, PATIENCE)
    }

    /// As it is now: a pull may take hours.
    pub(crate) fn hold_alone(&self) -> Result<CacheLock, Error> {
        self.lock(File::try_lock, Duration::ZERO)
    }

    fn lock(
        &self,
        attempt: fn(&File) -> Result<(), TryLockError>,
        patience: Duration,
    ) -> Result<CacheLock, Error> {
        ensure_dir(&self.path, Life::Durable)?;
        let path = self.path.join("lock");
        let locking = || format!("lock {}", path.display());
        fault::point("lock cache").context(locking)?;
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).context(locking)?;
        let deadline = Instant::now() + patience;
        loop {
            match attempt(&file) {
                Ok(()) => return Ok(CacheLock { _file: file }),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    let path = self.path.clone();
                    return Err(Error::Busy { path });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
                Err(TryLockError::Error(cause)) => {
                    return Err(Failure::new(locking(), cause).into());
                }
            }
        }
    }

    /// Where a blob is once it is whole.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        let folder = self.layout().join("blobs").join(digest.algorithm());
        folder.join(digest.hex())
    }

    /// Where the first part of a file is meanwhile.
    pub(crate) fn part(&self, digest: &Digest) -> PathBuf {
        self.partial()
            .join(format!("{}-{}.part", digest.algorithm(), digest.hex()))
    }

    pub(crate) fn partial(&self) -> PathBuf {
        self.path.join("partial")
    }

    pub(crate) fn streams(&self) -> PathBuf {
        self.path.join("streams")
    }
}
