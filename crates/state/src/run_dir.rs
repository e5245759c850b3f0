//! The run directory of one VE.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_durable::{Life, Lock, LockError};
use veld_protocol::shim;
use veld_sys::{Context, Failure, fault};

use crate::process::Process;

/// Paths in the run directory; nothing is made or read by naming them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

/// Where the root file system is assembled: always empty outside the launcher's
/// mount namespace. There from the beginning of a start to its end, so what has
/// it and is not locked was left by a launcher that died.
const STAGE: &str = "stage";
const RECORD: &str = "record";
const LOCK: &str = "lock";
const FAILURE: &str = "failure";

/// What a run leaves that the next command has no use for.
const OF_ONE_RUN: [&str; 10] = [
    RECORD,
    shim::READY,
    shim::STATUS,
    shim::STOPPING,
    shim::STOPPING_INSIDE,
    shim::CONSOLE_SOCKET,
    // What replacements of the above left when they were killed.
    ".record.new",
    ".stopping.new",
    ".failure.new",
    ".shim.new",
];

impl RunDir {
    /// The directory of VE `name` below `run`.
    #[must_use]
    pub fn new(run: &Path, name: &str) -> Self {
        Self {
            path: run.join(name),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the directory, by its name in `veld_protocol::shim`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The record of the running VE.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.file(RECORD)
    }

    /// Where the root file system is assembled.
    #[must_use]
    pub fn stage(&self) -> PathBuf {
        self.file(STAGE)
    }

    /// Says that this process is stopping the VE: its shim then leaves what comes
    /// after the end to it.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_stopping(&self) -> Result<(), Failure> {
        let me = Process::of(std::process::id().cast_signed())?;
        let text = format!("{} {}\n", me.pid, me.born);
        veld_durable::replace(&self.file(shim::STOPPING), text.as_bytes(), Life::Volatile)
    }

    /// Takes [`say_stopping`](Self::say_stopping) back.
    ///
    /// # Errors
    /// Names the path.
    pub fn unsay_stopping(&self) -> Result<(), Failure> {
        remove_file(&self.file(shim::STOPPING))
    }

    /// Whether a process that lives has said that it is stopping the VE.
    #[must_use]
    pub fn is_being_stopped(&self) -> bool {
        let said = || {
            let text = std::fs::read_to_string(self.file(shim::STOPPING)).ok()?;
            let (pid, born) = text.trim_end().split_once(' ')?;
            Some(Process {
                pid: pid.parse().ok()?,
                born: born.parse().ok()?,
            })
        };
        said().is_some_and(|process| process.open().is_some())
    }

    /// Takes away the directory in which the root file system was assembled: from
    /// then on the record counts.
    ///
    /// # Errors
    /// Names the path.
    pub fn strike_stage(&self) -> Result<(), Failure> {
        remove_dir(&self.stage())
    }

    /// Why the last start without a command that waited for it failed.
    #[must_use]
    pub fn failure(&self) -> PathBuf {
        self.file(FAILURE)
    }

    /// Takes the VE's lock, making the directory where it is missing.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn lock(&self, patience: Duration, what: &str) -> Result<Lock, LockError> {
        loop {
            veld_durable::ensure_dir(&self.path).map_err(LockError::Failed)?;
            match Lock::acquire(&self.file(LOCK), patience, what) {
                // A destroy took the directory away in between.
                Err(LockError::Failed(failure)) if failure.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
    }

    /// Takes away what a run left, and what an earlier run left for people.
    ///
    /// # Errors
    /// Names the path.
    pub fn prepare(&self) -> Result<(), Failure> {
        self.clear()?;
        for name in [
            shim::ENDED,
            FAILURE,
            shim::CONSOLE_LOG,
            shim::CONSOLE_LOG_BEFORE,
        ] {
            remove_file(&self.file(name))?;
        }
        veld_durable::ensure_dir(&self.stage())
    }

    /// Takes away what a run left; its log and how it ended stay.
    ///
    /// # Errors
    /// Names the path.
    pub fn clear(&self) -> Result<(), Failure> {
        for name in OF_ONE_RUN {
            remove_file(&self.file(name))?;
        }
        remove_dir(&self.stage())
    }

    /// Takes the whole directory away, the lock last.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove(&self, lock: Lock) -> Result<(), Failure> {
        let entries =
            std::fs::read_dir(&self.path).context(|| format!("read {}", self.path.display()))?;
        for entry in entries {
            let entry = entry.context(|| format!("read {}", self.path.display()))?;
            match entry.file_type() {
                _ if entry.file_name() == LOCK => {}
                Ok(kind) if kind.is_dir() => remove_dir(&entry.path())?,
                _ => remove_file(&entry.path())?,
            }
        }
        self.remove_unused(lock)
    }

    /// Takes the lock away, and the directory where nothing else is in it.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove_unused(&self, lock: Lock) -> Result<(), Failure> {
        lock.remove()?;
        // Somebody who waited for the lock may have made a new one already.
        match std::fs::remove_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            result => result.context(|| format!("remove {}", self.path.display())),
        }
    }
}

fn remove_file(path: &Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    fault::point("remove file")
        .and_then(|()| std::fs::remove_file(path))
        .context(|| format!("remove {}", path.display()))
}

fn remove_dir(path: &Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    fault::point("remove directory")
        .and_then(|()| std::fs::remove_dir(path))
        .context(|| format!("remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_keeps_what_people_read_and_remove_keeps_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        let lock = run.lock(Duration::ZERO, "veld start").unwrap();
        run.prepare().unwrap();
        for name in [RECORD, shim::READY, shim::ENDED, shim::CONSOLE_LOG] {
            std::fs::File::create(run.file(name)).unwrap();
        }
        run.clear().unwrap();
        let mut left: Vec<_> = std::fs::read_dir(run.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [shim::CONSOLE_LOG, shim::ENDED, LOCK]);
        run.remove(lock).unwrap();
        assert!(!run.path().exists());
    }
}
