//! cpu: share of the CPUs under contention, and CPU time.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | share | cpu.weight, 100 being 1000 units | cpu.shares, 1024 being 1000 units |
//! | time | cpu.max, "QUOTA PERIOD" | cpu.cfs_quota_us in cpu.cfs_period_us |
//!
//! The period is 100 ms, which is the kernel's default on both.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "CPU"; scheduler/sched-bwc.rst for v1.

use std::ops::RangeInclusive;

use veld_sys::Failure;

use crate::controller::{Controller, absent};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::knob::Limit;
use crate::limits::{Before, Effective, Limits, wanted};

const V2_WEIGHT: &str = "cpu.weight";
const V2_MAX: &str = "cpu.max";
const V1_SHARES: &str = "cpu.shares";
const V1_QUOTA: &str = "cpu.cfs_quota_us";
const V1_PERIOD: &str = "cpu.cfs_period_us";

const UNITS_NORMAL: u64 = 1000;
const WEIGHT_NORMAL: u64 = 100;
const SHARES_NORMAL: u64 = 1024;

/// What cpu.weight can hold (1 to 10,000), in units. cpu.shares could hold a
/// little more at both ends, but a value is to mean the same on every host.
const UNITS: RangeInclusive<u64> = 10..=100_000;

const PERIOD_US: u64 = 100_000;
/// One per cent of a period: the least that the kernel takes, too.
const PERCENT_US: u64 = PERIOD_US / 100;

pub(crate) fn check(here: Option<&Hierarchy>, limits: &Limits) -> Vec<Refusal> {
    let units = limits.cpu_units.and_then(|units| {
        let value = units.to_string();
        if here.is_none() {
            return Some(absent(Limit::CpuUnits, value, Controller::Cpu));
        }
        (!UNITS.contains(&units)).then(|| Refusal {
            limit: Limit::CpuUnits,
            value,
            reason: format!("they go from {} to {}", UNITS.start(), UNITS.end()),
        })
    });
    let quota = limits.cpu_quota_percent.and_then(|percent| {
        let value = format!("{percent} %");
        let Some(here) = here else {
            return Some(absent(Limit::CpuQuota, value, Controller::Cpu));
        };
        quota_obstacle(here, percent).map(|reason| Refusal {
            limit: Limit::CpuQuota,
            value,
            reason,
        })
    });
    units.into_iter().chain(quota).collect()
}

fn quota_obstacle(here: &Hierarchy, percent: u32) -> Option<String> {
    let (sample, knob) = match here.version {
        Version::V1 => (V1_SHARES, V1_QUOTA),
        Version::V2 => (V2_WEIGHT, V2_MAX),
    };
    if percent == 0 {
        return Some("the least is 1 % of one CPU".to_owned());
    }
    (!here.offers(sample, knob)).then(|| {
        format!("there is no {knob}: the kernel was built without CPU bandwidth control (CONFIG_CFS_BANDWIDTH)")
    })
}

pub(crate) fn set(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    let quota_us = limits
        .cpu_quota_percent
        .map(|percent| u64::from(percent) * PERCENT_US);
    let (share, normal, share_normal) = match place.version {
        Version::V2 => (V2_WEIGHT, WEIGHT_NORMAL, "100"),
        Version::V1 => (V1_SHARES, SHARES_NORMAL, "1024"),
    };
    let units = limits
        .cpu_units
        .map(|units| scale(units, normal, UNITS_NORMAL));
    if let Some(value) = wanted(units, share_normal, before) {
        place.write(share, value)?;
    }
    let (knob, quota) = match place.version {
        Version::V2 => {
            let quota = quota_us.map(|us| format!("{us} {PERIOD_US}"));
            (V2_MAX, wanted(quota, "max 100000", before))
        }
        Version::V1 => (V1_QUOTA, wanted(quota_us, "-1", before)),
    };
    match quota {
        // A kernel without the knob has no quota to lift.
        Some(value) if quota_us.is_some() || place.path(knob).exists() => place.write(knob, value),
        _ => Ok(()),
    }
}

pub(crate) fn read(place: &Place, into: &mut Effective) -> Result<(), Failure> {
    let (units, quota) = match place.version {
        Version::V2 => (units(place.number(V2_WEIGHT)?, WEIGHT_NORMAL), v2(place)?),
        Version::V1 => (
            units(place.number(V1_SHARES)?, SHARES_NORMAL),
            place.number(V1_QUOTA)?.zip(place.number(V1_PERIOD)?),
        ),
    };
    into.cpu_units = units;
    into.cpu_quota_percent = quota.and_then(|(quota_us, period_us)| {
        u32::try_from(quota_us.saturating_mul(100).checked_div(period_us)?).ok()
    });
    Ok(())
}

