//! io: share of the disks under contention, and rates.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | share | io.weight and io.bfq.weight, 100 being normal | blkio.bfq.weight |
//! | bytes a second | io.max, `rbps` and `wbps` | blkio.throttle.{read,write}_bps_device |
//! | operations a second | io.max, `riops` and `wiops` | blkio.throttle.{read,write}_iops_device |
//!
//! A rate holds for reading and for writing, each by itself, on each device
//! that it was set for. A share is given by the scheduler of a device, by bfq on
//! both versions, or on v2 by the device's cost model (io.cost.qos): under
//! another scheduler the kernel keeps it and goes by it no longer.
//!
//! v1 counts only what a process reads or writes by itself, not what the kernel
//! writes back from the page cache later; v2 counts that too.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "IO", cgroup-v1/blkio-controller.rst,
//! block/bfq-iosched.rst.

use std::fmt;
use std::ops::RangeInclusive;

use veld_sys::Failure;
use veld_units::Bytes;

use crate::controller::{Controller, absent};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::knob::Limit;
use crate::limits::{Before, Device, Effective, Limits};

const V2_MAX: &str = "io.max";
const V2_BFQ: &str = "io.bfq.weight";
const V2_COST: &str = "io.weight";
const V1_BFQ: &str = "blkio.bfq.weight";
/// A file that every v1 group has.
const V1_SAMPLE: &str = "blkio.throttle.read_bps_device";

const WEIGHT_NORMAL: u32 = 100;
/// What bfq and the cost model both take.
const WEIGHTS: RangeInclusive<u32> = 1..=1000;

