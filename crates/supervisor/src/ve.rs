//! One VE: all that follows from its name.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::time::Duration;

use veld_cgroups::Group;
use veld_config::{Slot, VeConfig, VeId, VeName};
use veld_durable::{Lock, LockError};
use veld_namespaces::IdRange;
use veld_state::{Observed, RunDir, observe};
use veld_storage::Area;

use crate::error::{Error, ErrorKind, Source};
use crate::host::Host;
use crate::net::host_name;
use crate::rename;
use crate::snapshot;

/// A VE by name; nothing is read or locked by having one.
#[derive(Debug)]
pub struct Ve<'h> {
    pub(crate) host: &'h Host,
    pub(crate) name: VeName,
    pub(crate) run: RunDir,
    pub(crate) area: Area,
    /// Its network namespace, where it outlives the VE.
    network: RefCell<Option<OwnedFd>>,
}

/// How long a command waits for another that works on the same VE: longer than
/// a start takes, so that commands typed one after the other queue up.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(10);

impl<'h> Ve<'h> {
    pub(crate) fn new(host: &'h Host, name: VeName) -> Self {
        let run = RunDir::new(&host.config().paths.run, name.as_str());
        let area = Area::new(&host.config().paths.data, name.as_str());
        Self {
            host,
            name,
            run,
            area,
            network: RefCell::new(None),
        }
    }

    /// Keeps its network namespace until what is in it has been taken out.
    pub(crate) fn hold_network(&self, namespace: OwnedFd) {
        self.network.replace(Some(namespace));
    }

    /// The network namespace that is held, and is not any more: its links last as long
    /// as it does.
    pub(crate) fn take_network(&self) -> Option<OwnedFd> {
        self.network.take()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &VeName {
        &self.name
    }

    /// Its run directory, where console and log are.
    #[must_use]
    pub fn run_dir(&self) -> &RunDir {
        &self.run
    }

    /// What the administrator has set for it.
    ///
    /// # Errors
    /// All that is wrong in its config file.
    pub fn config(&self) -> Result<VeConfig, veld_config::ConfigError> {
        VeConfig::load(&self.area.config())
    }

    /// Its number.
    pub(crate) fn id(&self) -> Result<VeId, Source> {
        let id = self.area.id()?;
        Ok(VeId::new(id).ok_or_else(|| {
            let invalid = std::io::Error::from(std::io::ErrorKind::InvalidData);
            veld_sys::Failure::new(format!("use {id} as an id"), invalid)
        })?)
    }

    /// The host ids behind its users and groups.
    pub(crate) fn ids(&self) -> Result<IdRange, Source> {
        let first = self.host.config().uid_of(self.id()?)?;
        Ok(IdRange::starting_at(first).ok_or_else(|| {
            let invalid = std::io::Error::from(std::io::ErrorKind::InvalidInput);
            veld_sys::Failure::new(format!("use host ids from {first}"), invalid)
        })?)
    }

    /// The names on the host of the links that it may have.
    pub(crate) fn links(&self, id: VeId) -> impl Iterator<Item = String> {
        let prefix = &self.host.config().network.link_prefix;
        Slot::all().map(move |slot| host_name(prefix, id, slot))
    }

    /// Its group in every cgroup hierarchy.
    pub(crate) fn group(&self) -> Result<Group, veld_cgroups::Error> {
        let parent = self.host.cgroup_parent()?;
        Ok(self.host.cgroups()?.group(parent, self.name.as_str()))
    }

    /// Finishes or undoes a change of its files that was killed. Its lock is held and
    /// it does not run.
    pub(crate) fn settle(&self) -> Result<(), Source> {
        self.step("settle files");
        Ok(self.area.settle()?)
    }

    /// What it does now.
    #[must_use]
    pub fn observe(&self) -> Observed {
        observe(&self.run)
    }

    /// Says what is done next to whoever asked for it. The last word before a
    /// failure or a wait is thus what failed or is waited for.
    pub(crate) fn step(&self, step: &'static str) {
        tracing::debug!(ve = %self.name, step);
    }

    /// Takes its lock for `verb`.
    pub(crate) fn lock(&self, verb: &'static str) -> Result<Lock, Error> {
        self.lock_for(verb, LOCK_PATIENCE)
    }

    pub(crate) fn lock_for(&self, verb: &'static str, patience: Duration) -> Result<Lock, Error> {
        self.lock_as(verb, verb, patience)
    }

    /// The same for a command whose name is no verb.
    pub(crate) fn lock_as(
        &self,
        command: &str,
        verb: &'static str,
        patience: Duration,
    ) -> Result<Lock, Error> {
        self.step("take lock");
        match self.run.lock(patience, &format!("veld {command}")) {
            Ok(lock) => Ok(lock),
            Err(LockError::Held(holder)) => {
                let by = holder.map_or_else(String::new, |holder| format!(" by {holder}"));
                Err(Error::fact(
                    ErrorKind::Locked,
                    &self.name,
                    format!("is locked{by}"),
                ))
            }
            Err(LockError::Failed(failure)) => Err(Error::action(&self.name, verb, failure)),
        }
    }

    /// Refuses where the VE is not there.
    pub(crate) fn must_be_there(&self) -> Result<(), Error> {
        if self.area.exists() {
            Ok(())
        } else {
            Err(Error::fact(ErrorKind::NotFound, &self.name, "no such VE"))
        }
    }

    /// Finishes or undoes what a command that was killed has left half done, and may
    /// be so while the VE runs; the lock is held.
    pub(crate) fn settle_notes(&self) -> Result<(), Error> {
        let failed = |source| Error::action(&self.name, "settle", source);
        rename::settle(self).map_err(failed)?;
        snapshot::settle(self).map_err(failed)
    }

    /// Refuses where the VE is not there; asked again once it is locked. A
    /// directory that was made for the lock alone goes with it. What a command that
    /// was killed has left half done is settled.
    pub(crate) fn must_exist(&self, lock: Lock) -> Result<Lock, Error> {
        match self.must_be_there() {
            Ok(()) => self.settle_notes().map(|()| lock),
            Err(error) => {
                let _ = self.run.remove_unused(lock);
                Err(error)
            }
        }
    }
}
