//! Where the files of the VE, or of its snapshots, can be looked into.

use std::path::PathBuf;

use veld_sys::Failure;

use super::{RunDir, remove_dir};

const LOOK: &str = "look";
/// What the name of a directory begins with in which a snapshot can be seen.
const SHOWN: &str = "snapshot.";

impl RunDir {
    /// Where the root of the VE can be looked into, while somebody wants that.
    #[must_use]
    pub fn look(&self) -> PathBuf {
        self.file(LOOK)
    }

    /// Takes the place away where it could be looked into, at which nothing is mounted any more.
    ///
    /// # Errors
    /// Names the path.
    pub fn strike_look(&self) -> Result<(), Failure> {
        remove_dir(&self.look())
    }

    /// Where the files of a snapshot can be seen, while somebody wants that.
    #[must_use]
    pub fn shown(&self, snapshot: &str) -> PathBuf {
        self.path.join(format!("{SHOWN}{snapshot}"))
    }

    /// The snapshots for which there is such a place.
    #[must_use]
    pub fn all_shown(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names
            .filter_map(|name| Some(name.strip_prefix(SHOWN)?.to_owned()))
            .collect()
    }

    /// Takes such a place away, at which nothing is mounted any more.
    ///
    /// # Errors
    /// Names the path.
    pub fn strike_shown(&self, snapshot: &str) -> Result<(), Failure> {
        remove_dir(&self.shown(snapshot))
    }
}
