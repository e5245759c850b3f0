//! memory: memory, page cache and swap.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | memory | memory.max | memory.limit_in_bytes |
//! | swap | memory.swap.max | memory.memsw.limit_in_bytes, less the memory |
//! | use | memory.current | memory.usage_in_bytes |
//!
//! v1 bounds memory and swap together, and never lets that bound be below the
//! memory's, not even between two writes: raising begins with the sum, lowering
//! with the memory. Swap alone, with memory unlimited, it cannot express.
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

use crate::controller::{Controller, absent};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::limits::{Before, Effective, Limits, wanted};

const V2_MEMORY: &str = "memory.max";
const V2_SWAP: &str = "memory.swap.max";
const V1_MEMORY: &str = "memory.limit_in_bytes";
const V1_SUM: &str = "memory.memsw.limit_in_bytes";
const V1_USE: &str = "memory.usage_in_bytes";

/// v1 shows "no limit" as the most whole pages that a signed 64-bit number of
/// bytes can hold; pages have up to 64 KiB.
pub(crate) const V1_UNLIMITED: u64 = (1 << 63) - (64 << 10);

pub(crate) fn check(here: Option<&Hierarchy>, limits: &Limits) -> Vec<Refusal> {
    let memory = limits.memory.and_then(|bytes| {
        let reason = match here {
            None => return Some(lacking("memory", bytes, [V2_MEMORY, V1_MEMORY])),
            Some(_) if bytes == 0 => "nothing can run in no memory".to_owned(),
            Some(_) => return None,
        };
        Some(refusal("memory", bytes, reason))
    });
    let swap = limits.swap.and_then(|bytes| {
        let reason = match here {
            None => return Some(lacking("swap", bytes, [V2_SWAP, V1_SUM])),
            Some(here) => swap_obstacle(here, limits)?,
        };
        Some(refusal("swap", bytes, reason))
    });
    memory.into_iter().chain(swap).collect()
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

fn refusal(limit: &'static str, bytes: u64, reason: String) -> Refusal {
    Refusal {
        limit,
        value: format!("{bytes} bytes"),
        reason,
    }
}

fn lacking(limit: &'static str, bytes: u64, knobs: [&str; 2]) -> Refusal {
    absent(limit, format!("{bytes} bytes"), knobs, Controller::Memory)
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
    match wanted(limits.swap, "max", before) {
        Some(value) if limits.swap.is_some() || place.path(V2_SWAP).exists() => {
            place.write(V2_SWAP, value)
        }
        _ => Ok(()),
    }
}

fn set_v1(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
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
        write_memory()
    } else {
        write_memory()?;
        write_sum()
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
            into.memory = place.number(V2_MEMORY)?;
            into.swap = place.number(V2_SWAP)?;
            into.memory_used = place.number("memory.current")?;
        }
        Version::V1 => {
            let limited = |bytes: &u64| *bytes < V1_UNLIMITED;
            into.memory = place.number(V1_MEMORY)?.filter(limited);
            into.swap = place
                .number(V1_SUM)?
                .filter(limited)
                .zip(into.memory)
                .map(|(sum, memory)| sum.saturating_sub(memory));
            into.memory_used = place.number(V1_USE)?;
        }
    }
    Ok(())
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
