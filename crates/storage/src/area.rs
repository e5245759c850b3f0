//! The directory of one VE.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use veld_durable::Life;
use veld_sys::{Context, Failure, fault};

use crate::removal::remove_tree;

/// Names of the paths of one VE; nothing is made or read by naming them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    dir: PathBuf,
    name: String,
}

const ID: &str = "id";
const CONFIG: &str = "config.toml";

impl Area {
    /// The VE `name` in the directory of all VEs.
    #[must_use]
    pub fn new(dir: &Path, name: &str) -> Self {
        Self {
            dir: dir.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The VE's directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// Its config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path().join(CONFIG)
    }

    /// The directory that holds the layers `upper` and `work`.
    #[must_use]
    pub fn private(&self) -> PathBuf {
        self.path().join("private")
    }

    /// Whether the VE is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path().is_dir()
    }

    /// The VE's number.
    ///
    /// # Errors
    /// NotFound where there is no such VE; InvalidData where the file holds no number.
    pub fn id(&self) -> Result<u32, Failure> {
        read_id(&self.path())
    }

    /// Numbers of what a crashed creation or removal left of this VE: they are
    /// to be released before [`sweep`](Self::sweep) takes the rest.
    #[must_use]
    pub fn unswept_ids(&self) -> Vec<u32> {
        [self.unmade(), self.gone()]
            .iter()
            .filter_map(|dir| read_id(dir).ok())
            .collect()
    }

    /// Removes what a crashed creation or removal left of this VE.
    ///
    /// # Errors
    /// Names the path.
    pub fn sweep(&self) -> Result<(), Failure> {
        remove_tree(&self.unmade())?;
        remove_tree(&self.gone())
    }

    /// Begins to make the VE's directory, out of sight.
    ///
    /// # Errors
    /// Names the path.
    pub fn make(&self) -> Result<Making<'_>, Failure> {
        veld_durable::ensure_dir(&self.dir)?;
        let path = self.unmade();
        make_dir(&path, 0o700)?;
        let making = Making { area: self, path };
        let private = making.path.join("private");
        make_dir(&private, 0o700)?;
        // The root of a VE is as open as any distribution's.
        make_dir(&private.join("upper"), 0o755)?;
        make_dir(&private.join("work"), 0o755)?;
        Ok(making)
    }

    /// Puts the VE's directory out of sight: from then on there is no such VE,
    /// and [`sweep`](Self::sweep) takes the rest. A VE that is not there is fine.
    ///
    /// # Errors
    /// Names the path.
    pub fn put_aside(&self) -> Result<(), Failure> {
        if !self.exists() {
            return Ok(());
        }
        remove_tree(&self.gone())?;
        let path = self.path();
        fault::point("put VE aside")
            .and_then(|()| std::fs::rename(&path, self.gone()))
            .and_then(|()| veld_durable::sync_parent(&path))
            .context(|| format!("remove {}", path.display()))
    }

    fn unmade(&self) -> PathBuf {
        self.dir.join(format!(".{}.new", self.name))
    }

    fn gone(&self) -> PathBuf {
        self.dir.join(format!(".{}.gone", self.name))
    }
}

/// A VE's directory that nobody sees yet. Dropped without
/// [`finish`](Self::finish), it stays for [`Area::sweep`].
#[derive(Debug)]
#[must_use]
pub struct Making<'a> {
    area: &'a Area,
    path: PathBuf,
}

impl Making<'_> {
    /// Notes the VE's number.
    ///
    /// # Errors
    /// Names the path.
    pub fn set_id(&self, id: u32) -> Result<(), Failure> {
        veld_durable::replace(
            &self.path.join(ID),
            format!("{id}\n").as_bytes(),
            Life::Volatile,
        )
    }

    /// Puts the config in and the whole in its place, on disk when this returns.
    ///
    /// # Errors
    /// AlreadyExists where the VE is there; else names the path.
    pub fn finish(self, config: &str) -> Result<(), Failure> {
        veld_durable::replace(&self.path.join(CONFIG), config.as_bytes(), Life::Volatile)?;
        let target = self.area.path();
        let publish = || -> io::Result<()> {
            // One sync for all that was made here, before the name is given.
            let dir = File::open(&self.path)?;
            for file in [ID, CONFIG] {
                File::open(self.path.join(file))?.sync_all()?;
            }
            dir.sync_all()?;
            fault::point("publish VE")?;
            renameat_with(CWD, &self.path, CWD, &target, RenameFlags::NOREPLACE)?;
            veld_durable::sync_parent(&target)
        };
        publish().context(|| format!("create {}", target.display()))
    }
}

/// Names of the VEs in `dir`, in no order; none where there is no such directory.
///
/// # Errors
/// Names the path.
pub fn names(dir: &Path) -> Result<Vec<String>, Failure> {
    let entries = match std::fs::read_dir(dir) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.context(|| format!("read {}", dir.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.context(|| format!("read {}", dir.display()))?;
        let name = entry.file_name().into_string();
        names.extend(name.ok().filter(|name| !name.starts_with('.')));
    }
    Ok(names)
}

fn read_id(dir: &Path) -> Result<u32, Failure> {
    let path = dir.join(ID);
    let text = read(&path)?;
    text.trim()
        .parse()
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
        .context(|| format!("parse {}", path.display()))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).context(|| format!("read {}", path.display()))
}

fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    fault::point("make directory")
        .and_then(|()| DirBuilder::new().mode(mode).create(path))
        .context(|| format!("create directory {}", path.display()))?;
    // The mode above is subject to the caller's umask.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, mode).context(|| format!("set the mode of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area() -> (tempfile::TempDir, Area) {
        let dir = tempfile::tempdir().unwrap();
        let area = Area::new(&dir.path().join("ve"), "web1");
        (dir, area)
    }

    #[test]
    fn a_finished_ve_is_whole_and_alone() {
        let (_dir, area) = area();
        let making = area.make().unwrap();
        assert!(!area.exists());
        making.set_id(101).unwrap();
        making.finish("version = 1\n").unwrap();
        assert_eq!(area.id().unwrap(), 101);
        assert!(area.private().join("upper").is_dir());
        assert_eq!(
            std::fs::read_dir(area.path().parent().unwrap())
                .unwrap()
                .count(),
            1
        );
        area.put_aside().unwrap();
        area.put_aside().unwrap();
        assert_eq!(area.unswept_ids(), [101]);
        area.sweep().unwrap();
        area.sweep().unwrap();
        assert!(!area.exists());
    }

    #[test]
    fn an_unfinished_ve_is_swept_and_its_id_known() {
        let (_dir, area) = area();
        area.make().unwrap().set_id(102).unwrap();
        assert_eq!(area.unswept_ids(), [102]);
        area.sweep().unwrap();
        assert_eq!(area.unswept_ids(), [0_u32; 0]);
        area.make().unwrap().finish("").unwrap_err();
    }

    #[test]
    fn an_existing_ve_is_not_replaced() {
        let (_dir, area) = area();
        let first = area.make().unwrap();
        first.set_id(101).unwrap();
        first.finish("one").unwrap();
        let second = area.make().unwrap();
        second.set_id(102).unwrap();
        assert_eq!(
            second.finish("two").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(area.id().unwrap(), 101);
    }
}
