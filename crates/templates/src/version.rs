//! Versions of a template: what a name was before it was updated.
//!
//! A template that somebody stands on is never altered. An update puts a new tree in
//! its place; the old one stays beside it as `NAME@ID` as long as it is used.

use std::collections::BTreeSet;
use std::path::Path;

use veld_sys::{Context, Failure, fault};

use crate::error::Error;
use crate::import::{ImportOptions, Source, fill, give_up};
use crate::lock::ExclusiveLock;
use crate::manifest::Manifest;
use crate::name;
use crate::progress::{Reporter, Watch};
use crate::stage::{self, Stage};
use crate::store::{Store, Template, mounts_below, refuse_used};

/// Somebody who stands on a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// As the caller names it.
    pub name: String,
    /// The id of the version that it stands on; nothing for who has noted none, and
    /// so stands on whatever has the name.
    pub version: Option<String>,
}

/// What could be taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Versions that nobody uses.
    pub versions: Vec<Manifest>,
    /// What crashes left of templates in the making, as files of the store.
    pub leftovers: Vec<String>,
}

impl Manifest {
    /// `NAME`, or `NAME@ID` for a version.
    #[must_use]
    pub fn version_name(&self) -> String {
        let id = self.id.as_deref().unwrap_or_default();
        format!("{}@{id}", self.name)
    }
}

/// The name and the id in the name of a version's directory.
pub(crate) fn split(file_name: &str) -> Option<(&str, &str)> {
    let (name, id) = file_name.split_once('@')?;
    (name::check(name).is_ok() && is_id(id)).then_some((name, id))
}

