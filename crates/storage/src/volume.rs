//! Volumes: parts that belong to no VE, and that several may have mounted.
//!
//! ```text
//! DATA/volumes/NAME/       0700, a volume: a part that stands on nothing, and locked itself
//!   volume.toml            what is not to be seen of it: when it was made
//!   root/ or image         its files, in one of several layouts
//! DATA/volumes/.NAME.new/  one that is not made yet
//! ```
//!
//! It appears by a rename, and goes by one into the trash. Its lock is on its directory,
//! shared by those who are about to use it: so there is no file of a lock to be left,
//! and what nobody has locked of what is not made yet was left by one who was killed.

mod lock;
mod record;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use veld_durable::{Life, remove_tree};
use veld_sys::{Context, Failure, fault};

use crate::area::names;
use crate::dir::make_dir;
use crate::layout::{Layout, NEW_IMAGE, Root, Usage, Wish, release_quota};
use crate::project;
use crate::trash::Trash;

pub use lock::VolumeLock;
use lock::{lock_exclusive, lock_shared};

/// Where files of a tree are, in its part.
const ROOT: &str = "root";
/// What a new volume is a copy of.
const EMPTY: &str = "empty";

/// The volumes of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volumes {
    dir: PathBuf,
    trash: Trash,
}

/// What a new volume is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewVolume {
    /// How its files are kept.
    pub layout: Layout,
    /// What it is to be like.
    pub wish: Wish,
    /// When it is made, in seconds since 1970.
    pub created: u64,
    /// The first project of all VEs on this host.
    pub first_project: u32,
}

/// A volume by name; nothing is read or locked by having one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    path: PathBuf,
}

impl Volumes {
    /// Those of the VEs whose files are below `data`.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            dir: data.join("volumes"),
            trash: Trash::new(data),
        }
    }

    /// Names of all, sorted.
    ///
    /// # Errors
    /// Names the path.
    pub fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = names(&self.dir)?;
        names.sort();
        Ok(names)
    }

    /// The volume of this name, whether it is there or not.
    #[must_use]
    pub fn volume(&self, name: &str) -> Volume {
        Volume {
            path: self.dir.join(name),
        }
    }

    /// Makes an empty volume whose root belongs to root of the VEs, and whose files are
    /// counted where the file system of the host can. It is whole and on disk when it has
    /// its name.
    ///
    /// # Errors
    /// AlreadyExists where there is one; else names the path. Nothing is left.
    pub fn create(&self, name: &str, wanted: &NewVolume) -> Result<(), Failure> {
        veld_durable::ensure_dir(&self.dir, Life::Durable)?;
        let new = self.unmade(name);
        let target = self.dir.join(name);
        make_dir(&new, 0o700)?;
        let _lock = lock_exclusive(&new)?;
        let made = self
            .count(&new, wanted)
            .and_then(|()| fill(&new, wanted))
            .and_then(|()| publish(&new, &target));
        if made.is_err() {
            // The first failure is the one to report; what is left the next command takes.
            let _ = discard(&new);
        }
        made
    }

    /// Puts a volume that its caller has locked out of everybody's sight, for the trash
    /// to be emptied.
    ///
    /// # Errors
    /// Names the path.
    pub fn remove(&self, volume: &Volume, _lock: VolumeLock) -> Result<(), Failure> {
        self.trash.put(&volume.path)?;
        veld_durable::sync_parent(&volume.path)
            .context(|| format!("remove {}", volume.path.display()))
    }

    /// Removes what commands that were killed have left, and nobody works on.
    ///
    /// # Errors
    /// Names the path.
    pub fn sweep(&self) -> Result<(), Failure> {
        for name in all_names(&self.dir)? {
            let path = self.dir.join(&name);
            let is_unmade = name.starts_with('.');
            if !is_unmade && fs::symlink_metadata(path.join(NEW_IMAGE)).is_err() {
                continue;
            }
            let Some(_lock) = lock::try_exclusive(&path)? else {
                continue;
            };
            if is_unmade {
                discard(&path)?;
            } else {
                remove_tree(&path.join(NEW_IMAGE))?;
            }
        }
        Ok(())
    }

    fn count(&self, new: &Path, wanted: &NewVolume) -> Result<(), Failure> {
        if wanted.layout != Layout::Directory {
            return Ok(());
        }
        // Or two that are made at once would take the same project.
        let _all = lock_exclusive(&self.dir)?;
        project::begin_volume(new, wanted.first_project)
    }

    fn unmade(&self, name: &str) -> PathBuf {
        self.dir.join(format!(".{name}.new"))
    }
}

