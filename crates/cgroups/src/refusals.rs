//! How often limits have refused something, and what there is to wait for until
//! they do again.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | processes | pids.events, max | pids.events, max |
//! | memory | memory.events, max and high | memory.failcnt |
//! | swap | memory.swap.events, max | memory.memsw.failcnt, with the memory |
//! | killed | memory.events, oom_kill | memory.oom_control, oom_kill |
//! | huge pages | hugetlb.SIZE.events, max | hugetlb.SIZE.failcnt |
//! | CPU time | cpu.stat, nr_throttled | cpu.stat, nr_throttled |
//!
//! Files of events of v2 can be polled. The memory controller of v1 signals an eventfd
//! instead, when the group is out of memory and when it has to give memory back; it
//! says neither which nor how often. Its pids.events could be polled up to Linux 6.10;
//! since then the kernel tells nobody of it, so it has to be looked at. Huge pages on
//! v1 and CPU time are read when somebody asks.
//!
//! Where the kernel counts is its own affair: before Linux 6.11 v2 counts a refused
//! fork in the group of the process alone, which is one of the owner's, and from
//! 6.15 on memory.memsw.failcnt of v1 stays 0.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "memory.events", "pids.events";
//! cgroup-v1/memory.rst "Memory pressure", "OOM Control"; cgroup-v1/pids.rst.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags};
use veld_kernfs::keyed;
use veld_protocol::limit::Limit;
use veld_protocol::watched::{Key, Watched};
use veld_sys::{Context, Failure, fault};

use crate::controller::Controller;
use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::{Place, Version};

/// What one limit of a group has refused so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusals {
    /// Which.
    pub limit: Limit,
    /// Its value now, in bytes or processes; `None` where it has none.
    pub value: Option<u64>,
    /// How often since the group was made.
    pub times: u64,
}

/// How one hears that a counter has grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The file itself can be polled.
    ByPoll,
    /// Not at all, but whoever wants to know looks now and then.
    ByLook,
    /// By the eventfd of the memory controller.
    ByAlarm,
    /// Not at all, and nobody looks.
    Never,
}

/// A counter of the kernel's.
#[derive(Debug)]
struct Counter {
    limit: Limit,
    /// The file that it is in.
    file: String,
    /// Its key there; nothing where the file is one number.
    key: Option<&'static str>,
    /// The file with the limit's value.
    value: Option<String>,
    told: Told,
}

/// The memory controller of v1 shows "no limit" as almost this.
const UNLIMITED: u64 = 1 << 62;

impl Group {
    /// What each limit that this host counts has refused since the group was made,
    /// those that have refused nothing left out.
    ///
    /// # Errors
    /// Of kind `NotFound` where the group is not there; a counter that could not be
    /// read or understood.
    pub fn refusals(&self) -> Result<Vec<Refusals>, Error> {
        let mut refusals = Vec::new();
        for (place, counters) in self.counters() {
            for counter in counters {
                let times = counter.read(&place)?;
                if times > 0 {
                    refusals.push(Refusals {
                        limit: counter.limit,
                        value: counter.value_now(&place)?,
                        times,
                    });
                }
            }
        }
        // Asked last, as for the limits.
        if self.exists() {
            Ok(refusals)
        } else {
            Err(self.not_found("read refusals"))
        }
    }

