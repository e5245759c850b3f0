//! pids: how many processes and threads.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | limit | pids.max of the delegated group | pids.max |
//! | use | pids.current | pids.current |
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "PID", cgroup-v1/pids.rst; Linux 4.3.

use std::ops::RangeInclusive;

use veld_sys::Failure;

use crate::controller::{Controller, absent};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place};
use crate::knob::Limit;
use crate::limits::{Before, Effective, Limits, wanted};

const MAX: &str = "pids.max";

/// None at all could not even be entered; the kernel's own end is `PID_MAX_LIMIT`.
const RANGE: RangeInclusive<u64> = 1..=4_194_304;

pub(crate) fn check(here: Option<&Hierarchy>, limits: &Limits) -> Vec<Refusal> {
    let Some(processes) = limits.processes else {
        return Vec::new();
    };
    let value = processes.to_string();
    if here.is_none() {
        return vec![absent(Limit::Processes, value, Controller::Pids)];
    }
    if RANGE.contains(&processes) {
        return Vec::new();
    }
    vec![Refusal {
        limit: Limit::Processes,
        value,
        reason: format!("{MAX} takes {} to {}", RANGE.start(), RANGE.end()),
    }]
}

pub(crate) fn set(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    match wanted(limits.processes, "max", before) {
        Some(value) => place.write(MAX, value),
        None => Ok(()),
    }
}

pub(crate) fn read(place: &Place, into: &mut Effective) -> Result<(), Failure> {
    into.processes = place.number(MAX)?;
    into.processes_now = place.number("pids.current")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hierarchy::Version;
    use crate::plain::Plain;

    fn limits(processes: Option<u64>) -> Limits {
        Limits {
            processes,
            ..Limits::default()
        }
    }

    #[test]
    fn a_new_group_without_a_limit_is_not_written() {
        let plain = Plain::new(Version::V2, &[(MAX, "")]);
        set(&plain.place, &limits(None), Before::Defaults).unwrap();
        assert_eq!(plain.text(MAX), "");
        set(&plain.place, &limits(Some(5)), Before::Defaults).unwrap();
        assert_eq!(plain.text(MAX), "5");
    }

    #[test]
    fn a_limit_is_lifted_by_its_absence() {
        let plain = Plain::new(Version::V1, &[(MAX, "100"), ("pids.current", "3\n")]);
        let mut now = Effective::default();
        read(&plain.place, &mut now).unwrap();
        assert_eq!((now.processes, now.processes_now), (Some(100), Some(3)));
        set(&plain.place, &limits(None), Before::Anything).unwrap();
        read(&plain.place, &mut now).unwrap();
        assert_eq!((now.processes, now.processes_now), (None, Some(3)));
    }

    #[test]
    fn refusals_name_the_knob() {
        let plain = Plain::new(Version::V1, &[]);
        let refused = check(None, &limits(Some(5))).remove(0).to_string();
        assert_eq!(
            refused,
            "cannot limit processes to 5: the pids controller is on no mounted cgroup hierarchy, so there is no pids.max"
        );
        let here = plain.hierarchy(&[]);
        let refused = check(Some(&here), &limits(Some(0))).remove(0).to_string();
        assert_eq!(
            refused,
            "cannot limit processes to 0: pids.max takes 1 to 4194304"
        );
        assert_eq!(check(Some(&here), &limits(Some(5))), []);
    }
}
