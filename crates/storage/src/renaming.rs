//! Giving the directory of a VE another name.
//!
//! ```text
//! note   OLD/renamed              for who comes to the directory
//!        .OLD.renamed -> NEW      whoever looks for OLD is told of NEW
//! take   OLD -> NEW               the one step that counts
//! ...    all that goes by the name follows
//! forget both notes
//! ```
//!
//! A note in a directory that still has the name in it is of a renaming that did
//! not come to its step; any other is of one that is to be finished.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use veld_durable::Life;
use veld_sys::{Context, Failure, fault};

use crate::Area;

const NOTE: &str = "renamed";

impl Area {
    /// Notes that the VE is going to be called `to`.
    ///
    /// # Errors
    /// Names the path; what was noted is for [`forget_renaming`] to take away.
    ///
    /// [`forget_renaming`]: Self::forget_renaming
    pub fn note_renaming(&self, to: &str) -> Result<(), Failure> {
        let (dir, name) = self.place();
        let text = format!("{name}\n");
        // First the one that leads whoever locks the VE to the other.
        veld_durable::replace(&self.path().join(NOTE), text.as_bytes(), Life::Durable)?;
        let link = link(dir, name);
        fault::point("note renaming")
            .and_then(|()| match symlink(to, &link) {
                Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {
                    std::fs::remove_file(&link)?;
                    symlink(to, &link)
                }
                made => made,
            })
            .context(|| format!("create {}", link.display()))
    }

    /// Gives the directory its new name, which is there over a loss of power when
    /// this returns.
    ///
    /// # Errors
    /// AlreadyExists where something has the name; else names the path.
    pub fn take_name_of(&self, new: &Area) -> Result<(), Failure> {
        let (from, to) = (self.path(), new.path());
        fault::point("rename VE")
            .and_then(|()| Ok(renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE)?))
            .and_then(|()| veld_durable::sync_parent(&to))
            .context(|| format!("rename {} to {}", from.display(), to.display()))
    }

    /// The name that the VE had or has which a renaming is noted of; its own where
    /// that did not come to its step.
    #[must_use]
    pub fn renamed_from(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.path().join(NOTE)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// Takes the notes of a renaming away.
    ///
    /// # Errors
    /// Names the path; a note that is not there is fine.
    pub fn forget_renaming(&self, from: &str) -> Result<(), Failure> {
        let (dir, _) = self.place();
        for path in [link(dir, from), self.path().join(NOTE)] {
            fault::point("forget renaming")
                .and_then(|()| match std::fs::remove_file(&path) {
                    Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
                    removed => removed,
                })
                .context(|| format!("remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// What the VE `name` in `dir` is noted to be called now.
#[must_use]
pub fn renamed_to(dir: &Path, name: &str) -> Option<String> {
    let target = std::fs::read_link(link(dir, name)).ok()?;
    target.into_os_string().into_string().ok()
}

fn link(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!(".{name}.renamed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_renamed_with_notes_until_they_are_forgotten() {
        let data = tempfile::tempdir().unwrap();
        let dir = data.path().join("ve");
        let (old, new) = (Area::new(data.path(), "old"), Area::new(data.path(), "new"));
        std::fs::create_dir_all(old.path()).unwrap();
        old.note_renaming("other").unwrap();
        old.note_renaming("new").unwrap();
        assert_eq!(old.renamed_from().as_deref(), Some("old"));
        assert_eq!(renamed_to(&dir, "old").as_deref(), Some("new"));
        old.take_name_of(&new).unwrap();
        assert_eq!(new.renamed_from().as_deref(), Some("old"));
        new.forget_renaming("old").unwrap();
        new.forget_renaming("old").unwrap();
        assert_eq!(new.renamed_from(), None);
        assert_eq!(renamed_to(&dir, "old"), None);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);

        std::fs::create_dir(old.path()).unwrap();
        let taken = old.take_name_of(&new).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
    }
}
