//! A group that stands still, and runs on.
//!
//! ```text
//! freeze ──> on the way ──all stand still──> frozen
//!   runs <──────────────── unfreeze ────────────┘
//! ```
//!
//! Frozen is the group that the processes are in, not `PARENT/NAME` above it on v2,
//! which somebody may freeze by hand all the same: [`Group::unfreeze`] undoes either.
//! Groups below may be frozen by their owner as well: that leaves those as they are,
//! [`Group::thaw`] does not.

use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use veld_sys::Failure;

use crate::error::Error;
use crate::freezer::{self, Freezing};
use crate::group::Group;
use crate::hierarchy::Hierarchy;
use crate::remove::Wait;

impl Group {
    /// Freezes all processes of the group and below it; how far they are when all
    /// stand still or `patience` is over. Whoever is not content with that calls
    /// [`unfreeze`](Self::unfreeze).
    ///
    /// One freezer is enough: that of v2 where there is one, since what it froze can
    /// still be killed.
    ///
    /// # Errors
    /// Of kind `NotFound` where the group is not there, or the host cannot freeze.
    ///
    /// # Kernel
    /// cgroup.freeze of v2, Linux 5.2; freezer.state of v1. A process stands still
    /// when it next leaves the kernel, and one that cannot leave it keeps its group
    /// from being frozen.
    pub fn freeze(&self, patience: Duration) -> Result<Freezing, Error> {
        let mut dirs = self.member_dirs();
        // v2 is the last of them.
        dirs.reverse();
        let switches = dirs
            .iter()
            .find_map(|(hierarchy, dir)| Some((*hierarchy, dir, freezer::switch(hierarchy, dir)?)));
        let Some((hierarchy, dir, (path, word))) = switches else {
            let what = format!("find a freezer for group {}", self.label());
            return Err(Failure::new(what, Errno::NOENT).into());
        };
        veld_kernfs::write(&path, word)?;
        let mut wait = Wait::new(patience);
        loop {
            match freezer::state(hierarchy, dir) {
                Freezing::Frozen => return Ok(Freezing::Frozen),
                state if !wait.pause() => return Ok(state),
                Freezing::OnTheWay | Freezing::No => {}
            }
        }
    }

    /// Lets the group run on, and those below it that are not frozen by themselves.
    ///
    /// # Errors
    /// Names the file; a group that is gone is fine.
    pub fn unfreeze(&self) -> Result<(), Error> {
        for (hierarchy, place) in self.places() {
            freezer::thaw_alone(hierarchy, &place.dir)?;
        }
        match self.host.v2() {
            Some(v2) => Ok(freezer::thaw_alone(v2, &self.members_dir(v2))?),
            None => Ok(()),
        }
    }

    /// Lets every group of the whole subtree run, whoever froze it.
    ///
    /// # Errors
    /// Names the group; one that is gone is fine.
    pub fn thaw(&self) -> Result<(), Error> {
        for (hierarchy, place) in self.places() {
            freezer::thaw(hierarchy, &place)?;
        }
        Ok(())
    }

    /// Whether its processes run before `patience` is over: those of a group above
    /// which is frozen do not.
    #[must_use]
    pub fn thaws(&self, patience: Duration) -> bool {
        let mut wait = Wait::new(patience);
        while self.is_frozen() {
            if !wait.pause() {
                return false;
            }
        }
        true
    }

    /// How far the group is, by whichever freezer and whoever told it.
    #[must_use]
    pub fn freezing(&self) -> Freezing {
        let dirs = self.member_dirs();
        let states: Vec<Freezing> = dirs
            .iter()
            .map(|(hierarchy, dir)| freezer::state(hierarchy, dir))
            .collect();
        // Who stands still by one freezer stands still.
        [Freezing::Frozen, Freezing::OnTheWay]
            .into_iter()
            .find(|state| states.contains(state))
            .unwrap_or(Freezing::No)
    }

    /// Whether processes that join the group are frozen; those in groups below it
    /// may be even where it is not.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.freezing() != Freezing::No
    }

    fn member_dirs(&self) -> Vec<(&Hierarchy, PathBuf)> {
        let hierarchies = self.host.hierarchies.iter();
        hierarchies
            .map(|hierarchy| (hierarchy, self.members_dir(hierarchy)))
            .collect()
    }
}
