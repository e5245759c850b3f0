//! What is made of a template once, for VEs to be made of it at once.
//!
//! ```text
//! DATA/bases/NAME@ID            a subvolume with the template's tree
//! DATA/images/NAME@ID.ext4      an image with it
//! DATA/images/.NAME@ID.ext4.new one that is not done
//! DATA/images/.lock             held while one is made
//! ```
//!
//! It goes with the template, and can be removed at any time while nobody makes a
//! VE: no VE needs it afterwards.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use veld_durable::{Life, Lock, LockError, remove_tree};
use veld_sys::{Context, Failure, fault};

use crate::area::names;
use crate::layout::Template;

/// How long another may take to make one.
const PATIENCE: Duration = Duration::from_secs(900);
const LOCK: &str = ".lock";
pub(crate) const BASES: &str = "bases";
pub(crate) const IMAGES: &str = "images";

/// The one of a template in `DATA/kind`, made by `make` where it is not there. What
/// `make` puts at the path that it is given is to be on the disk.
///
/// # Errors
/// Those of `make`, after which nothing is there.
pub(crate) fn once(
    kind: &str,
    template: Template<'_>,
    suffix: &str,
    make: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let dir = template.data.join(kind);
    let name = format!("{}{suffix}", version(template)?);
    let path = dir.join(&name);
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(path);
    }
    veld_durable::ensure_dir(&dir, Life::Durable)?;
    let _lock = lock(&dir)?;
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(path);
    }
    let new = dir.join(format!(".{name}.new"));
    remove_tree(&new)?;
    let made = make(&new).and_then(|()| {
        fault::point("publish what is made of a template")
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| veld_durable::sync_parent(&path))
            .context(|| format!("create {}", path.display()))
    });
    if let Err(failure) = made {
        // What cannot be removed now is by whoever makes it next.
        let _ = remove_tree(&new);
        return Err(failure);
    }
    Ok(path)
}

/// What was made of templates, as paths below `data`, but for those that `is_there`
/// knows: it is told the name and, where there is one, the id.
///
/// # Errors
/// Names the directory.
pub fn kept_of_none(
    data: &Path,
    is_there: impl Fn(&str, Option<&str>) -> bool,
) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for kind in [BASES, IMAGES] {
        for file in names(&data.join(kind))? {
            let Some((name, rest)) = file.split_once('@') else {
                continue;
            };
            let id = rest.split('.').next().filter(|id| !id.contains('-'));
            if !is_there(name, id) {
                found.push(format!("{kind}/{file}"));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Removes them, and says what they were.
///
/// # Errors
/// Names the path.
pub fn forget(
    data: &Path,
    is_there: impl Fn(&str, Option<&str>) -> bool,
) -> Result<Vec<String>, Failure> {
    let found = kept_of_none(data, is_there)?;
    for path in &found {
        remove_tree(&data.join(path))?;
    }
    Ok(found)
}

/// A template without an id is known by the inode of its tree, and since when it is
/// as it is.
fn version(template: Template<'_>) -> Result<String, Failure> {
    let name = &template.base.name;
    if let Some(id) = &template.base.id {
        return Ok(format!("{name}@{id}"));
    }
    let about =
        fs::metadata(template.root).context(|| format!("inspect {}", template.root.display()))?;
    Ok(format!("{name}@{:x}-{:x}", about.ino(), about.ctime()))
}

fn lock(dir: &Path) -> Result<Lock, Failure> {
    let path = dir.join(LOCK);
    Lock::acquire(&path, PATIENCE, "veld create").map_err(|error| match error {
        LockError::Failed(failure) => failure,
        LockError::Held(by) => {
            let by = by.map_or_else(String::new, |by| format!(" by {by}"));
            let held = io::Error::new(io::ErrorKind::TimedOut, format!("it is held{by}"));
            Failure::new(format!("lock {}", path.display()), held)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_template_is_forgotten() {
        let data = tempfile::tempdir().unwrap();
        for file in [
            "images/a@0123.ext4.64",
            "images/b@1-2.ext4.64",
            "images/c@4.xfs.1",
        ] {
            let path = data.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path).unwrap();
        }
        fs::create_dir_all(data.path().join("bases/a@4567")).unwrap();
        fs::File::create(data.path().join("images/.lock")).unwrap();
        let is_there = |name: &str, id: Option<&str>| match name {
            "a" => id == Some("0123"),
            "b" => id.is_none(),
            _ => false,
        };
        let gone = forget(data.path(), is_there).unwrap();
        assert_eq!(gone, ["bases/a@4567", "images/c@4.xfs.1"]);
        assert!(kept_of_none(data.path(), is_there).unwrap().is_empty());
        assert!(data.path().join("images/a@0123.ext4.64").exists());
        assert!(data.path().join("images/.lock").exists());
    }
}
