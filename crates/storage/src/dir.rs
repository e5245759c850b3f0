//! Directories of ours, of a mode that no umask alters, and what is copied into them.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use veld_durable::{CopyOptions, copy_tree};
use veld_sys::{Context, Failure, fault};

/// Makes a directory that is not there yet.
///
/// # Errors
/// Names the path.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    fault::point("make directory")
        .and_then(|()| DirBuilder::new().mode(mode).create(path))
        .context(|| format!("create directory {}", path.display()))?;
    // The mode above is subject to the caller's umask.
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode))
        .context(|| format!("set the mode of {}", path.display()))
}

/// Opens a directory, or an image.
///
/// # Errors
/// Names the path.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).context(|| format!("open {}", path.display()))
}

/// The nearest directory at or above a path that is there.
pub(crate) fn existing(path: &Path) -> &Path {
    let mut found = path.ancestors().filter(|path| path.is_dir());
    found.next().unwrap_or(Path::new("/"))
}

/// Copies all that is in `source` into the empty directory `target`, on disk when
/// this returns.
///
/// # Errors
/// Names the path that was in the way.
pub(crate) fn copy_between(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    options: CopyOptions,
) -> Result<(), Failure> {
    let options = CopyOptions {
        sync: true,
        ..options
    };
    copy_tree(source, target, &options, &mut |_| Ok(()))?;
    Ok(())
}

/// Has a directory with a few files in it on the disk, and waits for nothing else where
/// that can be.
///
/// # Errors
/// Names the path.
pub(crate) fn sync_few(path: &Path) -> Result<(), Failure> {
    fault::point("sync layer")
        .and_then(|()| match sync_each(path) {
            Ok(()) => Ok(()),
            // Something in it cannot be opened by its path.
            Err(_) => Ok(rustix::fs::syncfs(File::open(path)?)?),
        })
        .context(|| format!("sync {}", path.display()))
}

fn sync_each(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_each(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(path)?.sync_all()
}

/// As [`copy_between`], into the directory at a path.
///
/// # Errors
/// Names the path that was in the way.
pub(crate) fn copy_from(
    source: BorrowedFd<'_>,
    to: &Path,
    options: CopyOptions,
) -> Result<(), Failure> {
    copy_between(source, open(to)?.as_fd(), options)
}

/// As [`copy_from`], from the directory at a path.
///
/// # Errors
/// Names the path that was in the way.
pub(crate) fn copy_into(from: &Path, to: &Path, options: CopyOptions) -> Result<(), Failure> {
    copy_from(open(from)?.as_fd(), to, options)
}
