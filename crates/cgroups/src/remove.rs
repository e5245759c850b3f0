//! Removing a group: it waits for the last process, gives back what memory is
//! still charged, and takes away whole subtrees.
//!
//! ```text
//! wait until empty → empty memory → remove from each hierarchy → remove PARENT
//! ```
//!
//! As long as a process is left nothing is removed, so it is still limited and
//! can still be killed by the group's name.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

use crate::controller::Controller;
use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::{Hierarchy, Version};
use crate::memory;
use crate::tree;

/// How long an attendant may take to leave a group without processes.
const ATTENDANCE: Duration = Duration::from_secs(1);

impl Group {
    /// Removes the group from every hierarchy, with all groups below it, and
    /// `PARENT` where no other group is in it. What is gone already is fine.
    ///
    /// It kills none of its processes: one that is just dying is waited for until
    /// `patience` is over. The caller leaves the group, should it be its attendant;
    /// another that stays for a second is killed.
    ///
    /// # Errors
    /// [`Error::Busy`] with the processes that are still there, and nothing
    /// removed; a directory that could not be removed. The call can be made again.
    ///
    /// # Kernel
    /// memory.force_empty of v1; memory.reclaim of v2, Linux 5.19.
    pub fn remove(&self, patience: Duration) -> Result<(), Error> {
        self.leave()?;
        let mut wait = Wait::new(patience);
        while self.populated()? {
            self.pause(&mut wait)?;
        }
        if let Some(place) = self.place_of(Controller::Memory) {
            memory::empty(&place);
        }
        for (_, place) in self.places() {
            loop {
                match tree::remove(&place.dir) {
                    // A process that is no longer listed may hold it for a moment.
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        self.pause(&mut wait)?;
                        self.end_attendance(&wait)?;
                    }
                    done => {
                        break done.context(|| format!("remove group {}", place.dir.display()))?;
                    }
                }
            }
        }
        self.withdraw()?;
        self.remove_parents()?;
        Ok(())
    }

    /// An attendant is about to leave, now that the group is empty. One that cannot,
    /// as it was stopped, is of no use to anybody.
    fn end_attendance(&self, wait: &Wait) -> Result<(), Error> {
        if wait.begun.elapsed() < ATTENDANCE {
            return Ok(());
        }
        self.kill_attendants()
    }

    fn pause(&self, wait: &mut Wait) -> Result<(), Error> {
        if wait.pause() {
            return Ok(());
        }
        Err(Error::Busy {
            group: self.label(),
            pids: [self.processes()?, self.attendants()?].concat(),
            waited: wait.begun.elapsed(),
        })
    }

    /// Removes `PARENT` from each hierarchy where no group is in it and it is nobody
    /// else's: the last of what [`Group::remove`] does, for one that was ended before
    /// it came to that.
    ///
    /// # Errors
    /// A directory that is empty and could not be removed.
    pub fn remove_parents(&self) -> Result<(), Failure> {
        let stays =
            |hierarchy: &Hierarchy| self.host.parents_stay && hierarchy.version == Version::V2;
        if !self.host.parents_stay {
            self.remove_away();
        }
        for hierarchy in &self.host.hierarchies {
            if stays(hierarchy) {
                continue;
            }
            let dir = self.parent_dir(hierarchy);
            remove_if_empty(&dir).context(|| format!("remove group {}", dir.display()))?;
        }
        Ok(())
    }
}

fn remove_if_empty(dir: &Path) -> io::Result<()> {
    fault::point("remove parent group")?;
    match rustix::fs::rmdir(dir) {
        Ok(()) | Err(Errno::BUSY | Errno::NOTEMPTY | Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// A wait that looks often at first, and then less so, until it is over.
pub(crate) struct Wait {
    begun: Instant,
    patience: Duration,
    next: Duration,
}

impl Wait {
    const FIRST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(20);

    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            begun: Instant::now(),
            patience,
            next: Self::FIRST,
        }
    }

    /// Sleeps for the next pause; false, at once, when the patience is over.
    pub(crate) fn pause(&mut self) -> bool {
        let left = self.patience.saturating_sub(self.begun.elapsed());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(self.next.min(left));
        self.next = (self.next * 2).min(Self::LONGEST);
        true
    }
}
