//! The templates directory: what is there, and taking one away.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, RenameFlags, renameat_with};
use veld_sys::{Context, Failure, fault};

use crate::error::Error;
use crate::lock::{ExclusiveLock, SharedLock};
use crate::manifest::Manifest;
use crate::name;
use crate::root::DIRECTORY;
use crate::stage::{self, ROOT};
use crate::version::{self, User};

/// How long a lock on a template is waited for. What holds one for long is an
/// import or a build of the same name, which is refused after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// The templates of a host.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    patience: Duration,
}

/// A template that a VE can stand on.
#[derive(Debug, Clone)]
pub struct Template {
    root: PathBuf,
    manifest: Manifest,
}

/// What is in a store.
#[derive(Debug, Default)]
pub struct Listing {
    /// Templates, by name.
    pub templates: Vec<Manifest>,
    /// What they were before an update and are still for some, by name.
    pub versions: Vec<Manifest>,
    /// What has the name of a template but is none, by name, and why.
    pub damaged: Vec<(String, Error)>,
}

impl Template {
    /// Its tree, which is never written.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is known of it.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl Store {
    /// The store in a directory, which need not be there yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            patience: PATIENCE,
        }
    }

    /// The same store, with another time to wait for locks.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it waits for a lock.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// All templates. Reads files only and takes no lock; what is being made or
    /// removed does not show.
    ///
    /// # Errors
    /// Where the directory is there but cannot be read.
    pub fn list(&self) -> Result<Listing, Error> {
        let reading = || format!("read {}", self.path.display());
        let mut listing = Listing::default();
        let entries = match std::fs::read_dir(&self.path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(listing),
            other => other.context(reading)?,
        };
        let mut names = Vec::new();
        let mut versions = Vec::new();
        for entry in entries {
            let file_name = entry.context(reading)?.file_name();
            match file_name.to_str() {
                Some(name) if name::check(name).is_ok() => names.push(name.to_owned()),
                Some(name) if version::split(name).is_some() => versions.push(name.to_owned()),
                _ => {}
            }
        }
        names.sort();
        versions.sort();
        for name in names {
            match self.get(&name) {
                Ok(template) => listing.templates.push(template.manifest),
                // Removed since its name was read.
                Err(Error::NotFound { .. }) => {}
                Err(error) => listing.damaged.push((name, error)),
            }
        }
        for file_name in versions {
            let Some((name, _)) = version::split(&file_name) else {
                continue;
            };
            match self.read_template(Path::new(&file_name), name) {
                Ok(template) => listing.versions.push(template.manifest),
                Err(Error::NotFound { .. }) => {}
                Err(error) => listing.damaged.push((file_name, error)),
            }
        }
        Ok(listing)
    }

    /// A template by name.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Damaged`] where part of it is missing.
    pub fn get(&self, name: &str) -> Result<Template, Error> {
        name::check(name)?;
        self.read_template(Path::new(name), name)
    }

    /// The template in one of the store's directories.
    pub(crate) fn read_template(&self, place: &Path, name: &str) -> Result<Template, Error> {
        let directory = self.path.join(place);
        match std::fs::symlink_metadata(&directory) {
            Ok(found) if found.is_dir() => {}
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(not_found(name));
            }
            Ok(_) => return Err(damaged(name, "it is not a directory")),
            Err(cause) => {
                return Err(Failure::new(format!("read {}", directory.display()), cause).into());
            }
        }
        let root = directory.join(ROOT);
        match std::fs::symlink_metadata(&root) {
            Ok(found) if found.is_dir() => {}
            _ => return Err(damaged(name, "it has no root directory")),
        }
        let manifest = Manifest::read(&directory, name)?;
        Ok(Template { root, manifest })
    }

    /// Keeps a template from being removed while a VE is made on it. Whether it is
    /// there is for [`Store::get`] to say, after this.
    ///
    /// # Errors
    /// [`Error::Locked`] when it is being made or removed for longer than the
    /// store's patience.
    pub fn lock_shared(&self, name: &str) -> Result<SharedLock, Error> {
        name::check(name)?;
        if !self.path.is_dir() {
            return Err(not_found(name));
        }
        SharedLock::take(&self.path, name, self.patience)
    }

    /// Removes a template, damaged or not, that nobody uses.
    ///
    /// `users` names the VEs that are made of it, in any version: those that stand on
    /// an older one do not keep this one. It is asked while the template is
    /// locked, so that none can appear after the answer. Once this has renamed the
    /// template, it is gone; what a crash leaves of the tree is swept later.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InUse`] with the VEs, or with what is mounted
    /// below the template; that of `users`.
    pub fn remove(
        &self,
        name: &str,
        users: impl FnOnce() -> Result<Vec<User>, Failure>,
    ) -> Result<(), Error> {
        name::check(name)?;
        if !self.path.is_dir() {
            return Err(not_found(name));
        }
        stage::sweep(&self.path)?;
        let _lock = ExclusiveLock::take(&self.path, name, self.patience, "remove")?;
        stage::clear(&self.path, name)?;
        let directory = self.path.join(name);
        if std::fs::symlink_metadata(&directory).is_err() {
            return Err(not_found(name));
        }
        let id = self.get(name).ok().and_then(|found| found.manifest.id);
        let stands_here = |user: &User| match (&user.version, &id) {
            (Some(version), Some(id)) => version == id,
            // Of a damaged one no id is known: what is no older version is this.
            (Some(version), None) => self.get_version(name, version).is_err(),
            (None, _) => true,
        };
        let users = users()?.into_iter().filter(stands_here);
        refuse_used(name, users.map(|user| user.name).collect(), &directory)?;
        self.take_away(name, name)
    }

    /// Renames what has this file name out of sight and removes it; `name` is the
    /// template whose lock is held.
    pub(crate) fn take_away(&self, file_name: &str, name: &str) -> Result<(), Error> {
        // One left by a crash whose sweep failed would be in the way.
        stage::remove_gone(&self.path, name)?;
        let removing = || format!("remove template {file_name}");
        let store = rustix::fs::open(&self.path, DIRECTORY, Mode::empty()).context(removing)?;
        fault::point("rename removed template").context(removing)?;
        let gone = format!(".{name}.gone");
        let flags = RenameFlags::NOREPLACE;
        renameat_with(&store, file_name, &store, gone.as_str(), flags).context(removing)?;
        File::from(store).sync_all().context(removing)?;
        Ok(stage::remove_gone(&self.path, name)?)
    }
}

