//! What the host has, what of it is promised to VEs, and what is in use.

use std::path::Path;

use veld_cgroups::Effective;
use veld_state::Observed;
use veld_sys::Failure;

use crate::error::{Error, Source};
use crate::host::Host;
use crate::plan;
use crate::ve::Ve;

/// The host in numbers.
#[derive(Debug, Clone)]
pub struct Capacity {
    /// The release of the kernel.
    pub kernel: String,
    /// Controllers that hold limits here, with the version that they are on.
    pub controllers: Vec<(&'static str, u8)>,
    /// Controllers without which limits are refused.
    pub missing: Vec<&'static str>,
    /// The group below which VEs have theirs.
    pub cgroup_parent: String,
    /// CPUs that are online.
    pub cpus: usize,
    /// VEs there are.
    pub ves: usize,
    /// VEs that run.
    pub running: usize,
    /// Memory of the host.
    pub memory: Memory,
    /// Processes and threads of all the host.
    pub processes: u64,
    /// What its process numbers go up to.
    pub processes_max: u64,
    /// What VEs that run may have and use together.
    pub given: Given,
}

/// Memory of the host, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// All there is.
    pub total: u64,
    /// What could be had without swapping.
    pub available: u64,
    /// Swap space.
    pub swap_total: u64,
    /// Swap space that is free.
    pub swap_free: u64,
    /// How much may be guaranteed.
    pub guaranteeable: u64,
    /// Per cent of the total that this is.
    pub overcommit_percent: u32,
}

/// Sums over the VEs that run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    /// Memory that is guaranteed, in bytes; nothing on a host that cannot.
    pub guaranteed: Option<u64>,
    /// Memory limits, in bytes, of those that have one.
    pub memory: u64,
    /// How many have none.
    pub without_memory_limit: usize,
    /// Memory in use, in bytes.
    pub memory_used: u64,
    /// Limits of CPU time, in per cent of one CPU, of those that have one.
    pub cpu_percent: u64,
    /// How many have none.
    pub without_cpu_limit: usize,
    /// Processes and threads.
    pub processes: u64,
}

/// Looks at the host and at every VE that runs.
///
/// # Errors
/// A file of /proc, /sys or a cgroup hierarchy that could not be read.
pub fn capacity(host: &Host) -> Result<Capacity, Error> {
    let ves = host.ves()?;
    look(host, &ves).map_err(|source| Error::action("host", "look at the host", source))
}

fn look(host: &Host, ves: &[Ve<'_>]) -> Result<Capacity, Source> {
    let cgroups = host.cgroups()?;
    let mut running = 0;
    let mut given = Given {
        guaranteed: cgroups
            .promised(host.cgroup_parent()?)?
            .map(|promised| promised.min),
        ..Given::default()
    };
    for ve in ves {
        if matches!(ve.observe(), Observed::Running(_))
            // One that ends meanwhile has nothing.
            && let Ok(effective) = ve.group()?.effective()
        {
            running += 1;
            given.add(&effective);
        }
    }
    let (processes, processes_max) = processes()?;
    Ok(Capacity {
        kernel: veld_kernfs::read(Path::new("/proc/sys/kernel/osrelease"))?,
        controllers: cgroups.controllers(),
        missing: cgroups.missing().iter().map(|it| it.name()).collect(),
        cgroup_parent: host.cgroup_parent()?.to_owned(),
        cpus: cgroups.cpus(),
        ves: ves.len(),
        running,
        memory: memory(host)?,
        processes,
        processes_max,
        given,
    })
}

impl Given {
    fn add(&mut self, ve: &Effective) {
        match ve.memory {
            Some(limit) => self.memory = self.memory.saturating_add(limit),
            None => self.without_memory_limit += 1,
        }
        match ve.cpu_quota_percent {
            Some(percent) => self.cpu_percent += u64::from(percent),
            None => self.without_cpu_limit += 1,
        }
        self.memory_used += ve.memory_used.unwrap_or_default();
        self.processes += ve.processes_now.unwrap_or_default();
    }
}

/// # Kernel
/// proc_meminfo(5).
fn memory(host: &Host) -> Result<Memory, Failure> {
    let total = veld_kernfs::memory_total()?;
    let text = veld_kernfs::read(Path::new("/proc/meminfo"))?;
    let percent = host.config().overcommit_percent;
    Ok(Memory {
        total,
        available: kib(&text, "MemAvailable:"),
        swap_total: kib(&text, "SwapTotal:"),
        swap_free: kib(&text, "SwapFree:"),
        guaranteeable: plan::guarantees(host.config(), total),
        overcommit_percent: percent,
    })
}

/// A line of KiB as bytes; 0 where the kernel has no such line.
fn kib(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1024)
}

/// How many there are, and may be.
///
/// # Kernel
/// proc_loadavg(5), whose fourth field has the number of scheduling entities;
/// proc_sys_kernel(5), pid_max.
fn processes() -> Result<(u64, u64), Failure> {
    let load = veld_kernfs::read(Path::new("/proc/loadavg"))?;
    let most = veld_kernfs::read(Path::new("/proc/sys/kernel/pid_max"))?;
    let now = load
        .split(' ')
        .nth(3)
        .and_then(|entities| entities.split_once('/')?.1.parse().ok());
    Ok((now.unwrap_or_default(), most.parse().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_tell_who_has_no_limit() {
        let mut limited = Effective::default();
        limited.memory = Some(512);
        limited.cpu_quota_percent = Some(50);
        limited.memory_used = Some(100);
        limited.processes_now = Some(7);
        let mut given = Given::default();
        given.add(&limited);
        given.add(&limited);
        given.add(&Effective::default());
        let expected = Given {
            memory: 1024,
            without_memory_limit: 1,
            memory_used: 200,
            cpu_percent: 100,
            without_cpu_limit: 1,
            processes: 14,
            ..Given::default()
        };
        assert_eq!(given, expected);
    }

    #[test]
    fn lines_of_meminfo_are_bytes() {
        let text = "MemTotal:       24 kB\nSwapFree:        0 kB\n";
        assert_eq!(kib(text, "MemTotal:"), 24 << 10);
        assert_eq!(kib(text, "SwapTotal:"), 0);
    }
}
