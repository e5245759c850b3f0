//! CPU time, and how often a limit of it held the group back.

use super::files::{Files, keyed};

/// CPU time of all processors together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuUsage {
    /// All of it, in microseconds.
    pub total_usec: Option<u64>,
    /// In programs.
    pub user_usec: Option<u64>,
    /// In the kernel for them.
    pub system_usec: Option<u64>,
    /// Periods (of 0.1 s unless set otherwise) in which the group wanted CPU time
    /// while it had a limit.
    pub periods: Option<u64>,
    /// Those of them in which it was out of it.
    pub throttled_periods: Option<u64>,
    /// How long its processors were kept from it, in microseconds.
    pub throttled_usec: Option<u64>,
}

/// Microseconds of nanoseconds.
fn usec(nanos: u64) -> u64 {
    nanos / 1000
}

pub(super) fn read_v2(files: &mut Files<'_>, cpu: &mut CpuUsage) {
    let Some(text) = files.text("cpu.stat") else {
        return;
    };
    *cpu = CpuUsage {
        total_usec: keyed(text, "usage_usec"),
        user_usec: keyed(text, "user_usec"),
        system_usec: keyed(text, "system_usec"),
        periods: keyed(text, "nr_periods"),
        throttled_periods: keyed(text, "nr_throttled"),
        throttled_usec: keyed(text, "throttled_usec"),
    };
}

pub(super) fn read_v1_time(files: &mut Files<'_>, cpu: &mut CpuUsage) {
    cpu.total_usec = files.number("cpuacct.usage").map(usec);
    cpu.user_usec = files.number("cpuacct.usage_user").map(usec);
    cpu.system_usec = files.number("cpuacct.usage_sys").map(usec);
}

pub(super) fn read_v1_throttling(files: &mut Files<'_>, cpu: &mut CpuUsage) {
    let Some(text) = files.text("cpu.stat") else {
        return;
    };
    cpu.periods = keyed(text, "nr_periods");
    cpu.throttled_periods = keyed(text, "nr_throttled");
    cpu.throttled_usec = keyed(text, "throttled_time").map(usec);
}
