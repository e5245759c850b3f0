//! A template in the making, out of sight until it is whole.
//!
//! ```text
//!  begin ──► .NAME.new/ ──publish──► NAME/        lock of NAME held all the way
//!               │  └─ .NAME.tmp/ (a builder's own files, while it runs)
//!               └─ error: discarded; SIGKILL: swept by the next who changes the store
//! ```
//!
//! Whatever ends in `.new`, `.tmp` or `.gone` behind a dot belongs to the holder of
//! the name's lock; without a holder it is what a crash left.

use std::fs::{DirBuilder, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, RenameFlags, renameat_with, syncfs};
use veld_durable::Life;
use veld_sys::{Context, Failure, fault};

use crate::error::Error;
use crate::lock::ExclusiveLock;
use crate::manifest::Manifest;
use crate::root::DIRECTORY;

pub(crate) const ROOT: &str = "root";
const LEFTOVERS: [&str; 3] = ["new", "tmp", "gone"];

/// A half-made template; dropping it removes it.
#[derive(Debug)]
pub(crate) struct Stage {
    store: File,
    store_path: PathBuf,
    name: String,
    lock: ExclusiveLock,
}

impl Stage {
    /// Makes `.NAME.new/root` in the store, after sweeping what crashes left.
    pub(crate) fn begin(
        store_path: &Path,
        name: &str,
        patience: Duration,
        what: &str,
    ) -> Result<Self, Error> {
        crate::name::check(name)?;
        veld_durable::ensure_dir(store_path, Life::Durable)?;
        sweep(store_path)?;
        let lock = ExclusiveLock::take(store_path, name, patience, what)?;
        if std::fs::symlink_metadata(store_path.join(name)).is_ok() {
            return Err(Error::Exists {
                name: name.to_owned(),
            });
        }
        let stage = Self {
            store: open_store(store_path)?,
            store_path: store_path.to_owned(),
            name: name.to_owned(),
            lock,
        };
        remove_leftovers(store_path, name)?;
        make_directory(&stage.path(), 0o700)?;
        // As a distribution has it, until the source says otherwise.
        make_directory(&stage.path().join(ROOT), 0o755)?;
        Ok(stage)
    }

    /// Opens the root, which nobody but this process has written to.
    pub(crate) fn root(&self) -> Result<OwnedFd, Failure> {
        let path = self.path().join(ROOT);
        rustix::fs::open(&path, DIRECTORY, Mode::empty())
            .context(|| format!("open {}", path.display()))
    }

    /// The templates directory, to know it again in a source.
    pub(crate) fn store(&self) -> &File {
        &self.store
    }

    /// The file whose lock keeps this stage from being swept.
    pub(crate) fn lock_file(&self) -> &File {
        self.lock.file()
    }

    /// Makes `.NAME.tmp/` for a builder.
    pub(crate) fn make_scratch(&self) -> Result<PathBuf, Failure> {
        let path = self.store_path.join(format!(".{}.tmp", self.name));
        make_directory(&path, 0o700)?;
        Ok(path)
    }

    /// Puts the template in its place. What is visible then is on the disk.
    pub(crate) fn publish(self, manifest: &Manifest) -> Result<(), Error> {
        let failed = || format!("write template {}", self.name);
        self.remove("tmp")?;
        manifest.write(&self.path())?;
        fault::point("sync template").context(failed)?;
        // One sync of the file system instead of one of each file.
        syncfs(&self.store).context(failed)?;
        fault::point("rename template").context(failed)?;
        let from = format!(".{}.new", self.name);
        renameat_with(
            &self.store,
            from.as_str(),
            &self.store,
            self.name.as_str(),
            RenameFlags::NOREPLACE,
        )
        .context(failed)?;
        self.store.sync_all().context(failed)?;
        Ok(())
    }

    /// Removes what is left of a stage that came to nothing.
    pub(crate) fn discard(self) -> Result<(), Failure> {
        remove_leftovers(&self.store_path, &self.name)
    }

    fn path(&self) -> PathBuf {
        self.store_path.join(format!(".{}.new", self.name))
    }

    fn remove(&self, suffix: &str) -> Result<(), Failure> {
        remove(&self.store_path, &self.name, suffix)
    }
}

impl Drop for Stage {
    /// The last resort; [`Stage::discard`] tells what goes wrong.
    fn drop(&mut self) {
        let _ = remove_leftovers(&self.store_path, &self.name);
    }
}

/// Removes what crashes left of any name that nobody holds now.
///
/// # Errors
/// Where the store cannot be read. What cannot be removed is left for the next
/// time: it is in nobody's way but that of its own name.
pub(crate) fn sweep(store_path: &Path) -> Result<(), Failure> {
    let reading = || format!("read {}", store_path.display());
    for entry in std::fs::read_dir(store_path).context(reading)? {
        let file_name = entry.context(reading)?.file_name();
        let Some(name) = file_name.to_str().and_then(leftover_of) else {
            continue;
        };
        if let Ok(_lock) = ExclusiveLock::take(store_path, name, Duration::ZERO, "sweep") {
            let _ = remove_leftovers(store_path, name);
        }
    }
    Ok(())
}

/// Removes a template's tree that was renamed to `.NAME.gone`.
pub(crate) fn remove_gone(store_path: &Path, name: &str) -> Result<(), Failure> {
    remove(store_path, name, "gone")
}

pub(crate) fn open_store(path: &Path) -> Result<File, Failure> {
    File::open(path).context(|| format!("open {}", path.display()))
}

/// The name whose leftover or lock this file is.
fn leftover_of(file_name: &str) -> Option<&str> {
    let (name, suffix) = file_name.strip_prefix('.')?.rsplit_once('.')?;
    let ours = suffix == "lock" || LEFTOVERS.contains(&suffix);
    (ours && crate::name::check(name).is_ok()).then_some(name)
}

fn remove_leftovers(store_path: &Path, name: &str) -> Result<(), Failure> {
    LEFTOVERS
        .into_iter()
        .try_for_each(|suffix| remove(store_path, name, suffix))
}

fn remove(store_path: &Path, name: &str, suffix: &str) -> Result<(), Failure> {
    veld_durable::remove_tree(&store_path.join(format!(".{name}.{suffix}")))
}

fn make_directory(path: &Path, mode: u32) -> Result<(), Failure> {
    fault::point("make template directory")
        .and_then(|()| DirBuilder::new().mode(mode).create(path))
        // The umask may have taken bits away.
        .and_then(|()| Ok(rustix::fs::chmod(path, Mode::from_raw_mode(mode))?))
        .context(|| format!("create directory {}", path.display()))
}
