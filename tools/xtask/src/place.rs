//! The files that are shipped, and how they get below a prefix.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::root;

/// One shipped file: what it is built as, where it goes, and its mode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shipped {
    /// The name of the package and of its binary.
    pub(crate) name: &'static str,
    /// The directory below the prefix.
    directory: &'static str,
    mode: u32,
}

/// The command that an administrator types. Execute-only for all but root: a process
/// of it that enters a VE could be made to execute it again there, by a script that
/// names /proc/self/exe; the kernel then lets nobody in the VE look into that process
/// or read the file.
pub(crate) const COMMAND: Shipped = Shipped {
    name: "veld",
    directory: "bin",
    mode: 0o711,
};

/// Executed by nobody but root's own `veld`.
pub(crate) const SHIM: Shipped = Shipped {
    name: "veld-shim",
    directory: "libexec/veld",
    mode: 0o700,
};

/// Root's and execute-only for others: the kernel then treats a VE's PID 1 as
/// not dumpable, so that nobody in the VE can inspect it while it is still this
/// program. A read bit here would take that away.
pub(crate) const INIT: Shipped = Shipped {
    name: "veld-init",
    directory: "libexec/veld",
    mode: 0o711,
};

impl Shipped {
    /// Where the file is below `prefix`.
    pub(crate) fn below(&self, prefix: &Path) -> PathBuf {
        prefix.join(self.directory).join(self.name)
    }

    /// Puts `built` below `prefix` in one rename, so that what runs of an older
    /// file goes on with it.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub(crate) fn place(&self, built: &Path, prefix: &Path) -> Result<()> {
        let path = self.below(prefix);
        let beside = path.with_file_name(format!(".{}.new", self.name));
        make_directory(&prefix.join(self.directory))?;
        fs::copy(built, &beside)
            .and_then(|_| fs::set_permissions(&beside, fs::Permissions::from_mode(self.mode)))
            .and_then(|()| fs::rename(&beside, &path))
            .with_context(|| format!("cannot put {} at {}", built.display(), path.display()))
    }
}

/// Makes `path` and what is missing above it. What root makes belongs to the
/// owner of the directory that was there: the user can then remove root's files
/// from a `target/` of his own.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path
        .parent()
        .with_context(|| format!("cannot make {}", path.display()))?;
    make_directory(parent)?;
    let made = fs::create_dir(path).and_then(|()| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        if !root::is_root() {
            return Ok(());
        }
        let owner = fs::metadata(parent)?;
        chown(path, Some(owner.uid()), Some(owner.gid()))
    });
    made.with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_placed_with_its_mode_and_replaces_an_older_one() {
        let directory = tempfile::tempdir().unwrap();
        let built = directory.path().join("built");
        let prefix = directory.path().join("usr/local");
        for content in ["one", "two"] {
            fs::write(&built, content).unwrap();
            INIT.place(&built, &prefix).unwrap();
        }
        let path = INIT.below(&prefix);
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o711);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_build_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = SHIM
            .place(&directory.path().join("none"), directory.path())
            .unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot put "));
    }
}
