//! The limits of a group as they are asked for, and as the kernel holds them.

/// What a group may use; `None` is no limit.
///
/// Which of them a host can enforce, [`Host::check`](crate::Host::check) says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory and page cache, in bytes; the kernel rounds down to whole pages.
    pub memory: Option<u64>,
    /// Swap, in bytes, beside the memory and not counting it.
    pub swap: Option<u64>,
    /// Share of the CPUs while they are contended; 1000 is a group's normal
    /// share, 2000 twice that. From 10 to 100,000.
    pub cpu_units: Option<u64>,
    /// CPU time at most, in per cent of one CPU: 150 is one and a half.
    pub cpu_quota_percent: Option<u32>,
    /// How many CPUs its processes can run on, and count.
    pub cpus: Option<u32>,
    /// Processes and threads at most.
    pub processes: Option<u64>,
}

/// What the kernel holds of a group now.
///
/// A limit of `None` is none, or one that no controller here could enforce.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effective {
    /// Memory limit, in bytes.
    pub memory: Option<u64>,
    /// Swap limit, in bytes.
    pub swap: Option<u64>,
    /// CPU share, 1000 being the normal one; rounded to what the kernel counts in.
    pub cpu_units: Option<u64>,
    /// CPU time limit, in per cent of one CPU.
    pub cpu_quota_percent: Option<u32>,
    /// CPUs it can run on; `None` where that is all of the host's.
    pub cpus: Option<u32>,
    /// Limit of processes and threads.
    pub processes: Option<u64>,
    /// Memory in use, in bytes, page cache included.
    pub memory_used: Option<u64>,
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