fn is_id(id: &str) -> bool {
    id.len() == 12
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Store {
    /// Makes a template of a source in place of the one that has the name, if there
    /// is one. All the time there is a template of the name.
    ///
    /// `users` is told the id of the old one, which is drawn and written down now
    /// where it had none, and names those who stand on the template in any version.
    /// It is asked while the name is locked. While there are some who use the old
    /// one, that stays as `NAME@ID`.
    ///
    /// # Errors
    /// As for [`Store::import`]; [`Error::InUse`] with those who have noted no
    /// version: they would stand on the new tree; that of `users`.
    #[expect(
        clippy::too_many_arguments,
        reason = "those of an import, and who uses it"
    )]
    pub fn replace(
        &self,
        source: Source<'_>,
        name: &str,
        options: &ImportOptions,
        watch: &mut Watch<'_>,
        users: impl FnOnce(&str) -> Result<Vec<User>, Failure>,
    ) -> Result<Manifest, Error> {
        let reporter = Reporter::new(watch);
        let stage = Stage::begin_over(self.path(), name, self.patience(), "update")?;
        let made = self.replaced(&stage, source, name, options, &reporter, users);
        match made {
            Ok((manifest, None)) => {
                stage.publish(&manifest)?;
                Ok(manifest)
            }
            Ok((manifest, Some(keep))) => {
                stage.publish_over(&manifest, keep)?;
                Ok(manifest)
            }
            Err(error) => Err(give_up(stage, error, &reporter)),
        }
    }

    /// The manifest of the new one, and whether to keep an old one that is there.
    #[expect(clippy::too_many_arguments, reason = "those of the public function")]
    fn replaced(
        &self,
        stage: &Stage,
        source: Source<'_>,
        name: &str,
        options: &ImportOptions,
        reporter: &Reporter<'_>,
        users: impl FnOnce(&str) -> Result<Vec<User>, Failure>,
    ) -> Result<(Manifest, Option<bool>), Error> {
        let manifest = fill(stage, source, name, options, reporter)?;
        let directory = self.path().join(name);
        let mut old = match Manifest::read(&directory, name) {
            Ok(old) => old,
            Err(_) if std::fs::symlink_metadata(&directory).is_err() => {
                return Ok((manifest, None));
            }
            Err(error) => return Err(error),
        };
        if old.id.is_none() {
            old.draw_id()?;
            let giving = || format!("give template {name} an id");
            fault::point("write id of template").context(giving)?;
            old.write(&directory)?;
        }
        let id = old.id.clone().unwrap_or_default();
        let users = users(&id)?;
        refuse_unversioned(name, &users)?;
        let is_user = |user: &User| user.version.as_ref() == Some(&id);
        let keep = users.iter().any(is_user) || !mounts_below(&directory)?.is_empty();
        let replaces = Some(id);
        Ok((
            Manifest {
                replaces,
                ..manifest
            },
            Some(keep),
        ))
    }

    /// The template of a name that has this id: the present one, or a version.
    ///
    /// # Errors
    /// [`Error::NoVersion`]; [`Error::Damaged`].
    pub fn get_version(&self, name: &str, id: &str) -> Result<Template, Error> {
        name::check(name)?;
        if let Ok(present) = self.get(name)
            && present.manifest().id.as_deref() == Some(id)
        {
            return Ok(present);
        }
        let missing = || Error::NoVersion {
            name: name.to_owned(),
            id: id.to_owned(),
        };
        if !is_id(id) {
            return Err(missing());
        }
        // A command that was killed may have left it under the name of its stage; the
        // next that changes the store puts it right, and this one only reads. It is
        // looked for in the order in which an update moves it, so as not to be missed.
        let places = [format!(".{name}.new"), format!("{name}@{id}")];
        for place in places {
            match self.read_template(Path::new(&place), name) {
                Ok(found) if found.manifest().id.as_deref() == Some(id) => return Ok(found),
                _ => {}
            }
        }
        Err(missing())
    }

    /// Removes a version of a template that nobody uses.
    ///
    /// # Errors
    /// [`Error::NoVersion`]; [`Error::InUse`]; that of `users`.
    pub fn remove_version(
        &self,
        name: &str,
        id: &str,
        users: impl FnOnce() -> Result<Vec<User>, Failure>,
    ) -> Result<(), Error> {
        name::check(name)?;
        let file_name = format!("{name}@{id}");
        let missing = || Error::NoVersion {
            name: name.to_owned(),
            id: id.to_owned(),
        };
        if !is_id(id) || !self.path().is_dir() {
            return Err(missing());
        }
        stage::sweep(self.path())?;
        let _lock = ExclusiveLock::take(self.path(), name, self.patience(), "remove")?;
        let directory = self.path().join(&file_name);
        if std::fs::symlink_metadata(&directory).is_err() {
            return Err(missing());
        }
        let stands_here = |user: &User| user.version.as_deref() == Some(id);
        let users = users()?.into_iter().filter(stands_here);
        let users = users.map(|user| user.name).collect();
        refuse_used(&file_name, users, &directory)?;
        self.take_away(&file_name, name)
    }

    /// What nobody uses: versions without a user, and what crashes left. Reads only.
    ///
    /// # Errors
    /// Where the directory is there but cannot be read; that of `users`.
    pub fn garbage(
        &self,
        mut users: impl FnMut(&str) -> Result<Vec<User>, Failure>,
    ) -> Result<Garbage, Error> {
        let mut garbage = Garbage {
            versions: Vec::new(),
            leftovers: stage::leftovers(self.path())?,
        };
        let versions = self.list()?.versions;
        let names: BTreeSet<String> = versions.iter().map(|it| it.name.clone()).collect();
        let used: Result<Vec<Vec<User>>, Failure> = names.iter().map(|name| users(name)).collect();
        let used = used?.concat();
        let is_used = |version: &Manifest| {
            let mut all = used.iter();
            all.any(|user| user.version.is_some() && user.version == version.id)
        };
        garbage.versions = versions.into_iter().filter(|it| !is_used(it)).collect();
        Ok(garbage)
    }

    /// Takes all of it away, and says what it was. What has got a user meanwhile
    /// stays.
    ///
    /// # Errors
    /// Those of [`Store::remove_version`].
    pub fn collect_garbage(
        &self,
        mut users: impl FnMut(&str) -> Result<Vec<User>, Failure>,
    ) -> Result<Garbage, Error> {
        let before = stage::leftovers(self.path())?;
        if self.path().is_dir() {
            stage::sweep(self.path())?;
        }
        let mut garbage = self.garbage(&mut users)?;
        let left = std::mem::take(&mut garbage.leftovers);
        garbage.leftovers = before;
        garbage.leftovers.retain(|file| !left.contains(file));
        let mut removed = Vec::new();
        for version in garbage.versions {
            let id = version.id.clone().unwrap_or_default();
            match self.remove_version(&version.name, &id, || users(&version.name)) {
                Ok(()) => removed.push(version),
                Err(Error::InUse { .. } | Error::NoVersion { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        garbage.versions = removed;
        Ok(garbage)
    }
}

fn refuse_unversioned(name: &str, users: &[User]) -> Result<(), Error> {
    let unversioned = users.iter().filter(|user| user.version.is_none());
    let users: Vec<String> = unversioned.map(|user| user.name.clone()).collect();
    if users.is_empty() {
        return Ok(());
    }
    let name = name.to_owned();
    Err(Error::InUse { name, users })
}