/// Quota and period of cpu.max, where there is a quota.
fn v2(place: &Place) -> Result<Option<(u64, u64)>, Failure> {
    let Some(text) = place.read_if_there(V2_MAX)? else {
        return Ok(None);
    };
    match text.split_once(' ') {
        Some(("max", _)) | None => Ok(None),
        Some((quota, period)) => Ok(Some((
            place.parsed(V2_MAX, quota)?,
            place.parsed(V2_MAX, period)?,
        ))),
    }
}

fn units(share: Option<u64>, normal: u64) -> Option<u64> {
    share.map(|share| scale(share, UNITS_NORMAL, normal))
}

/// `value * to / from`, to the nearest.
fn scale(value: u64, to: u64, from: u64) -> u64 {
    (value.saturating_mul(to).saturating_add(from / 2)) / from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Plain;

    fn limits(units: Option<u64>, percent: Option<u32>) -> Limits {
        Limits {
            cpu_units: units,
            cpu_quota_percent: percent,
            ..Limits::default()
        }
    }

    fn effective(plain: &Plain) -> (Option<u64>, Option<u32>) {
        let mut now = Effective::default();
        read(&plain.place, &mut now).unwrap();
        (now.cpu_units, now.cpu_quota_percent)
    }

    #[test]
    fn v2_takes_weight_and_max() {
        let plain = Plain::new(Version::V2, &[(V2_WEIGHT, ""), (V2_MAX, "")]);
        let asked = limits(Some(2500), Some(150));
        set(&plain.place, &asked, Before::Defaults).unwrap();
        assert_eq!(plain.text(V2_WEIGHT), "250");
        assert_eq!(plain.text(V2_MAX), "150000 100000");
        assert_eq!(effective(&plain), (Some(2500), Some(150)));
    }

    #[test]
    fn v1_takes_shares_and_quota() {
        let plain = Plain::new(
            Version::V1,
            &[(V1_SHARES, ""), (V1_QUOTA, ""), (V1_PERIOD, "100000\n")],
        );
        let asked = limits(Some(333), Some(1));
        set(&plain.place, &asked, Before::Defaults).unwrap();
        assert_eq!(plain.text(V1_SHARES), "341");
        assert_eq!(plain.text(V1_QUOTA), "1000");
        assert_eq!(effective(&plain), (Some(333), Some(1)));
    }

    #[test]
    fn what_is_not_asked_for_is_left_or_lifted() {
        let v2 = Plain::new(Version::V2, &[(V2_WEIGHT, ""), (V2_MAX, "")]);
        set(&v2.place, &limits(None, None), Before::Defaults).unwrap();
        assert_eq!((v2.text(V2_WEIGHT), v2.text(V2_MAX)), Default::default());
        set(&v2.place, &limits(None, None), Before::Anything).unwrap();
        assert_eq!(effective(&v2), (Some(1000), None));
        let v1 = Plain::new(Version::V1, &[(V1_SHARES, ""), (V1_QUOTA, "")]);
        set(&v1.place, &limits(None, None), Before::Anything).unwrap();
        assert_eq!(v1.text(V1_SHARES), "1024");
        assert_eq!(v1.text(V1_QUOTA), "-1");
        assert_eq!(effective(&v1), (Some(1000), None));
    }

    #[test]
    fn bounds_and_missing_knobs_are_told_together() {
        let v1 = Plain::new(Version::V1, &[(V1_SHARES, "1024\n")]);
        let texts: Vec<String> = check(Some(&v1.hierarchy(&[])), &limits(Some(9), Some(50)))
            .iter()
            .map(Refusal::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "cannot limit CPU units to 9: they go from 10 to 100000",
                "cannot limit CPU quota to 50 %: there is no cpu.cfs_quota_us: \
                 the kernel was built without CPU bandwidth control (CONFIG_CFS_BANDWIDTH)"
            ]
        );
        assert_eq!(check(None, &limits(Some(1000), Some(100))).len(), 2);
        assert_eq!(check(Some(&v1.hierarchy(&[])), &limits(Some(10), None)), []);
        let nothing = check(Some(&v1.hierarchy(&[])), &limits(None, Some(0)));
        assert_eq!(nothing[0].reason, "the least is 1 % of one CPU");
    }
}