    /// Opens what another process is to watch so that it learns of refusals, at
    /// most `most` descriptors, each with what it is. What this host cannot tell is
    /// left out.
    ///
    /// # Errors
    /// A file that is there and cannot be opened or waited for.
    ///
    /// # Kernel
    /// cgroup.event_control of v1, with memory.oom_control and memory.pressure_level;
    /// eventfd(2).
    pub fn watched(&self, most: usize) -> Result<Vec<(Watched, OwnedFd)>, Error> {
        let mut watched = Vec::new();
        let mut values = Vec::new();
        for (place, mut counters) in self.counters() {
            counters.retain(|counter| counter.told != Told::Never);
            if counters.iter().any(|counter| counter.told == Told::ByAlarm) {
                match alarm(&place)? {
                    Some(alarm) => watched.push((Watched::Alarm, alarm)),
                    None => continue,
                }
            }
            for file in files(&counters) {
                let of_file = counters.iter().filter(|counter| counter.file == file);
                let (flags, what) = match of_file.clone().next() {
                    Some(first) if first.told == Told::ByAlarm => {
                        (OFlags::PATH, Watched::Count(first.key()))
                    }
                    Some(first) if first.told == Told::ByLook => {
                        (OFlags::RDONLY, Watched::Look(first.key()))
                    }
                    _ => {
                        let keys = of_file.map(Counter::key).collect();
                        (OFlags::RDONLY, Watched::Events(keys))
                    }
                };
                watched.push((what, open(&place, &file, flags)?));
            }
            for counter in &counters {
                if let Some(value) = &counter.value {
                    let value = open(&place, value, OFlags::PATH)?;
                    values.push((Watched::Value(counter.limit), value));
                }
            }
        }
        // A value can be done without.
        watched.append(&mut values);
        watched.truncate(most);
        Ok(watched)
    }

    /// The counters of each hierarchy that has any, those alone that are there.
    fn counters(&self) -> Vec<(Place, Vec<Counter>)> {
        let mut all = Vec::new();
        let mut add = |place: Place, mut counters: Vec<Counter>| {
            counters.retain_mut(|counter| counter.is_there(&place));
            if !counters.is_empty() {
                all.push((place, counters));
            }
        };
        for controller in Controller::ALL {
            if let Some(place) = self.place_of(controller) {
                let counters = of(controller, &place);
                add(place, counters);
            }
        }
        all
    }
}

fn of(controller: Controller, place: &Place) -> Vec<Counter> {
    match (controller, place.version) {
        (Controller::Pids, version) => vec![Counter {
            limit: Limit::Processes,
            file: "pids.events".to_owned(),
            key: Some("max"),
            value: Some("pids.max".to_owned()),
            told: match version {
                Version::V1 => Told::ByLook,
                Version::V2 => Told::ByPoll,
            },
        }],
        (Controller::Memory, Version::V1) => of_memory_v1(),
        (Controller::Memory, Version::V2) => of_memory_v2(),
        (Controller::Cpu, Version::V1 | Version::V2) => vec![Counter {
            limit: Limit::CpuTime,
            file: "cpu.stat".to_owned(),
            key: Some("nr_throttled"),
            value: None,
            told: Told::Never,
        }],
        (Controller::Hugetlb, Version::V1 | Version::V2) => of_huge_pages(place),
        (Controller::Cpuset | Controller::Io, Version::V1 | Version::V2) => Vec::new(),
    }
}

fn of_memory_v1() -> Vec<Counter> {
    let counter = |limit, file: &str, key, value: Option<&str>| Counter {
        limit,
        file: file.to_owned(),
        key,
        value: value.map(str::to_owned),
        told: Told::ByAlarm,
    };
    let (memory, sum) = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes");
    vec![
        counter(Limit::Memory, "memory.failcnt", None, Some(memory)),
        counter(
            Limit::MemoryAndSwap,
            "memory.memsw.failcnt",
            None,
            Some(sum),
        ),
        counter(
            Limit::OutOfMemory,
            "memory.oom_control",
            Some("oom_kill"),
            None,
        ),
    ]
}

fn of_memory_v2() -> Vec<Counter> {
    let counter = |limit, file: &str, key, value: Option<&str>| Counter {
        limit,
        file: file.to_owned(),
        key: Some(key),
        value: value.map(str::to_owned),
        told: Told::ByPoll,
    };
    let (memory, swap) = ("memory.events", "memory.swap.events");
    vec![
        counter(Limit::Memory, memory, "max", Some("memory.max")),
        counter(Limit::MemoryHigh, memory, "high", Some("memory.high")),
        counter(Limit::OutOfMemory, memory, "oom_kill", None),
        counter(Limit::Swap, swap, "max", Some("memory.swap.max")),
    ]
}

