//! memory: memory, page cache and swap.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | memory | memory.max | memory.limit_in_bytes |
//! | reclaimed last | memory.low | memory.soft_limit_in_bytes |
//! | slowed down | memory.high | – |
//! | of sockets | within memory.max | memory.kmem.tcp.limit_in_bytes, a quarter of the memory |
//! | swap | memory.swap.max | memory.memsw.limit_in_bytes, less the memory |
//! | slowed down | memory.swap.high | – |
//! | use | memory.current | memory.usage_in_bytes |
//! | cache | file less shmem of memory.stat | total_cache less total_shmem |
//!
//! Of what protects memory, memory.low is set here for v1 alone, and memory.min,
//! which v1 has not, is only checked: both need the groups above, see `promise`.
//!
//! v1 bounds memory and swap together, and never lets that bound be below the
//! memory's, not even between two writes: raising begins with the sum, lowering
//! with the memory. Swap alone, with memory unlimited, it cannot express.
//!
//! v1 charges what sockets of TCP and UDP buffer to a counter of its own, and only where
//! that has a limit: without one a group takes all that `net.ipv4.tcp_mem` allows the whole
//! machine, and nobody is charged. So a group whose memory is limited has a quarter as
//! much for them, besides. Where it is full, connections go slower, and nothing is killed.
//!
//! A group has no group of memory below it here (v1 is not delegated, and v2
//! delegates no memory controller), so v1's `memory.use_hierarchy` changes
//! nothing whichever way an old kernel has it.
//!
//! Lowering a limit below the use reclaims first. Where that is not enough v2
//! kills by OOM inside the group, v1 refuses with EBUSY.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "Memory", cgroup-v1/memory.rst.

use std::io;

use veld_sys::Failure;
use veld_units::Bytes;

use crate::controller::{Controller, absent, of_v2_alone};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::knob::Limit;
use crate::limits::{Before, Effective, Limits, wanted};

const V2_MEMORY: &str = "memory.max";
const V2_SWAP: &str = "memory.swap.max";
const V2_HIGH: &str = "memory.high";
const V2_SWAP_HIGH: &str = "memory.swap.high";
pub(crate) const V2_MIN: &str = "memory.min";
pub(crate) const V2_LOW: &str = "memory.low";
const V1_MEMORY: &str = "memory.limit_in_bytes";
const V1_SOFT: &str = "memory.soft_limit_in_bytes";
const V1_SUM: &str = "memory.memsw.limit_in_bytes";
const V1_SOCKETS: &str = "memory.kmem.tcp.limit_in_bytes";
const V1_USE: &str = "memory.usage_in_bytes";

/// The part of the memory that v1 grants to sockets.
const SOCKETS_PART: u64 = 4;

/// v1 shows "no limit" as the most whole pages that a signed 64-bit number of
/// bytes can hold; pages have up to 64 KiB.
pub(crate) const V1_UNLIMITED: u64 = (1 << 63) - (64 << 10);

pub(crate) fn check(here: Option<&Hierarchy>, limits: &Limits) -> Vec<Refusal> {
    let memory = refused(Limit::Memory, limits.memory, here, |bytes, _| {
        (bytes == 0).then(|| "nothing can run in no memory".to_owned())
    });
    let swap = refused(Limit::Swap, limits.swap, here, |_, here| {
        swap_obstacle(here, limits)
    });
    let others = [
        (Limit::MemoryMin, limits.memory_min),
        (Limit::MemoryLow, limits.memory_low),
        (Limit::MemoryHigh, limits.memory_high),
        (Limit::SwapHigh, limits.swap_high),
    ];
    let others = others
        .into_iter()
        .filter_map(|(limit, wanted)| refused(limit, wanted, here, |_, _| None));
    memory.into_iter().chain(swap).chain(others).collect()
}

/// Why a limit cannot be held: no controller, no file of this version, or an
/// obstacle of its own.
fn refused(
    limit: Limit,
    wanted: Option<u64>,
    here: Option<&Hierarchy>,
    obstacle: impl Fn(u64, &Hierarchy) -> Option<String>,
) -> Option<Refusal> {
    let bytes = wanted?;
    let value = format!("{:#}", Bytes::new(bytes));
    let Some(here) = here else {
        return Some(absent(limit, value, Controller::Memory));
    };
    let Some(knob) = limit.file(here.version) else {
        return Some(of_v2_alone(limit, value));
    };
    let reason = obstacle(bytes, here).or_else(|| {
        let sample = match here.version {
            Version::V1 => V1_MEMORY,
            Version::V2 => V2_MEMORY,
        };
        (!here.offers(sample, knob)).then(|| format!("this kernel has no {knob}"))
    })?;
    Some(Refusal {
        limit,
        value,
        reason,
    })
}

fn swap_obstacle(here: &Hierarchy, limits: &Limits) -> Option<String> {
    let (sample, knob) = match here.version {
        Version::V1 => (V1_MEMORY, V1_SUM),
        Version::V2 => (V2_MEMORY, V2_SWAP),
    };
    if !here.offers(sample, knob) {
        return Some(format!(
            "there is no {knob}: the kernel counts no swap (built without, or booted with swapaccount=0)"
        ));
    }
    (here.version == Version::V1 && limits.memory.is_none()).then(|| {
        format!("{knob} of cgroup v1 bounds memory and swap together, and memory has no limit")
    })
}

pub(crate) fn set(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    match place.version {
        Version::V2 => set_v2(place, limits, before),
        Version::V1 => set_v1(place, limits, before),
    }
}

