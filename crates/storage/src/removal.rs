//! Removing the directory of a VE, which the VE has filled.

use std::io;
use std::path::Path;

use veld_durable::remove_tree;
use veld_sys::{Context, Failure};

use crate::area::ID;

/// Removes the directory of a VE; one that is not there is fine. The file that
/// has its number goes last: whatever comes in between, the number is known
/// until nothing else is left.
///
/// # Errors
/// Names the path.
pub(crate) fn remove_area(path: &Path) -> Result<(), Failure> {
    let reading = || format!("read {}", path.display());
    let entries = match std::fs::read_dir(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        // Not even a directory, but in its place.
        Err(other) if other.kind() == io::ErrorKind::NotADirectory => return remove_tree(path),
        result => result.context(reading)?,
    };
    for entry in entries {
        let entry = entry.context(reading)?;
        if entry.file_name() != ID {
            remove_tree(&entry.path())?;
        }
    }
    remove_tree(path)
}
