//! Who is in a group.

use std::collections::BTreeSet;
use std::io;

use rustix::io::Errno;
use veld_kernfs::keyed;
use veld_sys::{Context, Failure};

use crate::attendant::{self, ATTENDANT};
use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::{Hierarchy, Version};
use crate::tree;

const PROCS: &str = "cgroup.procs";

impl Group {
    /// Whether any process is in the group or below it; not in one that is gone. An
    /// attendant is none of the group's processes, here and below.
    ///
    /// # Errors
    /// A file that could not be read.
    ///
    /// # Kernel
    /// cgroup.events of v2, Linux 4.2.
    pub fn populated(&self) -> Result<bool, Error> {
        if let Some(v2) = self.host.v2()
            && let Some(events) = self.members(v2).read_if_there("cgroup.events")?
            && keyed(&events, "populated") == Some("1")
        {
            return Ok(true);
        }
        // A process on its way in is in v1 groups before or after v2's.
        for hierarchy in self.host.v1() {
            if !self.in_hierarchy(hierarchy)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every process in the group or below it, in any hierarchy, once and in
    /// order; numbered as in the caller's pid namespace, and only those it can
    /// see. None where the group is gone.
    ///
    /// # Errors
    /// A file that could not be read.
    pub fn processes(&self) -> Result<Vec<i32>, Error> {
        let mut all = BTreeSet::new();
        for hierarchy in &self.host.hierarchies {
            all.extend(self.in_hierarchy(hierarchy)?);
        }
        Ok(all.into_iter().collect())
    }

    fn in_hierarchy(&self, hierarchy: &Hierarchy) -> Result<BTreeSet<i32>, Failure> {
        let mut pids = BTreeSet::new();
        let dir = self.members_dir(hierarchy);
        // Elsewhere a group of that name is one that the owner has made.
        let except =
            (hierarchy.version == Version::V1 && attendant::is_in(hierarchy)).then_some(ATTENDANT);
        tree::visit_except(&dir, except, &mut |group| {
            match tree::read_at(group, PROCS) {
                // 0 stands for a process outside the reader's pid namespace.
                Ok(text) => pids.extend(
                    text.lines()
                        .flat_map(str::parse::<i32>)
                        .filter(|pid| *pid > 0),
                ),
                Err(error) if tree::is_gone(&error) => {}
                // Of threaded groups the group at their root lists the processes.
                Err(error) if hierarchy.version == Version::V2 && is_threaded(&error) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        })
        .context(|| format!("read processes in {}", dir.display()))?;
        Ok(pids)
    }
}

fn is_threaded(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error())
}
