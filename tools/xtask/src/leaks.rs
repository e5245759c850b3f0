//! What Veld may leave on a host, seen from outside, before and after.
//!
//! This is the oracle of "every step undoes": it asks the kernel, never Veld.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use veld_kernfs::mountinfo;

use crate::run;

/// What there is of a host at one time, a line for each thing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    things: BTreeSet<String>,
}

/// How all that is Veld's is named.
const OURS: &str = "veld";

/// How long what has ended may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// This program, and what cargo runs it as.
const NOT_LEAKED: &[&str] = &["veld-xtask"];

impl Snapshot {
    /// What there is now. What cannot be read is not there: a host without
    /// nftables has no table.
    pub(crate) fn take() -> Self {
        let mut things = BTreeSet::new();
        things.extend(mounts());
        things.extend(cgroups(Path::new("/sys/fs/cgroup")));
        things.extend(named("link", Path::new("/sys/class/net")));
        things.extend(named("run directory", Path::new("/run")));
        things.extend(named("temporary file", Path::new("/tmp")));
        things.extend(nft_tables());
        things.extend(loop_devices());
        things.extend(processes());
        Self { things }
    }

    /// Compares what there is now with what there was, and again for a while
    /// where it differs: the kernel takes links and namespaces away, and PID 1
    /// of a host its orphans, only after their last process has ended.
    ///
    /// # Errors
    /// Lists what is there and was not, and what was and is not.
    pub(crate) fn must_hold_again(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = Self::take();
            if now == *self || Instant::now() >= deadline {
                return now.must_equal(self);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn must_equal(&self, before: &Self) -> Result<()> {
        let left = self.things.difference(&before.things);
        let gone = before.things.difference(&self.things);
        let differences: Vec<String> = left
            .map(|thing| format!("left behind: {thing}"))
            .chain(gone.map(|thing| format!("gone: {thing}")))
            .collect();
        if differences.is_empty() {
            println!("   this host is as it was before");
            return Ok(());
        }
        for difference in &differences {
            println!("   {difference}");
        }
        bail!("this host is not as it was: {}", differences.join(", "))
    }
}

fn mounts() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mountinfo::parse(&table)
        .iter()
        .map(|mount| format!("mount {} ({})", mount.mount_point.display(), mount.fs_type))
        .collect()
}

/// The groups of ours in every hierarchy, however deep; what is below one of
/// them is part of it.
fn cgroups(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for path in entries(directory) {
        // A link, as /sys/fs/cgroup/cpu is on many hosts, is another's name.
        if path.is_symlink() || !path.is_dir() {
            continue;
        }
        if is_ours(&path) {
            found.push(format!("cgroup {}", path.display()));
        } else {
            found.extend(cgroups(&path));
        }
    }
    found
}

fn named(kind: &str, directory: &Path) -> Vec<String> {
    entries(directory)
        .iter()
        .filter(|path| is_ours(path))
        .map(|path| format!("{kind} {}", path.display()))
        .collect()
}

fn nft_tables() -> Vec<String> {
    let list = run::output(Command::new("nft").args(["list", "tables"])).unwrap_or_default();
    list.lines()
        .filter(|line| line.contains(OURS))
        .map(|line| format!("nft {line}"))
        .collect()
}

fn loop_devices() -> Vec<String> {
    entries(Path::new("/sys/block"))
        .iter()
        .filter_map(|device| {
            let file = fs::read_to_string(device.join("loop/backing_file")).ok()?;
            Some(format!("{} of {}", device.display(), file.trim_end()))
        })
        .collect()
}

/// With the pid: a process of before that another replaced is a difference too.
fn processes() -> Vec<String> {
    entries(Path::new("/proc"))
        .iter()
        .filter_map(|process| {
            let name = fs::read_to_string(process.join("comm")).ok()?;
            let name = name.trim_end();
            let ours = name.starts_with(OURS) && !NOT_LEAKED.contains(&name);
            ours.then(|| format!("process {name} ({})", process.display()))
        })
        .collect()
}

fn is_ours(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with(OURS))
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(things: &[&str]) -> Snapshot {
        Snapshot {
            things: things.iter().map(|thing| (*thing).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_left_and_what_is_gone_are_both_listed() {
        let before = snapshot(&["mount /a (tmpfs)", "link b"]);
        let after = snapshot(&["link b", "nft table inet veld"]);
        assert_eq!(
            after.must_equal(&before).unwrap_err().to_string(),
            "this host is not as it was: left behind: nft table inet veld, gone: mount /a (tmpfs)"
        );
        before.must_equal(&before.clone()).unwrap();
    }

    #[test]
    fn groups_are_found_at_any_depth_once() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("memory/user/veld-tests/one/veld")).unwrap();
        let found = cgroups(directory.path());
        let path = directory.path().join("memory/user/veld-tests");
        assert_eq!(found, [format!("cgroup {}", path.display())]);
    }

    #[test]
    fn a_snapshot_sees_the_root_of_this_host() {
        let snapshot = Snapshot::take();
        assert!(
            snapshot
                .things
                .iter()
                .any(|thing| thing.starts_with("mount / ("))
        );
    }
}
