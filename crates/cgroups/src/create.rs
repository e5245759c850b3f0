//! Making a group: its directories first, then what v1 needs before a process
//! can join, the limits, and last the delegation.
//!
//! ```text
//! make → fill (v1 cpuset) → enable (v2) → limit → delegate (v2)
//! ```
//!
//! Nothing is inside yet, so the order matters only in that the delegation is
//! last: the owner never sees a group whose limits are still to come.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

use crate::controller::Controller;
use crate::cpuset;
use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::{Hierarchy, Place, Version, words};
use crate::limits::{Before, Limits};
use crate::tree;

/// The controllers that the owner finds in its own tree on v2.
///
/// Not memory: each group of it costs the kernel memory for every mounted file
/// system of the host, so one for each `PARENT/NAME` is what a host can stand.
const DELEGATED: [Controller; 2] = [Controller::Cpu, Controller::Pids];

/// How many groups the owner can have on v2. They are kernel memory that no
/// limit of the group counts; a full distribution makes about a hundred.
const DESCENDANTS: u32 = 10_000;

/// How often a group above, removed by whoever left it last, is made again.
const ATTEMPTS: u32 = 100;

impl Group {
    /// Makes the group in every hierarchy, with its limits.
    ///
    /// `spread` says where among the host's CPUs those of a group with a limit
    /// of CPUs begin, in units of that limit; give each group another number.
    /// `owner` is the uid and gid that gets the delegated v2 group.
    ///
    /// # Errors
    /// [`Error::Unsupported`] as [`Host::check`](crate::Host::check) says; of
    /// kind `Exists` where the group is there in some hierarchy (it is left as
    /// it is: [`Group::remove`] it first); any file that could not be written.
    /// What was made is removed again.
    ///
    /// # Kernel
    /// Documentation/admin-guide/cgroup-v2.rst, "Delegation"; cgroups(7).
    pub fn create(&self, limits: &Limits, spread: u32, owner: u32) -> Result<(), Error> {
        self.host.check(limits)?;
        let mut made = Vec::new();
        let result = self
            .make_all(&mut made)
            .and_then(|()| self.furnish(limits, spread, owner));
        if result.is_err() {
            self.unmake(&made);
        }
        result
    }

    fn make_all(&self, made: &mut Vec<PathBuf>) -> Result<(), Error> {
        for (hierarchy, place) in self.places() {
            make_below(&self.parent_dir(hierarchy), &place.dir)?;
            made.push(place.dir);
            if hierarchy.version == Version::V2 {
                let delegated = self.members_dir(hierarchy);
                make(&delegated).context(|| format!("create group {}", delegated.display()))?;
                made.push(delegated);
            }
        }
        Ok(())
    }

    /// Removes what a failed creation made; that error is the one to tell.
    fn unmake(&self, made: &[PathBuf]) {
        for dir in made.iter().rev() {
            let _ = tree::remove(dir);
        }
        let _ = self.remove_parents();
    }

    /// All that a group needs once its directories are there.
    pub(crate) fn furnish(&self, limits: &Limits, spread: u32, owner: u32) -> Result<(), Error> {
        if let Some(cpuset) = self.host.find(Controller::Cpuset)
            && cpuset.version == Version::V1
        {
            cpuset::fill(&cpuset.mount, &self.place(cpuset))?;
        }
        let v2 = self.host.v2();
        if let Some(v2) = v2 {
            self.enable(v2, limits)?;
        }
        self.limit(limits, Before::Defaults, spread)?;
        if let Some(v2) = v2 {
            self.place(v2)
                .write("cgroup.max.descendants", DESCENDANTS)?;
            self.delegate(v2, owner)?;
        }
        Ok(())
    }