/// Refuses what has users, or something mounted below it.
pub(crate) fn refuse_used(
    name: &str,
    mut users: Vec<String>,
    directory: &Path,
) -> Result<(), Error> {
    if users.is_empty() {
        users = mounts_below(directory)?;
    }
    if users.is_empty() {
        return Ok(());
    }
    let name = name.to_owned();
    Err(Error::InUse { name, users })
}

/// What is mounted in a template's directory: an administrator's chroot into it,
/// say, with the host's /dev in it. Deleting must not reach through there.
pub(crate) fn mounts_below(directory: &Path) -> Result<Vec<String>, Error> {
    let directory =
        std::fs::canonicalize(directory).context(|| format!("resolve {}", directory.display()))?;
    let table = veld_kernfs::read(Path::new("/proc/self/mountinfo"))?;
    Ok(veld_kernfs::mountinfo::parse(&table)
        .into_iter()
        .filter(|mount| mount.mount_point.starts_with(&directory))
        .map(|mount| format!("the mount on {}", mount.mount_point.display()))
        .collect())
}

fn not_found(name: &str) -> Error {
    Error::NotFound {
        name: name.to_owned(),
    }
}

fn damaged(name: &str, flaw: &str) -> Error {
    Error::Damaged {
        name: name.to_owned(),
        flaw: flaw.to_owned(),
    }
}
