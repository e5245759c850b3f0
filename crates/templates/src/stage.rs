//! A template in the making, out of sight until it is whole.
//!
//! ```text
//!  begin ──► .NAME.new/ ──publish──► NAME/        lock of NAME held all the way
//!               │  └─ .NAME.tmp/ (a builder's own files, while it runs)
//!               └─ error: discarded; SIGKILL: swept by the next who changes the store
//!
//!  begin_over ──► .NAME.new/ ◄─exchange─► NAME/        an update
//!                     └─ what NAME was: NAME@ID/, or removed where nobody uses it
//! ```
//!
//! An exchange is one step, so NAME is there all the time. After it `.NAME.new` is a
//! whole template that VEs may stand on; whoever sweeps knows it by its id, which
//! the manifest of NAME names as the one that it replaces, and sets it aside.
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
        let stage = Self::begin_over(store_path, name, patience, what)?;
        if std::fs::symlink_metadata(store_path.join(name)).is_ok() {
            stage.discard()?;
            return Err(Error::Exists {
                name: name.to_owned(),
            });
        }
        Ok(stage)
    }

    /// The same, whether a template of the name is there or not.
    pub(crate) fn begin_over(
        store_path: &Path,
        name: &str,
        patience: Duration,
        what: &str,
    ) -> Result<Self, Error> {
        crate::name::check(name)?;
        veld_durable::ensure_dir(store_path, Life::Durable)?;
        sweep(store_path)?;
        let lock = ExclusiveLock::take(store_path, name, patience, what)?;
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

    /// Makes what is in a directory of the root the root, and drops the rest.
    pub(crate) fn lift(&self, directory: &str) -> Result<(), Failure> {
        let root = self.path().join(ROOT);
        let lifted = self.path().join("lifted");
        let lifting = || format!("take {directory} of the archive for its root");
        fault::point("rename root of template").context(lifting)?;
        std::fs::rename(root.join(directory), &lifted).context(lifting)?;
        veld_durable::remove_tree(&root)?;
        fault::point("rename root of template").context(lifting)?;
        std::fs::rename(&lifted, &root).context(lifting)
    }

    /// Puts the template in its place. What is visible then is on the disk.
    pub(crate) fn publish(self, manifest: &Manifest) -> Result<(), Error> {
        self.write(manifest)?;
        self.rename(RenameFlags::NOREPLACE)?;
        Ok(())
    }

    /// The same where a template has the name: it changes places with the new one,
    /// in one step, and becomes a version, or goes if `keep` is false.
    ///
    /// `manifest` has to say what it replaces: by that the old one is known again
    /// where this process is killed in between (see [`sweep`]).
    pub(crate) fn publish_over(self, manifest: &Manifest, keep: bool) -> Result<(), Error> {
        self.write(manifest)?;
        self.rename(RenameFlags::EXCHANGE)?;
        if keep {
            let id = manifest.replaces.as_deref().unwrap_or_default();
            set_aside(&self.store, &self.name, id)?;
            return Ok(());
        }
        // Out of sight first: half removed it would look like one to be kept.
        let failed = || format!("remove what template {} replaced", self.name);
        fault::point("rename replaced template").context(failed)?;
        let [from, to] = ["new", "gone"].map(|suffix| format!(".{}.{suffix}", self.name));
        let (store, flags) = (&self.store, RenameFlags::NOREPLACE);
        renameat_with(store, from.as_str(), store, to.as_str(), flags).context(failed)?;
        Ok(self.remove("gone")?)
    }

    fn write(&self, manifest: &Manifest) -> Result<(), Error> {
        let failed = || format!("write template {}", self.name);
        self.remove("tmp")?;
        manifest.write(&self.path())?;
        fault::point("sync template").context(failed)?;
        // One sync of the file system instead of one of each file.
        syncfs(&self.store).context(failed)?;
        Ok(())
    }

    /// # Kernel
    /// renameat2(2), Linux 3.15.
    fn rename(&self, flags: RenameFlags) -> Result<(), Failure> {
        let failed = || format!("write template {}", self.name);
        fault::point("rename template").context(failed)?;
        let from = format!(".{}.new", self.name);
        let (store, name) = (&self.store, self.name.as_str());
        renameat_with(store, from.as_str(), store, name, flags).context(failed)?;
        store.sync_all().context(failed)
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

/// Makes what a template has replaced, and what still has the name of a stage, a
/// version of it.
fn set_aside(store: &File, name: &str, id: &str) -> Result<(), Failure> {
    let failed = || format!("keep template {name}@{id}");
    fault::point("rename replaced template").context(failed)?;
    let (from, to) = (format!(".{name}.new"), format!("{name}@{id}"));
    let flags = RenameFlags::NOREPLACE;
    renameat_with(store, from.as_str(), store, to.as_str(), flags).context(failed)?;
    store.sync_all().context(failed)
}

/// What a crash left under the name of a stage may be a whole template: the one
/// that the present one has just replaced. Somebody may stand on it.
///
/// # Errors
/// Where it is one and cannot be kept: then nothing of the stage may be removed.
fn keep_replaced(store_path: &Path, name: &str) -> Result<(), Failure> {
    let left = store_path.join(format!(".{name}.new"));
    let Ok(old) = Manifest::read(&left, name) else {
        return Ok(());
    };
    let Ok(present) = Manifest::read(&store_path.join(name), name) else {
        return Ok(());
    };
    match old.id {
        Some(id) if present.replaces.as_ref() == Some(&id) => {
            set_aside(&open_store(store_path)?, name, &id)
        }
        _ => Ok(()),
    }
}

/// What of the store's files belongs to no template and to nobody who makes one now.
pub(crate) fn leftovers(store_path: &Path) -> Result<Vec<String>, Failure> {
    let reading = || format!("read {}", store_path.display());
    let entries = match std::fs::read_dir(store_path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.context(reading)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let file_name = entry.context(reading)?.file_name();
        let Some(file_name) = file_name.to_str() else {
            continue;
        };
        let is_tree = !file_name.ends_with(".lock");
        if let Some(name) = leftover_of(file_name).filter(|_| is_tree)
            && crate::lock::is_free(store_path, name)
        {
            found.push(file_name.to_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// Clears what crashes left of a name whose lock is held, so that nothing of it is
/// only known by the template that is there.
pub(crate) fn clear(store_path: &Path, name: &str) -> Result<(), Failure> {
    remove_leftovers(store_path, name)
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
    keep_replaced(store_path, name)?;
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
