//! The way into a group for a process that enters by itself.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use veld_sys::{Context, Failure, fault};

use crate::error::{Error, vanished};
use crate::group::Group;

/// An open way into a group; it needs no path and no privilege of whoever uses it.
///
/// The descriptors are close-on-exec. They were opened by host root, and the
/// kernel asks who opened them, so a process that is in another user namespace
/// already can still use them.
#[derive(Debug)]
pub struct Entry {
    v2: Option<OwnedFd>,
    v1: Vec<(PathBuf, File)>,
}

/// The group of [`Entry::side_v2`].
const SIDE: &str = ".veld";

impl Group {
    /// Opens the way into the group.
    ///
    /// # Errors
    /// Of kind `NotFound` where the group is not there, and the path; a hierarchy
    /// without a controller is passed over then.
    pub fn entry(&self) -> Result<Entry, Error> {
        let v2 = match self.host.v2() {
            Some(v2) => Some(open(self.members_dir(v2), OFlags::PATH | OFlags::DIRECTORY)?.1),
            None => None,
        };
        let v1 = self
            .host
            .v1()
            .filter_map(|hierarchy| {
                match open(self.place(hierarchy).path("tasks"), OFlags::WRONLY) {
                    // It was mounted after the group was made, and limits nothing.
                    Err(gone) if vanished(&gone) && hierarchy.controllers.is_empty() => None,
                    opened => Some(opened.map(|(path, tasks)| (path, File::from(tasks)))),
                }
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Entry { v2, v1 })
    }
}

fn open(path: PathBuf, flags: OFlags) -> Result<(PathBuf, OwnedFd), Failure> {
    let opened = rustix::fs::open(&path, flags | OFlags::CLOEXEC, Mode::empty())
        .context(|| format!("open group {}", path.display()))?;
    Ok((path, opened))
}

impl Entry {
    /// The delegated v2 group, for a clone into it; `None` on a host without v2.
    ///
    /// # Kernel
    /// clone3(2) with `CLONE_INTO_CGROUP`, Linux 5.7.
    #[must_use]
    pub fn v2(&self) -> Option<BorrowedFd<'_>> {
        self.v2.as_ref().map(AsFd::as_fd)
    }

    /// All that is open, for a process that closes what it does not need.
    #[must_use]
    pub fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let v1 = self.v1.iter().map(|(_, tasks)| tasks.as_fd());
        self.v2().into_iter().chain(v1).collect()
    }

    /// A v2 group inside the delegated one, made where it is missing: for a
    /// process that comes late, when the guest has handed controllers down and
    /// the delegated group itself may have no process any more.
    ///
    /// The guest can do to it what it likes; it cannot raise its own limits by
    /// that, which are one group above.
    ///
    /// # Errors
    /// Those of mkdir(2) and open(2).
    ///
    /// # Kernel
    /// cgroups(7), "The no internal processes rule".
    pub fn side_v2(&self) -> Result<Option<OwnedFd>, Failure> {
        let Some(v2) = &self.v2 else {
            return Ok(None);
        };
        let make = || -> std::io::Result<OwnedFd> {
            fault::point("make side group")?;
            match rustix::fs::mkdirat(v2, SIDE, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(rustix::fs::openat(v2, SIDE, flags, Mode::empty())?)
        };
        make().map(Some).context(|| format!("make group {SIDE}"))
    }

    /// Puts the calling process into the group of every v1 hierarchy.
    ///
    /// It must have one thread: only the calling one goes. A process that writes
    /// itself, as `0`, waits for no grace period, so all hierarchies take less
    /// than a millisecond.
    ///
    /// # Errors
    /// Names the file; the process is then in the groups of the hierarchies
    /// before it.
    ///
    /// # Kernel
    /// cgroups(7), "Creating cgroups and moving processes" of version 1.
    pub fn join_v1(&self) -> Result<(), Failure> {
        for (path, tasks) in &self.v1 {
            fault::point("join group")
                .and_then(|()| (&mut &*tasks).write_all(b"0"))
                .context(|| format!("join {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorKind;
    use crate::hierarchy::Version;
    use crate::host::Host;
    use crate::plain::Plain;

    #[test]
    fn a_hierarchy_that_came_later_and_limits_nothing_is_passed_over() {
        let pids = Plain::new(Version::V1, &[("veld/web1/tasks", "")]);
        let named = Plain::new(Version::V1, &[]);
        let mut host = Host {
            hierarchies: vec![pids.hierarchy(&["pids"]), named.hierarchy(&[])],
            cpus: vec![0],
            delegate: Vec::new(),
            parents_stay: false,
        };
        let entry = host.group("veld", "web1").entry().unwrap();
        assert_eq!(entry.descriptors().len(), 1);
        let memory = Plain::new(Version::V1, &[]);
        host.hierarchies.push(memory.hierarchy(&["memory"]));
        let missing = host.group("veld", "web1").entry().unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
