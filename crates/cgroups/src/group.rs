//! One group: where it is, what it holds, and what its limits are.

use std::path::PathBuf;

use rustix::io::Errno;
use veld_sys::Failure;

use crate::controller::{Controller, Setting};
use crate::error::Error;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::host::Host;
use crate::limits::{Before, Effective, Limits};

/// The name of the v2 group that is delegated, below the one with the limits.
pub(crate) const DELEGATED: &str = "ve";

/// The group `PARENT/NAME` of every hierarchy.
///
/// The value is a name, not a handle: it is as good before the group is made
/// and after it is gone, in whichever process.
#[derive(Debug, Clone)]
pub struct Group {
    pub(crate) host: Host,
    parent: String,
    name: String,
}

impl Group {
    pub(crate) fn new(host: Host, parent: &str, name: &str) -> Self {
        Self {
            host,
            parent: parent.to_owned(),
            name: name.to_owned(),
        }
    }

    /// `PARENT/NAME`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/{}", self.parent, self.name)
    }

    /// Whether it is there in any hierarchy.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.places().any(|(_, place)| place.dir.exists())
    }

    /// Makes these the group's limits while it runs; what is `None` is lifted.
    ///
    /// `spread` is as for [`Group::create`]. Where a limit fails, those before it
    /// (in the order memory, CPU, CPUs, processes, I/O, huge pages) are set already.
    /// What protects memory on v2 is not among them: see [`Group::promise`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] as [`Host::check`] says, with nothing set; of kind
    /// `NotFound` where the group is not there. With memory on v1, EBUSY where
    /// more is in use than could be reclaimed (v2 kills by OOM inside instead).
    pub fn apply(&self, limits: &Limits, spread: u32) -> Result<(), Error> {
        self.host.check(limits)?;
        if !self.exists() {
            return Err(self.not_found("set limits"));
        }
        // A controller that no limit asked for until now.
        if let Some(v2) = self.host.v2() {
            self.enable(v2, limits)?;
        }
        self.limit(limits, Before::Anything, spread)
    }

    /// What the kernel holds of the group now.
    ///
    /// # Errors
    /// Of kind `NotFound` where the group is not there; a knob that could not be
    /// read or understood.
    pub fn effective(&self) -> Result<Effective, Error> {
        let mut now = Effective::default();
        for controller in Controller::ALL {
            if let Some(place) = self.place_of(controller) {
                controller.read(&place, &self.host.cpus, &mut now)?;
            }
        }
        // Asked last: knobs of a group that went away meanwhile read as no limit.
        if self.exists() {
            Ok(now)
        } else {
            Err(self.not_found("read limits"))
        }
    }

    pub(crate) fn limit(&self, limits: &Limits, before: Before, spread: u32) -> Result<(), Error> {
        let setting = Setting {
            limits,
            before,
            cpus: &self.host.cpus,
            spread,
        };
        for controller in Controller::ALL {
            if let Some(place) = self.place_of(controller) {
                controller.set(&place, &setting)?;
            }
        }
        Ok(())
    }

    /// The group's directory in each hierarchy, in order.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&Hierarchy, Place)> {
        self.host
            .hierarchies
            .iter()
            .map(|hierarchy| (hierarchy, self.place(hierarchy)))
    }

    /// The group's directory in one hierarchy.
    pub(crate) fn place(&self, hierarchy: &Hierarchy) -> Place {
        Place {
            version: hierarchy.version,
            dir: self.parent_dir(hierarchy).join(&self.name),
        }
    }

    /// Where a controller's knobs for the group are, if it is on any hierarchy:
    /// those of processes where the processes are, for whoever attends the group is
    /// none of them. Their owner cannot write to them.
    pub(crate) fn place_of(&self, controller: Controller) -> Option<Place> {
        let hierarchy = self.host.find(controller)?;
        let place = self.place(hierarchy);
        let dir = if controller == Controller::Pids {
            self.members_dir(hierarchy)
        } else {
            place.dir
        };
        Some(Place { dir, ..place })
    }

    pub(crate) fn parent_dir(&self, hierarchy: &Hierarchy) -> PathBuf {
        hierarchy.mount.join(&self.parent)
    }

    /// Where the group's processes are in one hierarchy.
    pub(crate) fn members_dir(&self, hierarchy: &Hierarchy) -> PathBuf {
        let place = self.place(hierarchy);
        match hierarchy.version {
            Version::V1 => place.dir,
            Version::V2 => place.dir.join(DELEGATED),
        }
    }

    /// The same as a place whose knobs are the processes' own.
    pub(crate) fn members(&self, hierarchy: &Hierarchy) -> Place {
        Place {
            version: hierarchy.version,
            dir: self.members_dir(hierarchy),
        }
    }

    pub(crate) fn not_found(&self, verb: &str) -> Error {
        Failure::new(format!("{verb} of group {}", self.label()), Errno::NOENT).into()
    }
}
