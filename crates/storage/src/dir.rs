//! Directories of ours, of a mode that no umask alters.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

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
