//! Taking away by force whatever a failed or killed test has left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MntFlags, umount2};
use rustix::process::Signal;

use crate::cgroups::Cgroup;
use crate::command::Cmd;
use crate::host::Host;
use crate::tree::entries;
use crate::wait::within;
use crate::{leaks, orphans, processes, slot};

/// The file of a host's directory that its test keeps locked.
pub(crate) const ALIVE: &str = "alive";

/// How long what was killed may take to die.
const DYING: Duration = Duration::from_secs(10);

/// By what the things of one host are known.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) directory: PathBuf,
    /// Where data of VEs is kept, which a test may have put on a mount.
    pub(crate) data: PathBuf,
    pub(crate) cgroup_parent: String,
}

/// The name of a host's group.
pub(crate) fn cgroup_parent(name: &str) -> String {
    format!("veld-t-{name}")
}

impl Remains {
    pub(crate) fn of(host: &Host) -> Self {
        Self {
            directory: host.directory().to_owned(),
            data: host.data().to_owned(),
            cgroup_parent: host.cgroup_parent().to_owned(),
        }
    }
}

/// Takes away the hosts of tests that were killed: nobody locks them any more.
pub(crate) fn sweep_hosts(hosts: &Path) {
    for directory in entries(hosts) {
        let alive = directory.join(ALIVE);
        // One that has no such file yet is just being made.
        let Some(lock) = alive.exists().then(|| slot::lock(&alive)).flatten() else {
            continue;
        };
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        remove(&Remains {
            cgroup_parent: cgroup_parent(&name),
            data: directory.join("data"),
            directory,
        });
        drop(lock);
    }
}

/// Ends every process, then removes groups, mounts, loop devices and files.
/// Links and rules go with their network namespace.
pub(crate) fn remove(what: &Remains) {
    let group = Cgroup::at(&what.cgroup_parent);
    let _ = within(DYING, || {
        thaw(&group);
        let mut left = what.processes();
        left.extend(group.processes());
        left.iter()
            .for_each(|&pid| processes::signal(pid, Signal::KILL));
        orphans::reap();
        left.is_empty().then_some(())
    });
    let _ = within(DYING, || {
        for directory in group.groups().iter().rev() {
            let _ = fs::remove_dir(directory);
        }
        group.present().is_empty().then_some(())
    });
    for point in leaks::mounts(&what.directory) {
        let _ = umount2(Path::new(&point), MntFlags::MNT_DETACH);
    }
    for device in leaks::loop_devices(&what.directory) {
        let _ = Cmd::program("losetup", ["--detach", &format!("/dev/{device}")]).run();
    }
    let _ = fs::remove_dir_all(&what.directory);
}

/// A frozen process does not die.
fn thaw(group: &Cgroup) {
    for directory in group.groups() {
        for (name, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
            let file = directory.join(name);
            if file.exists() {
                let _ = fs::write(file, value);
            }
        }
    }
}
