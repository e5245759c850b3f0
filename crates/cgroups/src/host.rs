//! What this host offers: its hierarchies, and the limits they can enforce.

use std::path::{Path, PathBuf};

use veld_kernfs::mountinfo::{self, Mount};

use crate::attendant::AWAY;
use crate::controller::Controller;
use crate::cpuset;
use crate::error::{Error, Refusal};
use crate::group::Group;
use crate::hierarchy::{self, Hierarchy, Version, words};
use crate::limits::Limits;

/// The cgroup hierarchies of this host, as they are mounted.
#[derive(Debug, Clone)]
pub struct Host {
    /// v1 by mount point, then v2: the order in which everything is done.
    pub(crate) hierarchies: Vec<Hierarchy>,
    /// The CPUs that are online, by number.
    pub(crate) cpus: Vec<u32>,
    /// The files of a v2 group that go with a delegation.
    pub(crate) delegate: Vec<String>,
    /// Whether parents in the tree of v2 are somebody else's, to be left where they are.
    pub(crate) parents_stay: bool,
}

/// What cgroup v2 hands over at least; newer kernels list it, with later additions.
const DELEGATE: &str = "cgroup.procs cgroup.threads cgroup.subtree_control";

impl Host {
    /// Finds out what is mounted in this process's mount namespace.
    ///
    /// # Errors
    /// [`Error::NoHierarchy`], or a file of /proc or /sys that could not be read.
    ///
    /// # Kernel
    /// proc_pid_mountinfo(5); /sys/devices/system/cpu/online;
    /// /sys/kernel/cgroup/delegate, Linux 4.15.
    pub fn probe() -> Result<Self, Error> {
        let table = veld_kernfs::read(Path::new("/proc/self/mountinfo"))?;
        let online = veld_kernfs::read(Path::new("/sys/devices/system/cpu/online"))?;
        let mut host = Self::from_mounts(&mountinfo::parse(&table), &online)?;
        if let Ok(files) = veld_kernfs::read(Path::new("/sys/kernel/cgroup/delegate")) {
            host.delegate = words(&files);
        }
        Ok(host)
    }

    /// The host that a mount table and a list of CPUs (`0-3,8`) describe.
    ///
    /// # Errors
    /// [`Error::NoHierarchy`], or the cgroup.controllers of a v2 tree that could
    /// not be read.
    pub fn from_mounts(mounts: &[Mount], online: &str) -> Result<Self, Error> {
        let hierarchies = hierarchy::find(mounts)?;
        if hierarchies.is_empty() {
            return Err(Error::NoHierarchy);
        }
        Ok(Self {
            hierarchies,
            cpus: cpuset::parse(online),
            delegate: words(DELEGATE),
            parents_stay: false,
        })
    }

    /// The controllers that no group should go without and that are on neither
    /// version: their limits are refused.
    #[must_use]
    pub fn missing(&self) -> Vec<Controller> {
        Controller::ALL
            .into_iter()
            .filter(|controller| controller.is_essential())
            .filter(|controller| self.find(*controller).is_none())
            .collect()
    }

    /// The controllers that there are, each with the version it is on.
    #[must_use]
    pub fn controllers(&self) -> Vec<(&'static str, u8)> {
        let version = |controller: Controller| match self.find(controller)?.version {
            Version::V1 => Some((controller.name(), 1)),
            Version::V2 => Some((controller.name(), 2)),
        };
        Controller::ALL.into_iter().filter_map(version).collect()
    }

    /// Whether all controllers are in the one tree of v2. There may be hierarchies
    /// of v1 beside it that have none.
    #[must_use]
    pub fn is_unified(&self) -> bool {
        self.v2().is_some() && self.v1().all(|v1| v1.controllers.is_empty())
    }

    /// Whether groups can be made below a `parent` that somebody else makes in v2's
    /// tree: it hands controllers down already, or the process that was in it is in
    /// the place below it where attendants go that leave.
    #[must_use]
    pub fn is_ready(&self, parent: &str) -> bool {
        let says = |file: PathBuf| {
            std::fs::read_to_string(file).is_ok_and(|text| !text.trim_end().is_empty())
        };
        self.v2().is_some_and(|v2| {
            let dir = v2.mount.join(parent);
            says(dir.join("cgroup.subtree_control")) || says(dir.join(AWAY).join("cgroup.procs"))
        })
    }

    /// The same host, on which the parents of groups in the tree of v2 belong to
    /// somebody who made them, and stay when their last group is removed.
    #[must_use]
    pub fn with_parents_of_others(self) -> Self {
        let parents_stay = true;
        Self {
            parents_stay,
            ..self
        }
    }

    /// How many CPUs are online: the most that a group can be limited to.
    #[must_use]
    pub fn cpus(&self) -> usize {
        self.cpus.len()
    }

    /// Whether every limit can be enforced here.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with all that cannot, and why.
    pub fn check(&self, limits: &Limits) -> Result<(), Error> {
        let refusals: Vec<Refusal> = Controller::ALL
            .into_iter()
            .flat_map(|controller| controller.check(self.find(controller), &self.cpus, limits))
            .collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(Error::Unsupported(refusals))
        }
    }

    /// The group `PARENT/NAME`, whether it is there or not.
    ///
    /// # Panics
    /// Where either is not one path component: the caller has checked its names.
    #[must_use]
    pub fn group(&self, parent: &str, name: &str) -> Group {
        for part in [parent, name] {
            assert!(
                !matches!(part, "" | "." | "..") && !part.contains(['/', '\0']),
                "{part:?} names a directory of its own"
            );
        }
        Group::new(self.clone(), parent, name)
    }

    /// The hierarchy that a controller is on.
    pub(crate) fn find(&self, controller: Controller) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| {
            hierarchy
                .controllers
                .iter()
                .any(|name| controller.is_named(name))
        })
    }

    /// The hierarchies of v1, in order.
    pub(crate) fn v1(&self) -> impl Iterator<Item = &Hierarchy> {
        self.hierarchies
            .iter()
            .filter(|hierarchy| hierarchy.version == Version::V1)
    }

    /// The hierarchy of v1 that systemd sorts its services in.
    pub(crate) fn systemds(&self) -> Option<&Hierarchy> {
        self.v1()
            .find(|hierarchy| hierarchy.name.as_deref() == Some("systemd"))
    }

    /// Whether there is v1's hierarchy for distributions that know no v2.
    #[must_use]
    pub fn has_systemds(&self) -> bool {
        self.systemds().is_some()
    }

    /// The tree of v2.
    pub(crate) fn v2(&self) -> Option<&Hierarchy> {
        self.hierarchies
            .iter()
            .find(|hierarchy| hierarchy.version == Version::V2)
    }
}

#[cfg(test)]
mod tests;
