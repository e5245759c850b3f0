//! The host as actions see it: its config and where things are kept.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use veld_cgroups::Host as Cgroups;
use veld_config::{ConfigError, HostConfig, VeId, VeName, VeRef};
use veld_state::Ids;
use veld_storage::Layers;
use veld_templates::Store;

use crate::error::{Error, ErrorKind, Source};
use crate::unit;
use crate::ve::Ve;

/// Where nobody else has a say about the hierarchies.
const CGROUP_PARENT: &str = "veld";

/// How long another start may take to have the unit started.
const READY: Duration = Duration::from_secs(10);

fn becomes_ready(cgroups: &Cgroups, parent: &str, deadline: Instant) -> bool {
    while !cgroups.is_ready(parent) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// One host. Nothing is made or changed by opening it.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    cgroups: OnceCell<Cgroups>,
}

impl Host {
    /// The host with the config that the environment or /etc names.
    ///
    /// # Errors
    /// Whatever is wrong with the config file.
    pub fn open() -> Result<Self, ConfigError> {
        Ok(Self {
            config: HostConfig::load()?,
            cgroups: OnceCell::new(),
        })
    }

    /// The host's config.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// The templates.
    #[must_use]
    pub fn templates(&self) -> Store {
        Store::new(&self.config.paths.templates)
    }

    /// The cgroup hierarchies: looked for once, since a command takes no longer
    /// than a mount table lasts.
    pub(crate) fn cgroups(&self) -> Result<&Cgroups, veld_cgroups::Error> {
        if let Some(cgroups) = self.cgroups.get() {
            return Ok(cgroups);
        }
        let mut cgroups = Cgroups::probe()?;
        if self.config.cgroup_parent.is_none() && unit::keeps_tree(&cgroups) {
            cgroups = cgroups.with_parents_of_others();
        }
        Ok(self.cgroups.get_or_init(|| cgroups))
    }

    /// The group below which VEs have theirs.
    pub(crate) fn cgroup_parent(&self) -> Result<&str, veld_cgroups::Error> {
        match &self.config.cgroup_parent {
            Some(parent) => Ok(parent),
            None if unit::keeps_tree(self.cgroups()?) => Ok(unit::NAME),
            None => Ok(CGROUP_PARENT),
        }
    }

    /// Has that group made by whoever is to make it.
    pub(crate) fn prepare_parent(&self) -> Result<(), Source> {
        let cgroups = self.cgroups()?;
        let parent = self.cgroup_parent()?;
        if self.config.cgroup_parent.is_some()
            || !unit::keeps_tree(cgroups)
            || cgroups.is_ready(parent)
        {
            return Ok(());
        }
        let begun = Instant::now();
        match unit::start() {
            // Two starts at once ask for the same one.
            Err(_) if becomes_ready(cgroups, parent, begun + READY) => Ok(()),
            done => Ok(done?),
        }
    }

    /// The frozen layers of overlays.
    pub(crate) fn layers(&self) -> Layers {
        Layers::new(&self.config.paths.data)
    }

    /// The numbers that are given out.
    pub(crate) fn ids(&self) -> Ids {
        Ids::new(self.config.paths.data.join("ids"))
    }

    /// The VE that a name or number means.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn find(&self, what: &VeRef) -> Result<Ve<'_>, Error> {
        self.find_if(what, |ve| ve.area.exists())
    }

    /// As [`find`](Self::find), and what a command that was killed has left of
    /// one: for actions, which take it away.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub fn find_or_left(&self, what: &VeRef) -> Result<Ve<'_>, Error> {
        self.find_if(what, |ve| {
            ve.area.exists() || ve.area.is_unswept() || ve.run.path().exists()
        })
    }

    fn find_if(&self, what: &VeRef, is: impl Fn(&Ve<'_>) -> bool) -> Result<Ve<'_>, Error> {
        let missing = || Error::fact(ErrorKind::NotFound, what, "no such VE");
        let name = match what {
            VeRef::Name(name) => name.clone(),
            VeRef::Id(id) => self.named(*id).ok_or_else(missing)?,
        };
        let ve = self.ve(name);
        if is(&ve) { Ok(ve) } else { Err(missing()) }
    }

    /// All VEs, by name.
    ///
    /// # Errors
    /// Where the directory of VEs is there and cannot be read.
    pub fn ves(&self) -> Result<Vec<Ve<'_>>, Error> {
        let dir = self.config.ves_dir();
        let names =
            veld_storage::names(&dir).map_err(|failure| Error::action("VEs", "list", failure))?;
        let mut names: Vec<VeName> = names.iter().filter_map(|name| name.parse().ok()).collect();
        names.sort();
        Ok(names.into_iter().map(|name| self.ve(name)).collect())
    }

    /// The VE of this name, whether it is there or not.
    pub(crate) fn ve(&self, name: VeName) -> Ve<'_> {
        Ve::new(self, name)
    }

    fn named(&self, id: VeId) -> Option<VeName> {
        let name = self.ids().holder(id.get())?.parse().ok()?;
        Some(self.called_now(name))
    }

    /// What a VE is called: another name, where it was renamed a moment ago or its
    /// renaming was killed.
    pub(crate) fn called_now(&self, name: VeName) -> VeName {
        let dir = self.config.ves_dir();
        if dir.join(&name).is_dir() {
            return name;
        }
        let new = veld_storage::renamed_to(&dir, name.as_str());
        new.and_then(|new| new.parse().ok()).unwrap_or(name)
    }

    /// A program of ours beside the command.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.config.paths.libexec.join(name)
    }
}
