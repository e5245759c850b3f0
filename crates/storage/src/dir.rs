//! Directories of ours, of a mode that no umask alters, and what is copied into them.

use std::fs::{DirBuilder, File};
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

/// Copies all that is in `from` into the empty directory `to`, on disk when this
/// returns.
///
/// # Errors
/// Names the path that was in the way.
pub(crate) fn copy_into(from: &Path, to: &Path, options: CopyOptions) -> Result<(), Failure> {
    copy_from(open(from)?.as_fd(), to, options)
}

/// As [`copy_into`], from a directory that is open.
pub(crate) fn copy_from(
    from: BorrowedFd<'_>,
    to: &Path,
    options: CopyOptions,
) -> Result<(), Failure> {
    let options = CopyOptions {
        sync: true,
        ..options
    };
    copy_tree(from, open(to)?.as_fd(), &options, &mut |_| Ok(()))?;
    Ok(())
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).context(|| format!("open {}", path.display()))
}
