//! A process of the host's that serves a group, in a group of its own within it: so
//! that its CPU time is the group's, and none of what is done to the group's own
//! processes is done to it.
//!
//! ```text
//! v2   MOUNT/PARENT/NAME/shim      beside the delegated group
//! v1   MOUNT/PARENT/NAME/shim      of cpu and cpuacct alone
//! ```
//!
//! Where other controllers of v1 are, it stays in the groups of whoever started it,
//! as any process does: there it is neither frozen nor limited with the group. On v2
//! there is one tree, and it counts among the group's memory; processes are limited
//! and counted in the delegated group, where it is not.
//!
//! It goes there and away by itself, on v2 after a grace period of the kernel's.
//! Away is the root of the tree, or `PARENT/.veld` where that is none of the host's,
//! and takes no process, or is somebody else's to keep: a group that has an
//! attendant cannot be removed.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "No Internal Process Constraint";
//! cgroups(7).

use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::getpid;
use veld_sys::{Context, Failure, fault};

use crate::error::{Error, vanished};
use crate::group::Group;
use crate::hierarchy::{Hierarchy, Place, Version};

/// The name of its group.
pub(crate) const ATTENDANT: &str = "shim";
/// Where it goes on v2 if the root takes no process.
pub(crate) const AWAY: &str = ".veld";

/// The most of a share that there is: however many processes the group has, the
/// time that all of them have begins with the attendant's.
const SHARES: [(&str, u32); 2] = [("cpu.weight", 10_000), ("cpu.shares", 262_144)];

impl Group {
    /// Makes the calling process, which must have one thread, the group's attendant.
    ///
    /// # Errors
    /// Of kind `NotFound` where the group is not there; the group that could not be
    /// made or joined. The process is then in those of the hierarchies before it.
    pub fn attend(&self) -> Result<(), Error> {
        for hierarchy in self.attended() {
            let place = self.attendants_place(hierarchy);
            make(&place.dir)?;
            for (knob, most) in SHARES {
                if place.path(knob).exists() {
                    place.write(knob, most)?;
                }
            }
            join(&place)?;
        }
        Ok(())
    }

    /// Takes the calling process out of the group if it is its attendant, for whom
    /// the group could not be removed.
    ///
    /// # Errors
    /// The group that could not be joined instead.
    pub fn leave(&self) -> Result<(), Error> {
        let mine = veld_kernfs::read(Path::new("/proc/self/cgroup"))?;
        let within = format!("/{}/{ATTENDANT}", self.label());
        for hierarchy in self.attended() {
            let attends = mine
                .lines()
                .filter(|line| is_of(line, hierarchy))
                .any(|line| line.ends_with(&within));
            if attends {
                self.go_away(hierarchy)?;
            }
        }
        Ok(())
    }

    fn go_away(&self, hierarchy: &Hierarchy) -> Result<(), Failure> {
        let place = |dir: PathBuf| Place {
            version: hierarchy.version,
            dir,
        };
        // A root that somebody else keeps is nobody's place.
        if hierarchy.version == Version::V1 || !self.host.parents_stay {
            match join(&place(hierarchy.mount.clone())) {
                Err(failure) if takes_no_process(&failure) => {}
                done => return done,
            }
        }
        let away = self.parent_dir(hierarchy).join(AWAY);
        make(&away)?;
        join(&place(away))
    }

    /// Removes what attendants of groups below `PARENT` went away to, where none of
    /// them is left.
    pub(crate) fn remove_away(&self) {
        for hierarchy in self.attended() {
            if hierarchy.version == Version::V2 {
                let _ = rustix::fs::rmdir(self.parent_dir(hierarchy).join(AWAY));
            }
        }
    }