impl Volume {
    /// Whether it is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its layout.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::of(&self.path)
    }

    /// When it was made, in seconds since 1970; nothing where that cannot be read.
    #[must_use]
    pub fn created(&self) -> Option<u64> {
        record::read(&self.path).ok()
    }

    /// What it has in use and is held to. No file system of a VE's is asked.
    ///
    /// # Errors
    /// Names the path.
    pub fn usage(&self) -> Result<Usage, Failure> {
        self.layout().usage(&self.path)
    }

    /// Keeps everybody else from making it larger or smaller, removing it or beginning to
    /// use it.
    ///
    /// # Errors
    /// NotFound where there is no such volume; WouldBlock where it stays locked by others.
    pub fn lock(&self) -> Result<VolumeLock, Failure> {
        lock_exclusive(&self.path)
    }

    /// Keeps it from being removed, made larger or smaller.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub fn lock_for_use(&self) -> Result<VolumeLock, Failure> {
        lock_shared(&self.path)
    }

    /// Whether it is an image that somebody has mounted. Of other layouts nobody can say.
    #[must_use]
    pub fn is_mounted(&self) -> bool {
        match self.root() {
            Ok(Root::Image(image)) => veld_images::is_in_use(&image),
            Ok(Root::Tree(_) | Root::Overlay(_)) | Err(_) => false,
        }
    }

    /// Holds it to another size. The caller has it locked.
    ///
    /// # Errors
    /// Names the path; it is then as it was, or as it is to be.
    pub fn resize(&self, wish: &Wish, _lock: &VolumeLock) -> Result<(), Failure> {
        self.layout().limit(&self.path, wish)
    }

    /// Puts right what one has left who was killed when it was to become larger or smaller.
    ///
    /// # Errors
    /// Names the path.
    pub fn settle(&self, _lock: &VolumeLock) -> Result<(), Failure> {
        remove_tree(&self.path.join(NEW_IMAGE))?;
        self.layout().settle(&self.path)
    }

    /// What is to be mounted: a tree or an image.
    ///
    /// # Errors
    /// InvalidData where it is neither.
    pub fn root(&self) -> Result<Root, Failure> {
        // It stands on no layer, wherever those are.
        match self.layout() {
            Layout::Overlay => Err(io::Error::from(io::ErrorKind::InvalidData))
                .context(|| format!("find the files of {}", self.path.display())),
            kept @ (Layout::Btrfs | Layout::Image | Layout::Directory) => {
                kept.root(&self.path, &self.path)
            }
        }
    }
}

/// Fills the part of a new volume, with all on disk but the names at its top.
fn fill(new: &Path, wanted: &NewVolume) -> Result<(), Failure> {
    let empty = new.join(EMPTY);
    make_dir(&empty, 0o755)?;
    let source = crate::dir::open(&empty)?;
    wanted.layout.fill(new, source.as_fd(), wanted.wish)?;
    remove_tree(&empty)?;
    record::write(new, wanted.created)
}

fn publish(new: &Path, target: &Path) -> Result<(), Failure> {
    let publish = || -> io::Result<()> {
        File::open(new)?.sync_all()?;
        fault::point("publish volume")?;
        renameat_with(CWD, new, CWD, target, RenameFlags::NOREPLACE)?;
        veld_durable::sync_parent(target)
    };
    publish().context(|| format!("create {}", target.display()))
}

/// Removes a volume that was never published.
fn discard(new: &Path) -> Result<(), Failure> {
    release_quota(&new.join(ROOT))?;
    remove_tree(new)
}

/// Those of volumes and those of what is not made yet.
fn all_names(dir: &Path) -> Result<Vec<String>, Failure> {
    let reading = || format!("read {}", dir.display());
    let entries = match fs::read_dir(dir) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.context(reading)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.context(reading)?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
