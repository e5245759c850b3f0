//! Files of ours: replaced whole, locks that say who holds them, and trees that
//! go away or are copied whatever others put into them.
//!
//! A reader sees the old content or the new one, never a part. What must
//! outlive a power loss is synced before the rename; what means nothing after a
//! reboot is not.
//!
//! What this crate must not know: what is written, and why one waits.

mod copy;
mod copy_file;
mod inherit;
mod lock;
mod removal;

pub use copy::{Copied, CopyOptions, Devices, Reflink, Trusted, copy_tree};
pub use copy_file::copy_file;
pub use inherit::{inherit, is_like};
pub use lock::{Holder, Lock, LockError};
pub use removal::remove_tree;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use veld_sys::{Context, Failure, fault};

/// Whether a file or directory must be there after a power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Content and name are on the disk when the call returns.
    Durable,
    /// Content is on the disk before it has its name; the name is when its directory is
    /// synced. After a power loss there is the whole, or nothing, or what was before.
    Ordered,
    /// Means nothing after a reboot; not synced.
    Volatile,
}

/// Puts `content` at `path`, mode 0600, in place of what was there.
///
/// # Errors
/// Names the path; the old content is then still there and no new file is.
pub fn replace(path: &Path, content: &[u8], life: Life) -> Result<(), Failure> {
    put(path, content, 0o600, life)
}

/// As [`replace`], mode 0644: for a program of another user's to read, or anybody.
///
/// # Errors
/// Those of [`replace`].
pub fn replace_for_all(path: &Path, content: &[u8], life: Life) -> Result<(), Failure> {
    put(path, content, 0o644, life)
}

fn put(path: &Path, content: &[u8], mode: u32, life: Life) -> Result<(), Failure> {
    let beside = beside(path);
    let result = write_new(&beside, content, mode, life)
        .and_then(|()| fault::point("rename file"))
        .and_then(|()| std::fs::rename(&beside, path))
        .and_then(|()| match life {
            Life::Durable => sync_parent(path),
            Life::Ordered | Life::Volatile => Ok(()),
        });
    if result.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    result.context(|| format!("write {}", path.display()))
}

/// Makes a directory and those above it, mode 0700; one that is there already is
/// fine, and is not synced.
///
/// # Errors
/// Names the path.
pub fn ensure_dir(path: &Path, life: Life) -> Result<(), Failure> {
    let is_dir = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    if is_dir(path) {
        return Ok(());
    }
    let missing: Vec<&Path> = match life {
        Life::Durable => path
            .ancestors()
            .take_while(|above| !above.exists())
            .collect(),
        Life::Ordered | Life::Volatile => Vec::new(),
    };
    fault::point("make directory")
        .and_then(|()| DirBuilder::new().recursive(true).mode(0o700).create(path))
        .and_then(|()| missing.into_iter().try_for_each(sync_parent))
        .context(|| format!("create directory {}", path.display()))
}

/// Syncs the directory that holds `path`, so that a rename in it is on the disk.
///
/// # Errors
/// Those of open(2) and fsync(2).
pub fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

/// Has the symbolic link at `path` lead to `target` in place of what is there. Who calls
/// this holds a lock, and has passed a fault point; the name is on the disk when the
/// directory is.
///
/// # Errors
/// Those of symlink(2) and rename(2); what was there is there still.
pub fn replace_link(path: &Path, target: &str) -> io::Result<()> {
    let beside = beside(path);
    match symlink(target, &beside) {
        // Of one that was killed, wherever it led.
        Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&beside)?;
            symlink(target, &beside)?;
        }
        made => made?,
    }
    fs::rename(&beside, path)
}

/// The one name beside `path` that a replacement is made under. The next
/// replacement after a crash writes over it.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

fn write_new(path: &Path, content: &[u8], mode: u32, life: Life) -> io::Result<()> {
    fault::point("write file")?;
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    // Whatever the umask, and whoever made it before.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    match life {
        Life::Durable | Life::Ordered => file.sync_all(),
        Life::Volatile => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_owners_or_for_all_to_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let mode = || path.metadata().unwrap().permissions().mode() & 0o777;
        replace(&path, b"one", Life::Volatile).unwrap();
        assert_eq!(mode(), 0o600);
        replace_for_all(&path, b"two", Life::Durable).unwrap();
        assert_eq!(mode(), 0o644);
    }

    #[test]
    fn replace_leaves_the_new_content_alone_in_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        replace(&path, b"one", Life::Durable).unwrap();
        replace(&path, b"two", Life::Volatile).unwrap();
        replace(&path, b"three", Life::Ordered).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_is_made_with_those_above_it_or_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        for life in [Life::Durable, Life::Durable, Life::Volatile] {
            ensure_dir(&path, life).unwrap();
        }
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        std::fs::remove_dir(&path).unwrap();
        File::create(&path).unwrap();
        ensure_dir(&path, Life::Durable).unwrap_err();
    }

    #[test]
    fn a_failed_replace_keeps_the_old_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        std::fs::create_dir(&path).unwrap();
        let error = replace(&path, b"new", Life::Volatile).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot write {}", path.display())
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