    /// The processes that attend the group, but for this one.
    pub(crate) fn attendants(&self) -> Result<Vec<i32>, Failure> {
        let me = getpid().as_raw_nonzero().get();
        let mut pids = Vec::new();
        for hierarchy in self.attended() {
            let place = self.attendants_place(hierarchy);
            let text = match place.read("cgroup.procs") {
                Err(gone) if vanished(&gone) => continue,
                text => text?,
            };
            pids.extend(text.lines().flat_map(str::parse::<i32>));
        }
        pids.retain(|pid| *pid > 0 && *pid != me);
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    fn attendants_place(&self, hierarchy: &Hierarchy) -> Place {
        let group = self.place(hierarchy);
        Place {
            version: group.version,
            dir: group.dir.join(ATTENDANT),
        }
    }

    fn attended(&self) -> impl Iterator<Item = &Hierarchy> {
        let hierarchies = self.host.hierarchies.iter();
        hierarchies.filter(|hierarchy| is_in(hierarchy))
    }
}

/// Whether attendants have groups in a hierarchy: where CPU time is shared out and
/// counted.
pub(crate) fn is_in(hierarchy: &Hierarchy) -> bool {
    let mut controllers = hierarchy.controllers.iter();
    controllers.any(|name| matches!(name.as_str(), "cpu" | "cpuacct"))
}

/// Whether a line of /proc/PID/cgroup is about a hierarchy.
///
/// # Kernel
/// cgroups(7): `NUMBER:CONTROLLER,…:PATH`, without a controller on v2.
fn is_of(line: &str, hierarchy: &Hierarchy) -> bool {
    let controllers = line.split(':').nth(1).unwrap_or_default();
    match hierarchy.version {
        Version::V2 => controllers.is_empty(),
        Version::V1 => controllers
            .split(',')
            .any(|name| hierarchy.controllers.iter().any(|here| here == name)),
    }
}

fn make(dir: &Path) -> Result<(), Failure> {
    let made = fault::point("make group").and_then(|()| {
        match rustix::fs::mkdir(dir, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    });
    made.context(|| format!("create group {}", dir.display()))
}

fn join(place: &Place) -> Result<(), Failure> {
    place.write(
        match place.version {
            Version::V1 => "tasks",
            Version::V2 => "cgroup.procs",
        },
        0,
    )
}

/// Whether the group is one that has groups with controllers and so no process.
fn takes_no_process(failure: &Failure) -> bool {
    let errno = failure.errno();
    [Errno::BUSY, Errno::OPNOTSUPP]
        .into_iter()
        .any(|refusal| errno == Some(refusal.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::plain::Plain;

    #[test]
    fn it_joins_where_cpu_time_is_counted_and_nowhere_else() {
        let cpu = Plain::new(Version::V1, &[("veld/web1/tasks", "")]);
        cpu.put("veld/web1/shim/tasks", "");
        cpu.put("veld/web1/shim/cpu.shares", "1024\n");
        cpu.put("veld/web1/shim/cgroup.procs", "7\n");
        let pids = Plain::new(Version::V1, &[("veld/web1/tasks", "")]);
        let host = Host {
            hierarchies: vec![cpu.hierarchy(&["cpu"]), pids.hierarchy(&["pids"])],
            cpus: vec![0],
            delegate: Vec::new(),
            parents_stay: false,
        };
        let group = host.group("veld", "web1");
        group.attend().unwrap();
        assert_eq!(cpu.text("veld/web1/shim/tasks"), "0");
        assert_eq!(cpu.text("veld/web1/shim/cpu.shares"), "262144");
        assert_eq!(pids.text("veld/web1/tasks"), "");
        assert_eq!(group.attendants().unwrap(), [7]);
        // The kernel says nothing of this process there: it has nothing to leave.
        group.leave().unwrap();
        assert!(!cpu.dir.path().join("tasks").exists());
    }

    #[test]
    fn a_group_of_the_owners_is_none_of_an_attendants() {
        let cpu = Plain::new(Version::V1, &[("veld/web1/cgroup.procs", "")]);
        cpu.put("veld/web1/shim/cgroup.procs", "7\n");
        let systemds = Plain::new(Version::V1, &[("veld/web1/cgroup.procs", "")]);
        systemds.put("veld/web1/shim/cgroup.procs", "8\n");
        let host = Host {
            hierarchies: vec![cpu.hierarchy(&["cpu"]), systemds.hierarchy(&[])],
            cpus: vec![0],
            delegate: Vec::new(),
            parents_stay: false,
        };
        let group = host.group("veld", "web1");
        assert_eq!(group.processes().unwrap(), [8]);
        assert_eq!(group.attendants().unwrap(), [7]);
        assert!(group.populated().unwrap());
    }

    #[test]
    fn lines_of_the_kernel_are_told_apart() {
        let plain = Plain::new(Version::V1, &[]);
        let cpu = plain.hierarchy(&["cpu", "cpuacct"]);
        assert!(is_of("4:cpu,cpuacct:/veld/web1/shim", &cpu));
        assert!(is_of("2:cpuacct:/", &cpu));
        assert!(!is_of("4:cpuset:/veld/web1/shim", &cpu));
        assert!(!is_of("0::/veld/web1/shim", &cpu));
        let plain = Plain::new(Version::V2, &[]);
        let v2 = plain.hierarchy(&["cpu"]);
        assert!(is_of("0::/veld/web1/shim", &v2));
        assert!(!is_of("4:cpu:/", &v2));
    }
}
