//! Removing trees that somebody else filled.

use std::io;
use std::path::Path;

use veld_sys::{Context, Failure, fault};

/// Removes `path` and everything below it; one that is not there is fine.
///
/// The standard library walks by descriptors and follows no link, so that
/// nothing in the tree can lead it outside.
///
/// # Errors
/// Names the path.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    fault::point("remove tree")
        .and_then(|()| match std::fs::remove_dir_all(path) {
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        })
        .context(|| format!("remove {}", path.display()))
}
