//! Which file of the kernel holds which limit: the one table that checks,
//! messages and the list of parameters are made from.

use crate::hierarchy::Version;

/// A limit of a group, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::memory`](crate::Limits::memory).
    Memory,
    /// [`Limits::memory_min`](crate::Limits::memory_min).
    MemoryMin,
    /// [`Limits::memory_low`](crate::Limits::memory_low).
    MemoryLow,
    /// [`Limits::memory_high`](crate::Limits::memory_high).
    MemoryHigh,
    /// [`Limits::swap`](crate::Limits::swap).
    Swap,
    /// [`Limits::swap_high`](crate::Limits::swap_high).
    SwapHigh,
    /// [`Limits::cpu_units`](crate::Limits::cpu_units).
    CpuUnits,
    /// [`Limits::cpu_quota_percent`](crate::Limits::cpu_quota_percent).
    CpuQuota,
    /// [`Limits::cpus`](crate::Limits::cpus).
    Cpus,
    /// [`Limits::cpu_list`](crate::Limits::cpu_list).
    CpuList,
    /// [`Limits::processes`](crate::Limits::processes).
    Processes,
    /// [`Limits::io_weight`](crate::Limits::io_weight).
    IoWeight,
    /// [`Limits::io_bytes`](crate::Limits::io_bytes).
    IoBytes,
    /// [`Limits::io_operations`](crate::Limits::io_operations).
    IoOperations,
    /// [`Limits::huge_pages`](crate::Limits::huge_pages).
    HugePages,
}

/// The files that hold a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    /// Of cgroup v2.
    pub v2: &'static str,
    /// Of cgroup v1, or why it has none.
    pub v1: Result<&'static str, &'static str>,
}

impl Limit {
    /// The name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Limit::Memory => "memory",
            Limit::MemoryMin => "guaranteed memory",
            Limit::MemoryLow => "protected memory",
            Limit::MemoryHigh => "high memory",
            Limit::Swap => "swap",
            Limit::SwapHigh => "high swap",
            Limit::CpuUnits => "CPU units",
            Limit::CpuQuota => "CPU quota",
            Limit::Cpus => "CPUs",
            Limit::CpuList => "CPU list",
            Limit::Processes => "processes",
            Limit::IoWeight => "I/O weight",
            Limit::IoBytes => "I/O rate",
            Limit::IoOperations => "I/O operations",
            Limit::HugePages => "huge pages",
        }
    }

    /// Where it is held.
    #[must_use]
    pub const fn files(self) -> Files {
        let (v2, v1) = match self {
            Limit::Memory => ("memory.max", Ok("memory.limit_in_bytes")),
            Limit::MemoryMin => ("memory.min", Err("it reclaims from every group alike")),
            Limit::MemoryLow => ("memory.low", Ok("memory.soft_limit_in_bytes")),
            Limit::MemoryHigh => ("memory.high", Err("it does not slow a group down")),
            // Less the memory.
            Limit::Swap => ("memory.swap.max", Ok("memory.memsw.limit_in_bytes")),
            Limit::SwapHigh => ("memory.swap.high", Err("it does not slow a group down")),
            Limit::CpuUnits => ("cpu.weight", Ok("cpu.shares")),
            Limit::CpuQuota => ("cpu.max", Ok("cpu.cfs_quota_us")),
            Limit::Cpus | Limit::CpuList => ("cpuset.cpus", Ok("cpuset.cpus")),
            Limit::Processes => ("pids.max", Ok("pids.max")),
            Limit::IoWeight => ("io.weight", Ok("blkio.bfq.weight")),
            Limit::IoBytes => ("io.max", Ok("blkio.throttle.*_bps_device")),
            Limit::IoOperations => ("io.max", Ok("blkio.throttle.*_iops_device")),
            Limit::HugePages => ("hugetlb.*.max", Ok("hugetlb.*.limit_in_bytes")),
        };
        Files { v2, v1 }
    }

    /// The file of one version, where it has one.
    pub(crate) const fn file(self, version: Version) -> Option<&'static str> {
        let Files { v2, v1 } = self.files();
        match (version, v1) {
            (Version::V2, _) => Some(v2),
            (Version::V1, Ok(v1)) => Some(v1),
            (Version::V1, Err(_)) => None,
        }
    }
}
