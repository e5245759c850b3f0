//! Locks on a template's name: shared while a VE is being made on it, exclusive
//! while it is made or removed.
//!
//! The lock file `.NAME.lock` exists only while somebody holds it, but for one
//! left by a crash, which the next holder takes over. Whoever releases the lock as
//! the last removes the file first; so a lock on a file that is no longer at its
//! path means nothing and is taken anew.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use veld_sys::{Failure, fault};

use crate::error::Error;

const POLL: Duration = Duration::from_millis(5);

/// Keeps a template from being removed; dropping it lets go.
#[derive(Debug)]
#[must_use]
pub struct SharedLock {
    _held: Held,
}

/// Keeps everybody else from a template's name; dropping it lets go.
#[derive(Debug)]
pub(crate) struct ExclusiveLock {
    held: Held,
}

#[derive(Debug)]
struct Held {
    file: File,
    path: PathBuf,
}

impl SharedLock {
    pub(crate) fn take(store: &Path, name: &str, patience: Duration) -> Result<Self, Error> {
        let held = Held::take(store, name, patience, File::try_lock_shared)?;
        // A holder that was killed cannot have taken its name out of the file.
        held.sign("").map_err(|cause| held.failed(cause))?;
        Ok(Self { _held: held })
    }
}

impl ExclusiveLock {
    /// `what` is shown to others who want the lock, with this process's id.
    pub(crate) fn take(
        store: &Path,
        name: &str,
        patience: Duration,
        what: &str,
    ) -> Result<Self, Error> {
        let held = Held::take(store, name, patience, File::try_lock)?;
        let text = format!("pid {} ({what})\n", std::process::id());
        held.sign(&text).map_err(|cause| held.failed(cause))?;
        Ok(Self { held })
    }

    /// The locked file, for a child that is to hold the lock on.
    pub(crate) fn file(&self) -> &File {
        &self.held.file
    }
}

impl Held {
    fn take(
        store: &Path,
        name: &str,
        patience: Duration,
        try_lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, Error> {
        let path = store.join(format!(".{name}.lock"));
        let failed = |cause: io::Error| {
            Error::Failed(Failure::new(format!("lock {}", path.display()), cause))
        };
        let deadline = Instant::now() + patience;
        loop {
            fault::point("take template lock").map_err(failed)?;
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(failed)?;
            match try_lock(&file) {
                Ok(()) if is_at(&file, &path) => return Ok(Self { file, path }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(Error::Locked {
                        name: name.to_owned(),
                        holder: read_holder(&file),
                    });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
    }

    fn sign(&self, text: &str) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Failed(Failure::new(format!("lock {}", self.path.display()), cause))
    }
}

impl Drop for Held {
    /// Removes the file if nobody else holds it. Turning a shared lock into an
    /// exclusive one may let another in between; then that one removes it.
    fn drop(&mut self) {
        if self.file.try_lock().is_ok() && is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether nobody holds the lock of a name now. Makes no file.
pub(crate) fn is_free(store: &Path, name: &str) -> bool {
    match File::open(store.join(format!(".{name}.lock"))) {
        Ok(file) => file.try_lock_shared().is_ok(),
        Err(_) => true,
    }
}

/// Whether `file` is still what `path` names.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(named)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (named.dev(), named.ino())
}

fn read_holder(mut file: &File) -> Option<String> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(256).read_to_string(&mut text).ok()?;
    let holder = text.trim_end();
    (!holder.is_empty()).then(|| holder.to_owned())
}
