//! Memory of a process, as the kernel counts it, and finding one by its program.

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
        })
    }
}

/// The processes that execute `program`.
pub(super) fn executing(program: &Path) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_memory_is_the_sum_of_clean_and_dirty() {
        let rollup = "5600-7fff ---p 0 00:00 0 [rollup]\nRss:                 120 kB\n\
                      Shared_Clean:         60 kB\nPrivate_Clean:         8 kB\n\
                      Private_Dirty:        48 kB\n";
        let memory = Memory::parse(rollup).unwrap();
        assert_eq!(memory.private, 56 * 1024);
        assert_eq!(memory.resident, 120 * 1024);
        assert_eq!(Memory::parse("Rss: 1 kB\n"), None);
    }

    #[test]
    fn this_process_executes_its_program_and_has_memory() {
        let program = std::env::current_exe().unwrap();
        assert!(executing(&program).contains(&std::process::id()));
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.private > 0 && memory.private <= memory.resident);
    }
}
