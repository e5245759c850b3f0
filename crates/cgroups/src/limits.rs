//! The limits of a group as they are asked for, and as the kernel holds them.

/// A block device by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Its driver.
    pub major: u32,
    /// Which of the driver's.
    pub minor: u32,
}

/// What a group may use; `None` is no limit.
///
/// Which of them a host can enforce, [`Host::check`](crate::Host::check) says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory and page cache, in bytes; the kernel rounds down to whole pages.
    pub memory: Option<u64>,
    /// Memory that is never reclaimed from the group, in bytes. It is not set
    /// with the others but promised: see [`Group::promise`](crate::Group::promise).
    pub memory_min: Option<u64>,
    /// Memory that is reclaimed from the group last, in bytes.
    pub memory_low: Option<u64>,
    /// Memory above which the group is slowed down and reclaimed from, in bytes.
    pub memory_high: Option<u64>,
    /// Swap, in bytes, beside the memory and not counting it.
    pub swap: Option<u64>,
    /// Swap above which the group is slowed down, in bytes.
    pub swap_high: Option<u64>,
    /// Share of the CPUs while they are contended; 1000 is a group's normal
    /// share, 2000 twice that. From 10 to 100,000.
    pub cpu_units: Option<u64>,
    /// CPU time at most, in per cent of one CPU: 150 is one and a half.
    pub cpu_quota_percent: Option<u32>,
    /// How many CPUs its processes can run on, and count.
    pub cpus: Option<u32>,
    /// The CPUs that these are taken from, by number; those of the host unless given.
    pub cpu_list: Option<Vec<u32>>,
    /// Processes and threads at most.
    pub processes: Option<u64>,
    /// Share of a disk while it is contended; 100 is a group's normal share.
    /// From 1 to 1000.
    pub io_weight: Option<u32>,
    /// Bytes a second that are read from each of `io_devices`, and as many written.
    pub io_bytes: Option<u64>,
    /// Operations a second, likewise.
    pub io_operations: Option<u64>,
    /// Which devices these two limits are for: whole ones, not partitions.
    pub io_devices: Vec<Device>,
    /// Huge pages of each size that the machine has, in bytes.
    pub huge_pages: Option<u64>,
}

/// What the kernel holds of a group now.
///
/// A limit of `None` is none, or one that no controller here could enforce.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effective {
    /// Memory limit, in bytes.
    pub memory: Option<u64>,
    /// Guaranteed memory, in bytes.
    pub memory_min: Option<u64>,
    /// Protected memory, in bytes.
    pub memory_low: Option<u64>,
    /// Memory above which it is slowed down, in bytes.
    pub memory_high: Option<u64>,
    /// Swap limit, in bytes.
    pub swap: Option<u64>,
    /// Swap above which it is slowed down, in bytes.
    pub swap_high: Option<u64>,
    /// CPU share, 1000 being the normal one; rounded to what the kernel counts in.
    pub cpu_units: Option<u64>,
    /// CPU time limit, in per cent of one CPU.
    pub cpu_quota_percent: Option<u32>,
    /// CPUs it can run on; `None` where that is all of the host's.
    pub cpus: Option<u32>,
    /// The numbers of those.
    pub cpu_list: Option<Vec<u32>>,
    /// Limit of processes and threads.
    pub processes: Option<u64>,
    /// Share of a disk, 100 being the normal one.
    pub io_weight: Option<u32>,
    /// The least limit of bytes a second of any device.
    pub io_bytes: Option<u64>,
    /// The least limit of operations a second of any device.
    pub io_operations: Option<u64>,
    /// Huge pages of the size of which most fit into the limit, in bytes.
    pub huge_pages: Option<u64>,
    /// Memory in use, in bytes, page cache included.
    pub memory_used: Option<u64>,
    /// What of it is page cache of files, which can be dropped, in bytes.
    pub memory_cache: Option<u64>,
    /// Swap in use, in bytes.
    pub swap_used: Option<u64>,
    /// Processes and threads there are.
    pub processes_now: Option<u64>,
}

/// Whether a group was just made and holds the kernel's defaults, or has been
/// in use and may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Defaults,
    Anything,
}

/// What to write for a limit: its value; the kernel's word for none where one
/// may have been set; nothing where the default holds.
pub(crate) fn wanted<T: ToString>(limit: Option<T>, none: &str, before: Before) -> Option<String> {
    match (limit, before) {
        (Some(value), _) => Some(value.to_string()),
        (None, Before::Anything) => Some(none.to_owned()),
        (None, Before::Defaults) => None,
    }
}
