//! Memory of a process, as the kernel counts it, and finding processes: by their
//! program, their parent or their pid namespace.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What of a process's memory is its alone, and what of it is in memory at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// Pages that no other process has, in bytes.
    pub(super) private: u64,
    /// All pages, shared ones too, in bytes.
    pub(super) resident: u64,
    /// The same, each shared page divided by how many have it.
    pub(super) proportional: u64,
}

impl Memory {
    /// Of a process now.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Self::parse(&text).with_context(|| format!("cannot read the sums of {path}"))
    }

    fn parse(rollup: &str) -> Option<Self> {
        let field = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
            Some(kibibytes * 1024)
        };
        Some(Self {
            private: field("Private_Clean:")? + field("Private_Dirty:")?,
            resident: field("Rss:")?,
            proportional: field("Pss:")?,
        })
    }
}

/// The processes that execute `program`.
pub(super) fn executing(program: &Path) -> Vec<u32> {
    linking("exe", program)
}

/// The processes in the pid namespace of this one.
pub(super) fn beside(pid: u32) -> Vec<u32> {
    let namespace = fs::read_link(format!("/proc/{pid}/ns/pid"));
    namespace.map_or_else(|_| Vec::new(), |namespace| linking("ns/pid", &namespace))
}

/// The processes whose link `name` in /proc leads to `target`.
fn linking(name: &str, target: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join(name)).is_ok_and(|link| link == target))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The children of the first thread of a process: cheap, unlike a walk of /proc.
pub(super) fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// What the kernel calls a process; nothing where it has ended.
pub(super) fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

/// The parent of a process.
pub(super) fn parent(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok())
        .with_context(|| format!("cannot find a parent in {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_is_the_sum_of_clean_and_dirty() {
        let rollup = "5600-7fff ---p 0 00:00 0 [rollup]\nRss:                 120 kB\n\
                      Pss:                  70 kB\nShared_Clean:         60 kB\nPrivate_Clean:         8 kB\n\
                      Private_Dirty:        48 kB\n";
        let memory = Memory::parse(rollup).unwrap();
        assert_eq!(memory.private, 56 * 1024);
        assert_eq!(memory.resident, 120 * 1024);
        assert_eq!(memory.proportional, 70 * 1024);
        assert_eq!(Memory::parse("Rss: 1 kB\n"), None);
    }

    #[test]
    fn this_process_executes_its_program_and_has_memory() {
        let program = std::env::current_exe().unwrap();
        assert!(executing(&program).contains(&std::process::id()));
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.private > 0 && memory.private <= memory.resident);
    }

    #[test]
    fn a_child_is_beside_its_parent_and_has_a_name() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let me = std::process::id();
        assert_eq!(parent(child.id()).unwrap(), me);
        assert!(beside(me).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(name(child.id()), "");
        assert_eq!(children(child.id()), [0; 0]);
    }
}