/// A rate: v2's words in io.max, v1's files.
struct Rate {
    limit: Limit,
    of: fn(&Limits) -> Option<u64>,
    shown: fn(u64) -> String,
    words: [&'static str; 2],
    files: [&'static str; 2],
}

const RATES: [Rate; 2] = [
    Rate {
        limit: Limit::IoBytes,
        of: |limits| limits.io_bytes,
        shown: |bytes| format!("{:#}/s", Bytes::new(bytes)),
        words: ["rbps", "wbps"],
        files: [
            "blkio.throttle.read_bps_device",
            "blkio.throttle.write_bps_device",
        ],
    },
    Rate {
        limit: Limit::IoOperations,
        of: |limits| limits.io_operations,
        shown: |operations| format!("{operations}/s"),
        words: ["riops", "wiops"],
        files: [
            "blkio.throttle.read_iops_device",
            "blkio.throttle.write_iops_device",
        ],
    },
];

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

pub(crate) fn check(here: Option<&Hierarchy>, limits: &Limits) -> Vec<Refusal> {
    let weight = limits.io_weight.and_then(|weight| {
        let refusal = |reason| Refusal {
            limit: Limit::IoWeight,
            value: weight.to_string(),
            reason,
        };
        let Some(here) = here else {
            let value = weight.to_string();
            return Some(absent(Limit::IoWeight, value, Controller::Io));
        };
        if !WEIGHTS.contains(&weight) {
            let (least, most) = (WEIGHTS.start(), WEIGHTS.end());
            return Some(refusal(format!("it goes from {least} to {most}")));
        }
        weight_obstacle(here).map(refusal)
    });
    let rates = RATES.iter().filter_map(|rate| {
        let value = (rate.of)(limits)?;
        let refusal = |reason: &str| Refusal {
            limit: rate.limit,
            value: (rate.shown)(value),
            reason: reason.to_owned(),
        };
        if here.is_none() {
            return Some(absent(rate.limit, (rate.shown)(value), Controller::Io));
        }
        if value == 0 {
            return Some(refusal("nothing could be read or written"));
        }
        let nowhere = limits.io_devices.is_empty();
        nowhere.then(|| refusal("its files are on no block device"))
    });
    weight.into_iter().chain(rates).collect()
}

fn weight_obstacle(here: &Hierarchy) -> Option<String> {
    let (sample, knobs): (_, &[&str]) = match here.version {
        Version::V1 => (V1_SAMPLE, &[V1_BFQ]),
        Version::V2 => (V2_MAX, &[V2_COST, V2_BFQ]),
    };
    let offered = knobs.iter().any(|knob| here.offers_below(sample, knob));
    (!offered).then(|| {
        let files = knobs.join(" or ");
        format!("there is no {files}: the kernel was built without a scheduler that has shares")
    })
}

pub(crate) fn set(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    let weights: &[&str] = match place.version {
        Version::V2 => &[V2_COST, V2_BFQ],
        Version::V1 => &[V1_BFQ],
    };
    let there: Vec<&&str> = weights
        .iter()
        .filter(|knob| place.path(knob).exists())
        .collect();
    // Where there is none, the write says which is missing.
    let knobs = match (limits.io_weight, before) {
        (Some(_), _) if there.is_empty() => weights.iter().take(1).collect(),
        (Some(_), _) | (None, Before::Anything) => there,
        (None, Before::Defaults) => Vec::new(),
    };
    let weight = limits.io_weight.unwrap_or(WEIGHT_NORMAL);
    for knob in knobs {
        match place.version {
            Version::V2 => place.write(knob, format!("default {weight}"))?,
            Version::V1 => place.write(knob, weight)?,
        }
    }
    match place.version {
        Version::V2 => set_v2(place, limits, before),
        Version::V1 => set_v1(place, limits, before),
    }
}

fn set_v2(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    for device in devices(place, V2_MAX, limits, before)? {
        let words = RATES.iter().flat_map(|rate| {
            let value = wanted(rate, limits, device);
            let value = value.map_or_else(|| "max".to_owned(), |value| value.to_string());
            rate.words.map(|word| format!("{word}={value}"))
        });
        let words: Vec<String> = words.collect();
        place.write(V2_MAX, format!("{device} {}", words.join(" ")))?;
    }
    Ok(())
}

fn set_v1(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    for rate in &RATES {
        for file in rate.files {
            for device in devices(place, file, limits, before)? {
                match wanted(rate, limits, device) {
                    Some(value) => place.write(file, format!("{device} {value}"))?,
                    None if before == Before::Defaults => {}
                    // v1's word for no limit.
                    None => place.write(file, format!("{device} 0"))?,
                }
            }
        }
    }
    Ok(())
}

/// The rate on a device, where it is to have one.
fn wanted(rate: &Rate, limits: &Limits, device: Device) -> Option<u64> {
    (rate.of)(limits).filter(|_| limits.io_devices.contains(&device))
}

/// The devices to write limits for: those that are to have some, and those that
/// have some until now.
fn devices(
    place: &Place,
    file: &str,
    limits: &Limits,
    before: Before,
) -> Result<Vec<Device>, Failure> {
    let limited = RATES.iter().any(|rate| (rate.of)(limits).is_some());
    let mut devices = if limited {
        limits.io_devices.clone()
    } else {
        Vec::new()
    };
    if before == Before::Anything
        && let Some(text) = place.read_if_there(file)?
    {
        devices.extend(rows(&text).map(|(device, _)| device));
    }
    devices.sort_unstable();
    devices.dedup();
    Ok(devices)
}

/// Device and the rest of each line.
fn rows(text: &str) -> impl Iterator<Item = (Device, &str)> {
    text.lines().filter_map(|line| {
        let (device, rest) = line.split_once(' ')?;
        let (major, minor) = device.split_once(':')?;
        let device = Device {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        };
        Some((device, rest))
    })
}

pub(crate) fn read(place: &Place, into: &mut Effective) -> Result<(), Failure> {
    let weights: &[&str] = match place.version {
        Version::V2 => &[V2_COST, V2_BFQ],
        Version::V1 => &[V1_BFQ],
    };
    for knob in weights {
        if let Some(text) = place.read_if_there(knob)? {
            let first = text.lines().next().unwrap_or_default();
            let weight = first.strip_prefix("default ").unwrap_or(first);
            into.io_weight = Some(place.parsed(knob, weight)?);
            break;
        }
    }
    let [bytes, operations] = &RATES;
    into.io_bytes = least(place, bytes)?;
    into.io_operations = least(place, operations)?;
    Ok(())
}

/// The least of a rate's limits.
fn least(place: &Place, rate: &Rate) -> Result<Option<u64>, Failure> {
    let mut least = None::<u64>;
    let mut consider = |value: u64| least = Some(least.map_or(value, |least| least.min(value)));
    match place.version {
        Version::V2 => {
            let text = place.read_if_there(V2_MAX)?.unwrap_or_default();
            for (_, words) in rows(&text) {
                let values = words.split(' ').filter_map(|word| word.split_once('='));
                values
                    .filter(|(word, value)| rate.words.contains(word) && *value != "max")
                    .try_for_each(|(_, value)| place.parsed(V2_MAX, value).map(&mut consider))?;
            }
        }
        Version::V1 => {
            for file in rate.files {
                let text = place.read_if_there(file)?.unwrap_or_default();
                rows(&text)
                    .try_for_each(|(_, value)| place.parsed(file, value).map(&mut consider))?;
            }
        }
    }
    Ok(least)
}

#[cfg(test)]
mod tests;
