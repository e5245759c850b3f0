//! A tree of files as it was at one time.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// For each path what any write to it would change.
pub type Walk = BTreeMap<PathBuf, String>;

/// Walks a tree: kind, mode, owner, size, times of content and of inode. A
/// change of anything but the time of the last read shows.
///
/// # Panics
/// Where something cannot be read.
#[must_use]
pub fn walk(top: &Path) -> Walk {
    let mut found = Walk::new();
    let mut pending = vec![top.to_owned()];
    while let Some(path) = pending.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            pending.extend(entries(&path));
        }
        let line = format!(
            "{:o} {}:{} {} m{}.{} c{}.{}",
            about.mode(),
            about.uid(),
            about.gid(),
            about.size(),
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec()
        );
        found.insert(path, line);
    }
    found
}

/// Paths in a directory, in order; none where it is not there.
pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