/// One for each size of huge pages that the group has files of.
fn of_huge_pages(place: &Place) -> Vec<Counter> {
    let (suffix, key, value, told) = match place.version {
        Version::V2 => (".events", Some("max"), "max", Told::ByPoll),
        Version::V1 => (".failcnt", None, "limit_in_bytes", Told::Never),
    };
    let entries = std::fs::read_dir(&place.dir)
        .into_iter()
        .flatten()
        .flatten();
    let mut counters: Vec<Counter> = entries
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            // As hugetlb.2MB.events; hugetlb.2MB.rsvd.failcnt is another matter.
            let size = file.strip_prefix("hugetlb.")?.strip_suffix(suffix)?;
            Some(Counter {
                limit: Limit::HugePages(kib(size)?),
                value: Some(format!("hugetlb.{size}.{value}")),
                file,
                key,
                told,
            })
        })
        .collect();
    counters.sort_by_key(|counter| counter.limit);
    counters
}

/// The kernel's word for a size of pages, as 64KB, 2MB or 1GB, in KiB.
fn kib(size: &str) -> Option<u64> {
    let (number, scale) = [("KB", 1), ("MB", 1 << 10), ("GB", 1 << 20)]
        .into_iter()
        .find_map(|(unit, scale)| Some((size.strip_suffix(unit)?, scale)))?;
    number.parse::<u64>().ok()?.checked_mul(scale)
}

impl Counter {
    /// Whether the host has it; one that has no file for its value has none.
    fn is_there(&mut self, place: &Place) -> bool {
        let there = |file: &String| place.path(file).exists();
        self.value = self.value.take().filter(there);
        there(&self.file)
    }

    fn key(&self) -> Key {
        Key {
            key: self.key.map(str::to_owned),
            limit: self.limit,
        }
    }

    /// How often; never where the file has no such key, as on an older kernel, or
    /// is gone with the group.
    fn read(&self, place: &Place) -> Result<u64, Failure> {
        let Some(text) = place.read_if_there(&self.file)? else {
            return Ok(0);
        };
        let number = match self.key {
            Some(key) => keyed(&text, key).unwrap_or("0"),
            None => text.as_str(),
        };
        place.parsed(&self.file, number)
    }

    fn value_now(&self, place: &Place) -> Result<Option<u64>, Failure> {
        match &self.value {
            Some(file) => Ok(place.number(file)?.filter(|value| *value < UNLIMITED)),
            None => Ok(None),
        }
    }
}

/// The files that these counters are in, each once.
fn files(counters: &[Counter]) -> Vec<String> {
    let mut files: Vec<String> = counters
        .iter()
        .map(|counter| counter.file.clone())
        .collect();
    files.dedup();
    files
}

fn open(place: &Place, file: &str, flags: OFlags) -> Result<OwnedFd, Failure> {
    let path = place.path(file);
    rustix::fs::open(&path, flags | OFlags::CLOEXEC, Mode::empty())
        .context(|| format!("open {}", path.display()))
}

/// An eventfd that the memory controller of v1 signals when the group is out of
/// memory or has to give some back; nothing where the kernel has no such thing (one
/// with `CONFIG_PREEMPT_RT` has not).
fn alarm(place: &Place) -> Result<Option<OwnedFd>, Failure> {
    if !place.path("cgroup.event_control").exists() {
        return Ok(None);
    }
    let alarm = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
        .context(|| "create an eventfd")?;
    let control = open(place, "cgroup.event_control", OFlags::WRONLY)?;
    for (file, level) in [
        ("memory.oom_control", ""),
        ("memory.pressure_level", " low"),
    ] {
        if !place.path(file).exists() {
            continue;
        }
        let of = open(place, file, OFlags::RDONLY)?;
        let (number, of) = (alarm.as_raw_fd(), of.as_raw_fd());
        let order = format!("{number} {of}{level}");
        fault::point("order alarm")
            .and_then(|()| Ok(rustix::io::write(control.as_fd(), order.as_bytes())?))
            .context(|| format!("wait for {}", place.path(file).display()))?;
    }
    Ok(Some(alarm))
}

#[cfg(test)]
mod tests;
