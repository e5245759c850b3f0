//! hugetlb: huge pages of each size that the machine has.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | pages in use | hugetlb.SIZE.max | hugetlb.SIZE.limit_in_bytes |
//! | pages reserved | hugetlb.SIZE.rsvd.max | hugetlb.SIZE.rsvd.limit_in_bytes |
//!
//! Both are held: with the first alone a process would be told that it has the
//! pages and be killed by SIGBUS when it touches them, with the second mmap(2)
//! fails. The limit is one for each size, since no file is for their sum.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "HugeTLB", cgroup-v1/hugetlb.rst;
//! reservations are limited since Linux 5.7.

use veld_sys::{Context, Failure};
use veld_units::Bytes;

use crate::controller::{Controller, absent};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::knob::Limit;
use crate::limits::{Before, Effective, Limits, wanted};

pub(crate) fn check(here: Option<&Hierarchy>, limits: &Limits) -> Vec<Refusal> {
    let Some(bytes) = limits.huge_pages else {
        return Vec::new();
    };
    let value = format!("{:#}", Bytes::new(bytes));
    match here {
        None => vec![absent(Limit::HugePages, value, Controller::Hugetlb)],
        Some(_) => Vec::new(),
    }
}

pub(crate) fn set(place: &Place, limits: &Limits, before: Before) -> Result<(), Failure> {
    let none = match place.version {
        Version::V2 => "max",
        Version::V1 => "-1",
    };
    let Some(value) = wanted(limits.huge_pages, none, before) else {
        return Ok(());
    };
    for knob in knobs(place)? {
        place.write(&knob, &value)?;
    }
    Ok(())
}

pub(crate) fn read(place: &Place, into: &mut Effective) -> Result<(), Failure> {
    for knob in knobs(place)? {
        let limit = place.number(&knob)?.filter(|bytes| *bytes < UNLIMITED);
        // The kernel holds as many whole pages as fit: of the smallest, all.
        into.huge_pages = into.huge_pages.max(limit);
    }
    Ok(())
}

/// v1 shows "no limit" as the most whole huge pages that a signed 64-bit number
/// of bytes can hold; they have up to 16 GiB.
const UNLIMITED: u64 = (1 << 63) - (16 << 30);

/// The limits of a group that has the controller; none in one that has not.
fn knobs(place: &Place) -> Result<Vec<String>, Failure> {
    let ending = match place.version {
        Version::V2 => ".max",
        Version::V1 => ".limit_in_bytes",
    };
    let entries = match std::fs::read_dir(&place.dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context(|| format!("list {}", place.dir.display()))?,
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut knobs: Vec<String> = names
        .filter(|name| name.starts_with("hugetlb.") && name.ends_with(ending))
        .collect();
    knobs.sort_unstable();
    Ok(knobs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Plain;

    fn limits(huge_pages: Option<u64>) -> Limits {
        Limits {
            huge_pages,
            ..Limits::default()
        }
    }

    fn effective(plain: &Plain) -> Option<u64> {
        let mut now = Effective::default();
        read(&plain.place, &mut now).unwrap();
        now.huge_pages
    }

    #[test]
    fn every_size_is_limited_in_use_and_reserved() {
        let files = ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "hugetlb.1GB.max"];
        let plain = Plain::new(Version::V2, &files.map(|file| (file, "")));
        set(&plain.place, &limits(None), Before::Defaults).unwrap();
        assert!(files.into_iter().all(|file| plain.text(file).is_empty()));
        set(&plain.place, &limits(Some(0)), Before::Defaults).unwrap();
        assert!(files.into_iter().all(|file| plain.text(file) == "0"));
        assert_eq!(effective(&plain), Some(0));
        set(&plain.place, &limits(None), Before::Anything).unwrap();
        assert_eq!(effective(&plain), None);
    }

    #[test]
    fn v1_shows_the_largest_number_for_none() {
        let file = "hugetlb.2MB.limit_in_bytes";
        let plain = Plain::new(Version::V1, &[(file, "9223372036852678656\n")]);
        assert_eq!(effective(&plain), None);
        plain.put(file, "");
        set(&plain.place, &limits(Some(4 << 20)), Before::Anything).unwrap();
        assert_eq!(effective(&plain), Some(4 << 20));
    }

    #[test]
    fn a_host_without_the_controller_says_so() {
        let refused = check(None, &limits(Some(0))).remove(0).to_string();
        assert_eq!(
            refused,
            "cannot limit huge pages to 0: the hugetlb controller is on no mounted cgroup \
             hierarchy, so there is neither hugetlb.*.max nor hugetlb.*.limit_in_bytes"
        );
        assert_eq!(check(None, &limits(None)), []);
    }
}
