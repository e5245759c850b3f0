//! What is to be removed, out of everybody's way until it is.
//!
//! ```text
//! DATA/trash/ID     a VE, a part, a layer: whatever was renamed to here
//! DATA/trash/.lock  held by the one that removes it
//! ```
//!
//! A large tree takes seconds to remove and a rename none. Nothing in it counts: no
//! name, no number, no user of a layer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_durable::{Life, Lock, LockError, remove_tree};
use veld_sys::{Context, Failure, fault};

use crate::area::names;
use crate::below::LayerId;
use crate::layout::release_quota;

const LOCK: &str = ".lock";
/// Where in what was thrown away parts may be, besides at its top.
const PARTS: [&str; 2] = ["private", "private.next"];
const SNAPSHOTS: &str = "snapshots";
const ROOT: &str = "root";

/// The trash of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trash {
    dir: PathBuf,
}

impl Trash {
    /// That of the VEs whose files are below `data`.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self {
            dir: data.join("trash"),
        }
    }

    /// Throws away what is at a path: nothing is there when this returns. What is not
    /// there is fine.
    ///
    /// # Errors
    /// Names the path.
    pub fn put(&self, path: &Path) -> Result<(), Failure> {
        if fs::symlink_metadata(path).is_err() {
            return Ok(());
        }
        veld_durable::ensure_dir(&self.dir, Life::Durable)?;
        let place = self.dir.join(LayerId::random()?.as_str());
        fault::point("throw away")
            .and_then(|()| match fs::rename(path, &place) {
                // Another who found it was faster.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound && !path.exists() => Ok(()),
                renamed => renamed,
            })
            .context(|| format!("move {} to {}", path.display(), place.display()))
    }

    /// Whether there is nothing to remove.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        names(&self.dir).is_ok_and(|names| names.is_empty())
    }

    /// Removes all, unless another is at it.
    ///
    /// # Errors
    /// Names the path; the rest has been removed.
    pub fn empty(&self) -> Result<(), Failure> {
        if !self.dir.is_dir() {
            return Ok(());
        }
        let path = self.dir.join(LOCK);
        let mut stuck = Stuck::default();
        // What was thrown away while this was about to let go of the lock is this one's
        // to remove: whoever came for it has found the lock held.
        while stuck.others(names(&self.dir)?).next().is_some() {
            let _lock = match Lock::acquire(&path, Duration::ZERO, "veld trash") {
                Ok(lock) => lock,
                Err(LockError::Held(_)) => break,
                Err(LockError::Failed(failure)) => return Err(failure),
            };
            let all: Vec<String> = stuck.others(names(&self.dir)?).collect();
            for name in all {
                if let Err(failure) = remove(&self.dir.join(&name)) {
                    stuck.names.push(name);
                    stuck.first.get_or_insert(failure);
                }
            }
        }
        stuck.first.map_or(Ok(()), Err)
    }
}

/// What could not be removed, and why the first could not.
#[derive(Debug, Default)]
struct Stuck {
    names: Vec<String>,
    first: Option<Failure>,
}

impl Stuck {
    fn others(&self, all: Vec<String>) -> impl Iterator<Item = String> {
        all.into_iter().filter(|name| !self.names.contains(name))
    }
}

fn remove(thrown: &Path) -> Result<(), Failure> {
    let mut parts = vec![thrown.to_owned()];
    parts.extend(PARTS.map(|part| thrown.join(part)));
    let snapshots = thrown.join(SNAPSHOTS);
    if let Ok(entries) = fs::read_dir(&snapshots) {
        let entries = entries.filter_map(io::Result::ok);
        parts.extend(entries.map(|entry| entry.path().join("part")));
    }
    for part in parts {
        release_quota(&part.join(ROOT))?;
    }
    remove_tree(thrown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_thrown_away_is_gone_at_once_and_removed_later() {
        let data = tempfile::tempdir().unwrap();
        let trash = Trash::new(data.path());
        trash.empty().unwrap();
        let tree = data.path().join("tree");
        trash.put(&tree).unwrap();
        for _ in 0..2 {
            fs::create_dir_all(tree.join("a/b")).unwrap();
            trash.put(&tree).unwrap();
            assert!(!tree.exists() && !trash.is_empty());
        }
        let held = Lock::acquire(&trash.dir.join(LOCK), Duration::ZERO, "a test").unwrap();
        trash.empty().unwrap();
        assert!(!trash.is_empty(), "another was at it");
        drop(held);
        trash.empty().unwrap();
        assert!(trash.is_empty());
    }
}
