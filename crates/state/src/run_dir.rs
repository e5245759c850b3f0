//! The run directory of one VE.

mod lines;
mod looks;
mod mounts;
mod nics;
mod paused;
mod settings;
mod still;
mod stopping;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_durable::{Life, Lock, LockError};
use veld_protocol::ending::Ended;
use veld_protocol::event::What;
use veld_protocol::shim;
use veld_sys::{Context, Failure, fault};

pub use still::Still;

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
const RESTARTING: &str = "restarting";
const ANSWERED: &str = "answered";
/// How often a directory is emptied into which a shim still writes: it has a line
/// or two to write, each once.
const REMOVALS: usize = 8;

/// What a run leaves that the next command has no use for.
const OF_ONE_RUN: [&str; 32] = [
    RECORD,
    ANSWERED,
    mounts::MOUNTS,
    settings::RUNTIME,
    settings::IN_FORCE,
    settings::SETTING,
    shim::FOUND,
    RESTARTING,
    paused::PAUSED,
    still::STILL,
    shim::READY,
    shim::FAILED,
    shim::STATUS,
    shim::STOPPING,
    shim::STOPPING_INSIDE,
    shim::CONSOLE_SOCKET,
    shim::TRAFFIC,
    shim::COUNTS,
    // What replacements of the above left when they were killed.
    ".record.new",
    ".answered.new",
    ".mounts.new",
    ".runtime.new",
    ".in-force.new",
    ".setting.new",
    ".restarting.new",
    ".stopping.new",
    ".paused.new",
    ".still.new",
    ".traffic.new",
    ".ended.new",
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

    /// For which of its addresses the host answers, and on which links.
    #[must_use]
    pub fn answered(&self) -> PathBuf {
        self.file(ANSWERED)
    }

    /// Where the root file system is assembled.
    #[must_use]
    pub fn stage(&self) -> PathBuf {
        self.file(STAGE)
    }

    /// Says how the VE ended in place of a shim that is gone; what one that saw it
    /// has said stays.
    ///
    /// # Errors
    /// Names the path.
    pub fn say_ended(&self, ended: &Ended) -> Result<(), Failure> {
        let path = self.file(shim::ENDED);
        if path.exists() {
            return Ok(());
        }
        self.tell(What::Stopped(*ended));
        veld_durable::replace(&path, format!("{ended}\n").as_bytes(), Life::Volatile)
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

    /// Until when the VE waits to be started again, and who waits.
    #[must_use]
    pub fn restarting(&self) -> PathBuf {
        self.file(RESTARTING)
    }

    /// Takes the VE's lock, making the directory where it is missing.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn lock(&self, patience: Duration, what: &str) -> Result<Lock, LockError> {
        loop {
            veld_durable::ensure_dir(&self.path, Life::Volatile).map_err(LockError::Failed)?;
            match Lock::acquire(&self.file(LOCK), patience, what) {
                // A destroy took the directory away in between.
                Err(LockError::Failed(failure)) if failure.kind() == io::ErrorKind::NotFound => {}
                Err(LockError::Failed(failure)) => {
                    // Only where nothing is in it: made a moment ago, for the lock.
                    let _ = std::fs::remove_dir(&self.path);
                    return Err(LockError::Failed(failure));
                }
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
            shim::REFUSALS,
            shim::CONSOLE_LOG,
            shim::CONSOLE_LOG_BEFORE,
        ] {
            remove_file(&self.file(name))?;
        }
        veld_durable::ensure_dir(&self.stage(), Life::Volatile)
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

    /// Gives another VE what is kept here for people: its events, its log, how it
    /// ended. For that nothing else fails.
    pub fn hand_over(&self, to: &RunDir) {
        let _ = veld_durable::ensure_dir(&to.path, Life::Volatile);
        for name in [
            shim::EVENTS_BEFORE,
            shim::EVENTS,
            shim::ENDED,
            FAILURE,
            shim::REFUSALS,
            shim::CONSOLE_LOG_BEFORE,
            shim::CONSOLE_LOG,
        ] {
            if fault::point("hand over a file").is_ok() {
                let _ = std::fs::rename(self.file(name), to.file(name));
            }
        }
    }

    /// Takes the whole directory away, the lock last.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove(&self, mut lock: Lock) -> Result<(), Failure> {
        for _ in 0..REMOVALS {
            self.remove_entries()?;
            lock.remove()?;
            match remove_dir(&self.path) {
                Err(failure) if failure.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                done => return done,
            }
            // The shim said how the VE ended when all had been listed; or somebody
            // made the lock anew, whose directory it is then.
            match Lock::acquire_new(&self.file(LOCK), "remove")? {
                Some(again) => lock = again,
                None => return Ok(()),
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
        match remove_dir(&self.path) {
            // Somebody who waited for the lock may have made a new one already.
            Err(failure) if failure.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            done => done,
        }
    }

    /// Removes all but the lock.
    fn remove_entries(&self) -> Result<(), Failure> {
        let reading = || format!("read {}", self.path.display());
        let entries = match std::fs::read_dir(&self.path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result.context(reading)?,
        };
        for entry in entries {
            let entry = entry.context(reading)?;
            match entry.file_type() {
                _ if entry.file_name() == LOCK => {}
                Ok(kind) if kind.is_dir() => remove_dir(&entry.path())?,
                _ => remove_file(&entry.path())?,
            }
        }
        Ok(())
    }
}

fn remove_file(path: &Path) -> Result<(), Failure> {
    remove(path, "remove file", |path| std::fs::remove_file(path))
}

fn remove_dir(path: &Path) -> Result<(), Failure> {
    remove(path, "remove directory", |path| std::fs::remove_dir(path))
}

/// What is not there is fine, and so is what another removed a moment earlier.
fn remove(
    path: &Path,
    point: &str,
    remove: impl Fn(&Path) -> io::Result<()>,
) -> Result<(), Failure> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let removed = fault::point(point).and_then(|()| match remove(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    });
    removed.context(|| format!("remove {}", path.display()))
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

    #[test]
    fn what_a_shim_writes_during_a_removal_goes_too() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        for round in 0..300 {
            let lock = run.lock(Duration::ZERO, "veld destroy").unwrap();
            run.prepare().unwrap();
            let shim = std::thread::spawn({
                let path = run.file(shim::ENDED);
                move || {
                    std::thread::sleep(Duration::from_micros(round));
                    std::fs::File::create(path).is_ok()
                }
            });
            run.remove(lock).unwrap();
            shim.join().unwrap();
            assert!(!run.path().exists(), "round {round}");
        }
    }

    #[test]
    fn a_directory_that_is_somebody_elses_again_stays() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        let lock = run.lock(Duration::ZERO, "veld destroy").unwrap();
        std::fs::remove_file(run.file(LOCK)).unwrap();
        drop(run.lock(Duration::ZERO, "veld start").unwrap());
        run.remove_entries().unwrap();
        std::fs::File::create(run.record()).unwrap();
        run.remove_unused(lock).unwrap();
        assert!(run.record().exists());
        assert!(run.file(LOCK).exists());
    }

    #[test]
    fn two_removers_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        for _ in 0..100 {
            let lock = run.lock(Duration::ZERO, "veld destroy").unwrap();
            run.prepare().unwrap();
            for name in OF_ONE_RUN {
                std::fs::File::create(run.file(name)).unwrap();
            }
            std::thread::scope(|scope| {
                let other = scope.spawn(|| run.clear());
                run.clear().unwrap();
                other.join().unwrap().unwrap();
                let other = scope.spawn(|| run.remove_entries());
                run.remove(lock).unwrap();
                other.join().unwrap().unwrap();
            });
            assert!(!run.path().exists());
        }
        let lock = run.lock(Duration::ZERO, "veld destroy").unwrap();
        std::fs::remove_dir_all(run.path()).unwrap();
        run.remove(lock).unwrap();
    }
}
