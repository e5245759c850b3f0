//! The directory of one VE.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use veld_durable::Life;
use veld_sys::{Context, Failure, fault};

use crate::below::{Below, sync_part};
use crate::dir::make_dir;
use crate::layers::{Layers, User, sync_users};
use crate::layout::{Layout, Template};
use crate::project;
use crate::removal::remove_area;

/// Names of the paths of one VE; nothing is made or read by naming them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    dir: PathBuf,
    name: String,
    layers: Layers,
}

const VES: &str = "ve";
pub(crate) const ID: &str = "id";
const CONFIG: &str = "config.toml";
const TRAFFIC: &str = "traffic";
const PRIVATE: &str = "private";
const NEXT: &str = "private.next";
const SNAPSHOTS: &str = "snapshots";
/// The part of a snapshot, in its directory.
const PART: &str = "part";

impl Area {
    /// The VE `name` of those whose files are below `data`.
    #[must_use]
    pub fn new(data: &Path, name: &str) -> Self {
        Self {
            dir: data.join(VES),
            name: name.to_owned(),
            layers: Layers::new(data),
        }
    }

    /// The frozen layers of the host.
    #[must_use]
    pub fn layers(&self) -> &Layers {
        &self.layers
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

    /// The account of what it has moved over its links.
    #[must_use]
    pub fn traffic(&self) -> PathBuf {
        self.path().join(TRAFFIC)
    }

    /// The part that has its files.
    #[must_use]
    pub fn private(&self) -> PathBuf {
        self.path().join(PRIVATE)
    }

    /// The part that is to be the next, or was the last; mostly not there.
    #[must_use]
    pub fn next(&self) -> PathBuf {
        self.path().join(NEXT)
    }

    /// The directory of its snapshots, which need not be there.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.path().join(SNAPSHOTS)
    }

    /// Its layout.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::of(&self.private())
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

    /// Whether a creation or removal that did not end has left anything of this
    /// VE, be its number among it or not.
    #[must_use]
    pub fn is_unswept(&self) -> bool {
        [self.unmade(), self.gone()]
            .iter()
            .any(|dir| std::fs::symlink_metadata(dir).is_ok())
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

    /// Removes what a crashed creation or removal left of this VE, its number
    /// last.
    ///
    /// # Errors
    /// Names the path; what is left is still [unswept](Self::is_unswept).
    pub fn sweep(&self) -> Result<(), Failure> {
        self.let_go(&self.unmade())?;
        remove_area(&self.unmade())?;
        self.let_go(&self.gone())?;
        self.layers.trash().put(&self.gone())
    }

    /// Lets go of all layers that a VE, put aside or not done, stood on.
    fn let_go(&self, left: &Path) -> Result<(), Failure> {
        // Who has no number yet stands on nothing yet.
        let Ok(id) = read_id(left) else {
            return Ok(());
        };
        for part in [PRIVATE, NEXT] {
            self.layers.release_part(&left.join(part), &User::Ve(id))?;
        }
        for snapshot in names(&left.join(SNAPSHOTS))? {
            let part = left.join(SNAPSHOTS).join(&snapshot).join(PART);
            let user = User::Snapshot(id, snapshot);
            self.layers.release_part(&part, &user)?;
        }
        Ok(())
    }

    /// Begins to make the VE's directory, out of sight.
    ///
    /// # Errors
    /// Names the path.
    pub fn make(&self) -> Result<Making<'_>, Failure> {
        veld_durable::ensure_dir(&self.dir, Life::Durable)?;
        let path = self.unmade();
        make_dir(&path, 0o700)?;
        let making = Making { area: self, path };
        make_dir(&making.private(), 0o700)?;
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
        self.let_go(&self.gone())?;
        self.layers.trash().put(&self.gone())?;
        // As long as nobody else can have its number.
        project::release(&self.private())?;
        let path = self.path();
        fault::point("put VE aside")
            .and_then(|()| std::fs::rename(&path, self.gone()))
            .and_then(|()| veld_durable::sync_parent(&path))
            .context(|| format!("remove {}", path.display()))
    }

    /// The directory of all VEs, and its name there.
    pub(crate) fn place(&self) -> (&Path, &str) {
        (&self.dir, &self.name)
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
    /// The part that is to have its files, empty until somebody fills it.
    #[must_use]
    pub fn private(&self) -> PathBuf {
        self.path.join(PRIVATE)
    }

    /// The frozen layers of the host.
    pub(crate) fn layers(&self) -> &Layers {
        &self.area.layers
    }

    /// The VE's number, once it is noted.
    pub(crate) fn id(&self) -> Result<u32, Failure> {
        read_id(&self.path)
    }

    /// Fills the part with a template.
    ///
    /// # Errors
    /// Names the path.
    pub fn fill(&self, layout: Layout, template: Template<'_>) -> Result<(), Failure> {
        layout.make(&self.private(), template)
    }

    /// Has its files counted, where the file system of the host can; the number is noted, and
    /// there is no file yet. `first` is the first project of all VEs.
    ///
    /// # Errors
    /// Names the path.
    pub fn count_files(&self, first: u32) -> Result<(), Failure> {
        project::begin(&self.private(), first, self.id()?)
    }

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
        if let Some(Below::Layer(layer)) = Below::read(&self.private())? {
            sync_users(&self.layers().of(&layer))?;
        }
        let target = self.area.path();
        let publish = || -> io::Result<()> {
            // All that was made here, before the name is given: a file system
            // may keep the name over a power loss and nothing below it. The
            // layers are empty: they are there when their names are.
            sync_part(&self.private())?;
            for made in [ID, CONFIG, ""] {
                File::open(self.path.join(made))?.sync_all()?;
            }
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

#[cfg(test)]
mod tests;
