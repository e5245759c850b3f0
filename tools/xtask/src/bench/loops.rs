//! A disk of the benchmark's own: a file, a loop device of it, and a file system.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::place::make_directory;
use crate::run;

/// Sparse, so this is not what it takes of the real disk.
const SIZE: u64 = 2 << 30;

/// It is mounted until this is detached or dropped.
#[derive(Debug)]
pub(super) struct LoopDisk {
    image: PathBuf,
    directory: PathBuf,
    attached: bool,
}

impl LoopDisk {
    /// Makes the file `image` with a file system of this type and mounts it at
    /// `directory`; the kernel takes the loop device away with the mount.
    ///
    /// # Errors
    /// A step cannot be done, and those before it are undone.
    pub(super) fn attach(kind: &str, image: &Path, directory: &Path) -> Result<Self> {
        let mut disk = Self {
            image: image.to_owned(),
            directory: directory.to_owned(),
            attached: false,
        };
        if image.exists() {
            // Of a benchmark that was interrupted, mounted or not.
            make_directory(directory)?;
            disk.attached = run::output(Command::new("mountpoint").arg(directory)).is_ok();
            disk.remove()?;
        }
        make_directory(directory)?;
        File::create(image)
            .and_then(|file| file.set_len(SIZE))
            .with_context(|| format!("cannot make {}", image.display()))?;
        run::output(Command::new(format!("mkfs.{kind}")).arg("-q").arg(image))?;
        let mut mount = Command::new("mount");
        run::output(mount.args(["-o", "loop"]).arg(image).arg(directory))?;
        disk.attached = true;
        Ok(disk)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes it away.
    ///
    /// # Errors
    /// It is in use.
    pub(super) fn detach(mut self) -> Result<()> {
        self.remove()
    }

    fn remove(&mut self) -> Result<()> {
        if self.attached {
            run::output(Command::new("umount").arg(&self.directory))?;
            self.attached = false;
        }
        fs::remove_file(&self.image)
            .with_context(|| format!("cannot remove {}", self.image.display()))?;
        fs::remove_dir(&self.directory)
            .with_context(|| format!("cannot remove {}", self.directory.display()))
    }
}

/// For a measurement that failed.
impl Drop for LoopDisk {
    fn drop(&mut self) {
        if self.attached || self.image.exists() {
            // What this cannot remove, the leak check names.
            let _ = self.remove();
        }
    }
}