fn set_v2(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    if let Some(value) = wanted(limits.memory, "max", before) {
        place.write(V2_MEMORY, value)?;
    }
    // A kernel without one of these files has nothing to lift.
    let others = [
        (V2_HIGH, limits.memory_high),
        (V2_SWAP_HIGH, limits.swap_high),
        (V2_SWAP, limits.swap),
    ];
    for (knob, limit) in others {
        match wanted(limit, "max", before) {
            Some(value) if limit.is_some() || place.path(knob).exists() => {
                place.write(knob, value)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn set_v1(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    if let Some(value) = wanted(limits.memory_low, "-1", before)
        && (limits.memory_low.is_some() || place.path(V1_SOFT).exists())
    {
        place.write(V1_SOFT, value)?;
    }
    let memory = wanted(limits.memory, "-1", before);
    let sum = limits
        .memory
        .zip(limits.swap)
        .map(|(memory, swap)| memory.saturating_add(swap));
    // What bounds the sum until now; without a knob for it nothing does.
    let (sum, sum_before) = match before {
        Before::Defaults => (sum.map(|sum| sum.to_string()), None),
        Before::Anything => match place.number(V1_SUM)? {
            None => (None, None),
            now => (wanted(sum, "-1", before), now),
        },
    };
    let write_memory = || match &memory {
        Some(value) => limit_v1(place, value),
        None => Ok(()),
    };
    let write_sum = || match &sum {
        Some(value) => place.write(V1_SUM, value),
        None => Ok(()),
    };
    let new = limits.memory.unwrap_or(u64::MAX);
    if sum_before.is_some_and(|bound| new > bound) {
        write_sum()?;
        write_memory()?;
    } else {
        write_memory()?;
        write_sum()?;
    }
    let sockets = limits.memory.map(|memory| memory / SOCKETS_PART);
    match wanted(sockets, "-1", before) {
        Some(value) => limit_sockets(place, value),
        None => Ok(()),
    }
}

/// Bounds what sockets buffer. Where a group has buffered more than a new limit the
/// kernel refuses that, and the old one holds: a live change of the memory, which
/// is what was asked for, does not fail for that.
fn limit_sockets(place: &Place, value: impl std::fmt::Display) -> Result<(), Failure> {
    if !place.path(V1_SOCKETS).exists() {
        return Ok(());
    }
    match place.write(V1_SOCKETS, value) {
        Err(failure) if failure.kind() == io::ErrorKind::ResourceBusy => Ok(()),
        written => written,
    }
}

/// Writes the memory limit; when what is in use cannot be reclaimed, the error
/// says how much that is.
fn limit_v1(place: &Place, value: &str) -> Result<(), Failure> {
    let Err(failure) = place.write(V1_MEMORY, value) else {
        return Ok(());
    };
    if failure.kind() != io::ErrorKind::ResourceBusy {
        return Err(failure);
    }
    let used = place.number(V1_USE)?.unwrap_or_default();
    Err(Failure::new(
        format!("{} while {used} bytes are in use", failure.operation()),
        io::Error::from(rustix::io::Errno::BUSY),
    ))
}

pub(crate) fn read(place: &Place, into: &mut Effective) -> Result<(), Failure> {
    match place.version {
        Version::V2 => {
            let protected = |bytes: &u64| *bytes > 0;
            into.memory = place.number(V2_MEMORY)?;
            into.memory_min = place.number(V2_MIN)?.filter(protected);
            into.memory_low = place.number(V2_LOW)?.filter(protected);
            into.memory_high = place.number(V2_HIGH)?;
            into.swap = place.number(V2_SWAP)?;
            into.swap_high = place.number(V2_SWAP_HIGH)?;
            into.memory_used = place.number("memory.current")?;
            into.swap_used = place.number("memory.swap.current")?;
            into.memory_cache = cache(place, ["file", "shmem"])?;
        }
        Version::V1 => {
            let limited = |bytes: &u64| *bytes < V1_UNLIMITED;
            into.memory = place.number(V1_MEMORY)?.filter(limited);
            into.swap = place
                .number(V1_SUM)?
                .filter(limited)
                .zip(into.memory)
                .map(|(sum, memory)| sum.saturating_sub(memory));
            into.memory_low = place.number(V1_SOFT)?.filter(limited);
            into.memory_used = place.number(V1_USE)?;
            let sum = place.number("memory.memsw.usage_in_bytes")?;
            into.swap_used = sum
                .zip(into.memory_used)
                .map(|(sum, memory)| sum.saturating_sub(memory));
            into.memory_cache = cache(place, ["total_cache", "total_shmem"])?;
        }
    }
    Ok(())
}

/// Page cache without what is in it for no file, by two words of memory.stat.
fn cache(place: &Place, [all, shared]: [&str; 2]) -> Result<Option<u64>, Failure> {
    const STAT: &str = "memory.stat";
    let Some(text) = place.read_if_there(STAT)? else {
        return Ok(None);
    };
    let value = |key| -> Result<Option<u64>, Failure> {
        let value = veld_kernfs::keyed(&text, key);
        value.map(|value| place.parsed(STAT, value)).transpose()
    };
    let shared = value(shared)?.unwrap_or_default();
    Ok(value(all)?.map(|all| all.saturating_sub(shared)))
}

/// Gives back what is still charged to a group without processes, so that no
/// dead group stays in the kernel as long as a page of its cache does.
///
/// Best effort: what a knob refuses stays, and the group can be removed anyway.
pub(crate) fn empty(place: &Place) {
    let (used, knob) = match place.version {
        Version::V1 => (V1_USE, "memory.force_empty"),
        Version::V2 => ("memory.current", "memory.reclaim"),
    };
    if let Ok(Some(bytes @ 1..)) = place.number(used) {
        let _ = place.write(knob, bytes);
    }
}

#[cfg(test)]
mod tests;
