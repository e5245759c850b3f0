//! A lock that is a file: held as long as a descriptor of it is open, released
//! by the kernel when the holder dies, and naming its holder to whoever waits.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use veld_sys::{Context, Failure, fault};

/// Who holds a lock, as it wrote of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id in the holder's pid namespace.
    pub pid: u32,
    /// What it does, as `veld stop`.
    pub what: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} ({})", self.pid, self.what)
    }
}

/// Why a lock was not had.
#[derive(Debug)]
pub enum LockError {
    /// Somebody held it until the deadline; who, where that could be read.
    Held(Option<Holder>),
    /// The file could not be used.
    Failed(Failure),
}

/// A held lock; dropping it releases it.
///
/// The lock belongs to the open file, so a forked child holds it too until both
/// have closed it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

const POLL: Duration = Duration::from_millis(5);

impl Lock {
    /// Takes the lock at `path` (the file is made where missing, its directory
    /// is not), waiting at most `patience`; `what` tells others who holds it.
    ///
    /// A holder may remove the file: a lock on a removed file is not believed,
    /// the file now at `path` is locked instead.
    ///
    /// # Errors
    /// [`LockError::Held`] past the deadline, [`LockError::Failed`] where the
    /// file cannot be opened or locked.
    pub fn acquire(path: &Path, patience: Duration, what: &str) -> Result<Self, LockError> {
        let failed = |cause: io::Error| {
            LockError::Failed(Failure::new(format!("lock {}", path.display()), cause))
        };
        let deadline = Instant::now() + patience;
        loop {
            fault::point("take lock").map_err(failed)?;
            let file = read_and_write().create(true).open(path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    sign(&file, what).map_err(failed)?;
                    let path = path.to_owned();
                    return Ok(Self { file, path });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(LockError::Held(read_holder(&file)));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
    }

    /// Takes the lock at `path` where there is no such file; none where there is
    /// one, whether it is held or not, and where its directory is not there.
    ///
    /// # Errors
    /// Names the path.
    pub fn acquire_new(path: &Path, what: &str) -> Result<Option<Self>, Failure> {
        let attempt = || {
            fault::point("take lock")?;
            let file = read_and_write().create_new(true).open(path)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    sign(&file, what)?;
                    let path = path.to_owned();
                    Ok(Some(Self { file, path }))
                }
                Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(cause)) => Err(cause),
            }
        };
        match attempt() {
            Err(error)
                if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) =>
            {
                Ok(None)
            }
            result => result.context(|| format!("lock {}", path.display())),
        }
    }

    /// Removes the file and then releases the lock: for when what it guards is
    /// gone. A file that was removed already, or replaced by another's, is fine.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove(self) -> Result<(), Failure> {
        if !is_at(&self.file, &self.path) {
            return Ok(());
        }
        fault::point("remove lock")
            .and_then(|()| std::fs::remove_file(&self.path))
            .context(|| format!("remove {}", self.path.display()))
    }

    /// The locked file, for a child that is to hold the lock on.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

fn read_and_write() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).truncate(false).mode(0o600);
    options
}

/// Whether `file` is still what `path` names.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(named)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    (ours.dev(), ours.ino()) == (named.dev(), named.ino())
}

fn sign(mut file: &File, what: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{} {what}", std::process::id())
}

fn read_holder(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    let (pid, what) = text.trim_end().split_once(' ')?;
    Some(Holder {
        pid: pid.parse().ok()?,
        what: what.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::acquire(&path, Duration::ZERO, "veld stop").unwrap();
        let LockError::Held(Some(holder)) =
            Lock::acquire(&path, Duration::from_millis(20), "veld start").unwrap_err()
        else {
            panic!("the lock is held and signed");
        };
        assert_eq!(
            holder.to_string(),
            format!("pid {} (veld stop)", std::process::id())
        );
        drop(held);
        Lock::acquire(&path, Duration::ZERO, "veld start").unwrap();
    }

    #[test]
    fn a_removed_lock_file_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO, "veld destroy").unwrap();
        first.remove().unwrap();
        assert!(!path.exists());
        Lock::acquire(&path, Duration::ZERO, "veld create").unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_new_lock_is_one_whose_file_was_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let new = |path: &Path| Lock::acquire_new(path, "veld destroy").unwrap();
        let held = new(&path).unwrap();
        assert!(new(&path).is_none());
        drop(held);
        assert!(new(&path).is_none(), "the file is still somebody's");
        assert!(new(&dir.path().join("nowhere/lock")).is_none());
    }

    #[test]
    fn a_lock_whose_file_another_removed_leaves_that_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = Lock::acquire(&path, Duration::ZERO, "veld destroy").unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = Lock::acquire(&path, Duration::ZERO, "veld create").unwrap();
        first.remove().unwrap();
        assert!(path.exists());
        second.remove().unwrap();
        assert!(!path.exists());
    }
}