    /// Enables the controllers of v2 in the group, from the root down and only
    /// where one is missing, and those that are delegated below it. That of huge
    /// pages is left out where they are not limited: it costs memory in each group.
    pub(crate) fn enable(&self, v2: &Hierarchy, limits: &Limits) -> Result<(), Failure> {
        let offered = |controllers: &[Controller]| -> BTreeSet<String> {
            let names = controllers.iter().map(|controller| controller.name());
            names
                .filter(|name| v2.controllers.iter().any(|offered| offered == name))
                .map(str::to_owned)
                .collect()
        };
        let wanted: Vec<Controller> = Controller::ALL
            .into_iter()
            .filter(|controller| *controller != Controller::Hugetlb || limits.huge_pages.is_some())
            .collect();
        let wanted = offered(&wanted);
        if wanted.is_empty() {
            return Ok(());
        }
        let place = self.place(v2);
        let there = words(&place.read("cgroup.controllers")?);
        if wanted.iter().any(|name| !there.contains(name)) {
            enable_below(&v2.mount, &wanted)?;
            enable_below(&self.parent_dir(v2), &wanted)?;
        }
        let delegated = offered(&DELEGATED);
        if delegated.is_empty() {
            return Ok(());
        }
        place.write("cgroup.subtree_control", switches(delegated.iter()))
    }

    /// Gives the group in v1's hierarchy of systemd to its owner, who may then make
    /// groups below it. It has no controllers, so no limit can be passed by that.
    ///
    /// # Errors
    /// [`Error::NoNamed`] where there is no such hierarchy; any file that could
    /// not be given away.
    ///
    /// # Kernel
    /// cgroups(7), "Cgroups delegation: delegating a hierarchy to a less privileged
    /// user" of version 1.
    pub fn delegate_systemds(&self, owner: u32) -> Result<(), Error> {
        let Some(hierarchy) = self.host.systemds() else {
            return Err(Error::NoNamed);
        };
        let place = self.place(hierarchy);
        let files = ["tasks", "cgroup.procs"].map(|file| place.path(file));
        for path in [place.dir].iter().chain(&files) {
            give(path, owner).context(|| format!("give {} to uid {owner}", path.display()))?;
        }
        Ok(())
    }

    /// Gives the delegated group to its owner: the directory, so that groups can
    /// be made in it, and those of its files that move processes about. Its
    /// limits stay with host root, as the whole group above it does.
    fn delegate(&self, v2: &Hierarchy, owner: u32) -> Result<(), Failure> {
        let dir = self.members_dir(v2);
        give(&dir, owner).context(|| format!("give {} to uid {owner}", dir.display()))?;
        for file in &self.host.delegate {
            let path = dir.join(file);
            // The list has files of controllers that are not enabled here, too.
            tree::unless_gone(give(&path, owner))
                .context(|| format!("give {} to uid {owner}", path.display()))?;
        }
        Ok(())
    }
}

/// Makes the group at `dir`, and `parent` above it where that is missing.
///
/// `parent` goes with its last group, which another process may be removing
/// right now: then it is made once more.
fn make_below(parent: &Path, dir: &Path) -> Result<(), Failure> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match make(dir) {
            Err(error) if tree::is_gone(&error) && attempts < ATTEMPTS => {}
            done => return done.context(|| format!("create group {}", dir.display())),
        }
        match make(parent) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => done.context(|| format!("create group {}", parent.display()))?,
        }
    }
}

fn make(dir: &Path) -> io::Result<()> {
    fault::point("make group")?;
    Ok(rustix::fs::mkdir(dir, Mode::from_raw_mode(0o755))?)
}

fn give(path: &Path, owner: u32) -> io::Result<()> {
    fault::point("delegate group")?;
    // The kernel keeps this number for "do not change".
    if owner == u32::MAX {
        return Err(Errno::INVAL.into());
    }
    let (uid, gid) = (Uid::from_raw(owner), Gid::from_raw(owner));
    Ok(rustix::fs::chown(path, Some(uid), Some(gid))?)
}

/// Enables what of `wanted` is not enabled yet for the groups below `dir`.
fn enable_below(dir: &Path, wanted: &BTreeSet<String>) -> Result<(), Failure> {
    let place = Place {
        version: Version::V2,
        dir: dir.to_owned(),
    };
    let enabled = words(&place.read("cgroup.subtree_control")?);
    let lacking = switches(wanted.iter().filter(|name| !enabled.contains(name)));
    if lacking.is_empty() {
        return Ok(());
    }
    place.write("cgroup.subtree_control", lacking)
}

/// `+cpu +pids`.
fn switches<'a>(controllers: impl Iterator<Item = &'a String>) -> String {
    let switches: Vec<String> = controllers.map(|name| format!("+{name}")).collect();
    switches.join(" ")
}
