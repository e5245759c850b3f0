//! What a group uses now, controller by controller: each file is read once.
//!
//! All is asked of `PARENT/NAME`, which counts what is below it. What this host
//! does not tell is `None`; so is all of a group that is gone.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | CPU time | cpu.stat, also without the controller | cpuacct.usage, .usage_user, .usage_sys |
//! | throttling | cpu.stat | cpu.stat |
//! | memory | memory.current, .max, .stat, .swap.current, .events | memory.usage_in_bytes, .stat, .kmem.usage_in_bytes, .kmem.tcp.usage_in_bytes, .oom_control |
//! | disks | io.stat | blkio.throttle.io_service_bytes_recursive, .io_serviced_recursive |
//! | processes | pids.current of the delegated group | pids.current |
//! | pressure | cpu.pressure, memory.pressure, io.pressure | |
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/cpuacct.rst, memory.rst,
//! blkio-controller.rst; accounting/psi.rst.

mod cpu;
mod files;
mod io;
mod memory;
mod pressure;

pub use cpu::CpuUsage;
pub use io::IoUsage;
pub use memory::MemoryUsage;
pub use pressure::{Pressure, PressureUsage, Stall};

use crate::group::{DELEGATED, Group};
use crate::hierarchy::{Hierarchy, Version};
use files::Files;

/// What a group uses, and has used since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Usage {
    /// CPU time.
    pub cpu: CpuUsage,
    /// Memory, page cache and swap.
    pub memory: MemoryUsage,
    /// Reads and writes of disks.
    pub io: IoUsage,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Time that processes lost by waiting for something scarce.
    pub pressure: PressureUsage,
}

impl Group {
    /// Reads what the group uses; `buffer` is used over and over by whoever asks of
    /// many groups.
    #[must_use]
    pub fn usage(&self, buffer: &mut Vec<u8>) -> Usage {
        let mut usage = Usage::default();
        // v2 first: what it tells is not asked of v1.
        for hierarchy in self.host.v2().into_iter().chain(self.host.v1()) {
            if !is_of_use(hierarchy, &usage) {
                continue;
            }
            if let Some(mut files) = Files::open(&self.place(hierarchy).dir, buffer) {
                read(hierarchy, &mut files, &mut usage);
            }
        }
        usage
    }
}

fn has(hierarchy: &Hierarchy, controller: &str) -> bool {
    let mut names = hierarchy.controllers.iter();
    names.any(|name| name == controller)
}

fn is_of_use(hierarchy: &Hierarchy, usage: &Usage) -> bool {
    let is_there = |controller: &str| has(hierarchy, controller);
    match hierarchy.version {
        Version::V2 => true,
        Version::V1 => {
            ["cpu", "memory", "blkio", "pids"].into_iter().any(is_there)
                || (is_there("cpuacct") && usage.cpu.total_usec.is_none())
        }
    }
}

fn read(hierarchy: &Hierarchy, files: &mut Files<'_>, usage: &mut Usage) {
    let is_there = |controller: &str| has(hierarchy, controller);
    match hierarchy.version {
        Version::V2 => {
            cpu::read_v2(files, &mut usage.cpu);
            pressure::read(files, &mut usage.pressure);
            if is_there("memory") {
                memory::read_v2(files, &mut usage.memory);
            }
            if is_there("io") {
                io::read_v2(files, &mut usage.io);
            }
            if is_there("pids") {
                let inside = format!("{DELEGATED}/pids.current");
                usage.processes = files
                    .number(&inside)
                    .or_else(|| files.number("pids.current"));
            }
        }
        Version::V1 => {
            if is_there("cpuacct") && usage.cpu.total_usec.is_none() {
                cpu::read_v1_time(files, &mut usage.cpu);
            }
            if is_there("cpu") {
                cpu::read_v1_throttling(files, &mut usage.cpu);
            }
            if is_there("memory") {
                memory::read_v1(files, &mut usage.memory);
            }
            if is_there("blkio") {
                io::read_v1(files, &mut usage.io);
            }
            if is_there("pids") {
                usage.processes = files.number("pids.current");
            }
        }
    }
}

#[cfg(test)]
mod tests;
