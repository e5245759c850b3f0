//! Memory: what is charged to the group, and what it is.

use super::files::{Files, keyed};
use crate::memory::V1_UNLIMITED;

/// Memory in use, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUsage {
    /// All that is charged, page cache included.
    pub used: Option<u64>,
    /// How much may be; none where that is not limited. On v1 a limit of a group
    /// above counts, if it is less.
    pub limit: Option<u64>,
    /// Memory of programs that no file is behind.
    pub anon: Option<u64>,
    /// Page cache, and files in tmpfs.
    pub file: Option<u64>,
    /// Files in tmpfs, and shared memory: a part of `file`.
    pub shmem: Option<u64>,
    /// The kernel's own, for the group.
    pub kernel: Option<u64>,
    /// Buffers of sockets; v1 counts those of TCP, and beside `used`.
    pub sock: Option<u64>,
    /// Swap space.
    pub swap: Option<u64>,
    /// How many processes the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
}

/// What of memory.stat is the kernel's, before Linux 5.18 had a line for it.
const KERNEL: [&str; 4] = ["kernel_stack", "pagetables", "percpu", "slab"];

pub(super) fn read_v2(files: &mut Files<'_>, memory: &mut MemoryUsage) {
    memory.used = files.number("memory.current");
    memory.limit = files.number("memory.max");
    memory.swap = files.number("memory.swap.current");
    if let Some(text) = files.text("memory.stat") {
        memory.anon = keyed(text, "anon");
        memory.file = keyed(text, "file");
        memory.shmem = keyed(text, "shmem");
        memory.sock = keyed(text, "sock");
        let parts = KERNEL.iter().filter_map(|key| keyed(text, key));
        memory.kernel = keyed(text, "kernel").or_else(|| parts.reduce(u64::saturating_add));
    }
    if let Some(text) = files.text("memory.events") {
        memory.oom_kills = keyed(text, "oom_kill");
    }
}

pub(super) fn read_v1(files: &mut Files<'_>, memory: &mut MemoryUsage) {
    memory.used = files.number("memory.usage_in_bytes");
    memory.kernel = files.number("memory.kmem.usage_in_bytes");
    memory.sock = files.number("memory.kmem.tcp.usage_in_bytes");
    if let Some(text) = files.text("memory.stat") {
        memory.anon = keyed(text, "total_rss");
        memory.file = keyed(text, "total_cache");
        memory.shmem = keyed(text, "total_shmem");
        memory.swap = keyed(text, "total_swap");
        let limit = keyed(text, "hierarchical_memory_limit");
        memory.limit = limit.filter(|limit| *limit < V1_UNLIMITED);
    }
    if let Some(text) = files.text("memory.oom_control") {
        memory.oom_kills = keyed(text, "oom_kill");
    }
}
