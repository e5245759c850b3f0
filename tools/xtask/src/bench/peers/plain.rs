//! Commands that make or enter namespaces and do nothing else: the floor.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::super::sample::timed;
use super::{FIRST_ID, IDS};
use crate::run;

/// All namespaces made, /bin/true executed in them, and all ended again.
pub(crate) fn unshare_true() -> Result<Duration> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--pid", "--fork"]);
    command.args(["--net", "--uts", "--ipc", "--cgroup", "--mount-proc"]);
    command.arg("/bin/true");
    timed(|| run::output(&mut command).map(drop))
}

/// All namespaces of a process entered, and /bin/true executed in them.
pub(crate) fn nsenter(pid: u32) -> Result<Duration> {
    let mut command = Command::new("nsenter");
    command.args(["--all", "--target", &pid.to_string(), "/bin/true"]);
    timed(|| run::output(&mut command).map(drop))
}

/// /bin/true as PID 1 of a container on `root`, to its end. systemd-nspawn
/// stays in the foreground, so its start cannot be had alone.
pub(crate) fn nspawn_true(root: &Path) -> Result<Duration> {
    let mut command = Command::new("systemd-nspawn");
    command.args([
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--private-network",
    ]);
    command.arg(format!("--private-users={FIRST_ID}:{IDS}"));
    command.arg("--private-users-ownership=map");
    command.arg("-D").arg(root).arg("/bin/true");
    timed(|| run::output(&mut command).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_there_for_root() {
        if !crate::root::is_root() {
            println!("skipped: not root");
            return;
        }
        assert!(unshare_true().unwrap() > Duration::ZERO);
        assert!(nsenter(std::process::id()).unwrap() > Duration::ZERO);
    }
}
