//! What the host pays for a container that is up and does nothing: memory of all
//! its processes and of the one that keeps it on the host (the shim, or LXC's
//! monitor), each shared page divided by how many have it, and what the kernel has
//! charged to the container's memory cgroup for itself.
//!
//! Page cache that nobody maps is not in it: it goes when memory is wanted.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::super::super::process::{self, Memory};

/// Of the container of this PID 1, in bytes.
///
/// # Errors
/// It has ended, or the host does not count memory by cgroup.
pub(super) fn of(init: u32) -> Result<u64> {
    let inside = process::beside(init);
    let keeper = process::parent(init)?;
    // A process that ends meanwhile is none of an idle container.
    let sum = inside
        .iter()
        .chain([&keeper])
        .filter_map(|pid| Memory::of(*pid).ok())
        .map(|memory| memory.proportional)
        .sum::<u64>();
    Ok(sum + kernel_memory(&inside)?)
}

/// Of the cgroup that all of these are in or below.
fn kernel_memory(pids: &[u32]) -> Result<u64> {
    let texts = pids
        .iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/cgroup")).ok());
    let groups: Vec<Group> = texts.filter_map(|text| Group::parse(&text)).collect();
    let group = Group::above(&groups).context("cannot find a memory cgroup of the container")?;
    let path = group.file();
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    group
        .value(&text)
        .with_context(|| format!("cannot read a number in {}", path.display()))
}

/// A memory cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    is_v1: bool,
    /// Below the hierarchy.
    path: PathBuf,
}

impl Group {
    /// Of /proc/PID/cgroup: a line `number:controllers:path` per hierarchy.
    fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.split_once(':')
        });
        let lines: Vec<_> = lines.collect();
        let find = |is_v1: bool, wanted: &str| {
            let mut lines = lines.iter();
            let (_, path) = lines.find(|(names, _)| names.split(',').any(|name| name == wanted))?;
            let path = Path::new(path).strip_prefix("/").ok()?.to_owned();
            Some(Self { is_v1, path })
        };
        find(true, "memory").or_else(|| find(false, ""))
    }

    /// The one that has all of these below it; none where that is the root.
    fn above(groups: &[Self]) -> Option<Self> {
        let first = groups.first()?;
        let path = first
            .path
            .ancestors()
            .find(|candidate| groups.iter().all(|group| group.path.starts_with(candidate)))?;
        let is_root = path.as_os_str().is_empty();
        (!is_root).then(|| Self {
            is_v1: first.is_v1,
            path: path.to_owned(),
        })
    }

    fn file(&self) -> PathBuf {
        let top = Path::new("/sys/fs/cgroup");
        if self.is_v1 {
            let group = top.join("memory").join(&self.path);
            return group.join("memory.kmem.usage_in_bytes");
        }
        top.join(&self.path).join("memory.stat")
    }

    fn value(&self, text: &str) -> Option<u64> {
        let number = if self.is_v1 {
            text
        } else {
            text.lines().find_map(|line| line.strip_prefix("kernel "))?
        };
        number.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(path: &str) -> Group {
        Group::parse(&format!("9:name=systemd:/x\n4:memory:/{path}\n0::/y\n")).unwrap()
    }

    #[test]
    fn the_group_of_a_container_is_above_those_of_its_services() {
        let groups = ["lxc/a/init.scope", "lxc/a/system.slice/cron", "lxc/a"].map(group);
        assert_eq!(Group::above(&groups), Some(group("lxc/a")));
        assert_eq!(Group::above(&groups[..1]), Some(group("lxc/a/init.scope")));
        assert_eq!(Group::above(&["a", "b"].map(group)), None);
        assert_eq!(Group::above(&[]), None);
    }

    #[test]
    fn each_version_has_its_file() {
        let v1 = group("a");
        assert!(v1.file().ends_with("memory/a/memory.kmem.usage_in_bytes"));
        assert_eq!(v1.value("4096\n"), Some(4096));
        let v2 = Group::parse("0::/a/b\n").unwrap();
        assert_eq!(v2.file(), Path::new("/sys/fs/cgroup/a/b/memory.stat"));
        assert_eq!(
            v2.value("anon 1\nkernel 8192\nkernel_stack 2\n"),
            Some(8192)
        );
    }
}
