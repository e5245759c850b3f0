//! cpuset: which CPUs.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | CPUs | cpuset.cpus, empty for all | cpuset.cpus, all listed |
//! | memory nodes | cpuset.mems, left empty | cpuset.mems, all listed |
//!
//! A v1 group begins with neither CPU nor memory node and no process can join
//! it until it has both, so they are copied down from the group above. Programs
//! count the CPUs that they may run on, so N CPUs are N to `nproc` too.
//!
//! # Kernel
//! cpuset(7); Documentation/admin-guide/cgroup-v2.rst "Cpuset".

use std::path::Path;

use rustix::io::Errno;
use veld_sys::Failure;

use crate::controller::{Controller, Setting, absent};
use crate::error::Refusal;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::knob::Limit;
use crate::limits::{Before, Effective, Limits};

const CPUS: &str = "cpuset.cpus";
const MEMS: &str = "cpuset.mems";

pub(crate) fn check(here: Option<&Hierarchy>, cpus: &[u32], limits: &Limits) -> Vec<Refusal> {
    let listed = limits.cpu_list.as_deref();
    let list = listed.and_then(|listed| {
        let value = list(listed);
        if here.is_none() {
            return Some(absent(Limit::CpuList, value, Controller::Cpuset));
        }
        let offline = listed.iter().find(|cpu| !cpus.contains(cpu));
        let reason = match offline {
            None if listed.is_empty() => "the least is one CPU".to_owned(),
            None => return None,
            Some(cpu) => format!("CPU {cpu} is not among the host's {}", self::list(cpus)),
        };
        let limit = Limit::CpuList;
        Some(Refusal {
            limit,
            value,
            reason,
        })
    });
    let count = limits.cpus.and_then(|count| {
        let value = count.to_string();
        if here.is_none() {
            return Some(absent(Limit::Cpus, value, Controller::Cpuset));
        }
        let reason = match (usize::try_from(count), listed) {
            (Ok(0), _) => "the least is 1".to_owned(),
            (Ok(count), Some(listed)) if count > listed.len() => {
                format!("the list {} has {}", self::list(listed), listed.len())
            }
            (Ok(count), _) if count <= cpus.len() => return None,
            _ => format!("the host has {} online", cpus.len()),
        };
        let limit = Limit::Cpus;
        Some(Refusal {
            limit,
            value,
            reason,
        })
    });
    list.into_iter().chain(count).collect()
}

pub(crate) fn set(place: &Place, setting: &Setting<'_>) -> Result<(), Failure> {
    let listed = setting.limits.cpu_list.as_deref();
    let from = listed.unwrap_or(setting.cpus);
    let chosen = match setting.limits.cpus {
        Some(count) => Some(list(&choose(from, count, setting.spread))),
        None => listed.map(list),
    };
    let value = match (chosen, setting.before, place.version) {
        (Some(chosen), _, _) => chosen,
        (None, Before::Defaults, _) => return Ok(()),
        (None, Before::Anything, Version::V2) => return lift_v2(place, setting.cpus),
        (None, Before::Anything, Version::V1) => list(setting.cpus),
    };
    place.write(CPUS, value)
}

/// Lifts the limit of a v2 group: to nothing of its own, so that it has what the
/// group above has; or to all that there are, where it has processes and the kernel
/// does not let it have nothing any more (ENOSPC).
fn lift_v2(place: &Place, cpus: &[u32]) -> Result<(), Failure> {
    // A write of nothing at all would not reach the kernel.
    match place.write(CPUS, "\n") {
        Err(full) if full.errno() == Some(Errno::NOSPC.raw_os_error()) => {
            place.write(CPUS, list(cpus))
        }
        done => done,
    }
}

pub(crate) fn read(place: &Place, cpus: &[u32], into: &mut Effective) -> Result<(), Failure> {
    let Some(text) = place.read_if_there(CPUS)? else {
        return Ok(());
    };
    let held = parse(&text);
    into.cpu_list = Some(held).filter(|held| !held.is_empty() && held.len() < cpus.len());
    let count = into.cpu_list.as_ref().map(Vec::len);
    into.cpus = count.and_then(|count| u32::try_from(count).ok());
    Ok(())
}

/// Gives a new v1 group, and where need be the groups above it up to `mount`,
/// the CPUs and memory nodes without which no process could join.
///
/// A group above that was filled here hands its own to later groups by itself
/// (`cgroup.clone_children`), so for those one read is all there is to do.
pub(crate) fn fill(mount: &Path, place: &Place) -> Result<(), Failure> {
    // Memory nodes are written last, so where they are, CPUs are.
    if place.dir == mount || !place.read(MEMS)?.is_empty() {
        return Ok(());
    }
    let Some(above) = place.dir.parent() else {
        return Ok(());
    };
    let above = Place {
        version: place.version,
        dir: above.to_owned(),
    };
    fill(mount, &above)?;
    if above.dir != mount {
        above.write("cgroup.clone_children", 1)?;
    }
    place.write(CPUS, above.read(CPUS)?)?;
    place.write(MEMS, above.read(MEMS)?)
}

/// `count` of the CPUs, so that groups with neighbouring numbers sit side by
/// side and begin again at the first CPU only when all are used.
fn choose(cpus: &[u32], count: u32, spread: u32) -> Vec<u32> {
    let total = u64::try_from(cpus.len()).unwrap_or(u64::MAX).max(1);
    let first = u64::from(spread) * u64::from(count) % total;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let first = usize::try_from(first).unwrap_or(0);
    let mut chosen: Vec<u32> = cpus
        .iter()
        .cycle()
        .skip(first)
        .take(count.min(cpus.len()))
        .copied()
        .collect();
    chosen.sort_unstable();
    chosen
}

fn list(cpus: &[u32]) -> String {
    let numbers: Vec<String> = cpus.iter().map(u32::to_string).collect();
    numbers.join(",")
}

/// The numbers in a list as the kernel writes it, `0-3,8`; what is no list is empty.
pub(crate) fn parse(list: &str) -> Vec<u32> {
    list.trim_end()
        .split(',')
        .filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(first.parse().ok()?..=last.parse().ok()?)
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Plain;

    fn limits(cpus: Option<u32>) -> Limits {
        Limits {
            cpus,
            ..Limits::default()
        }
    }

    fn setting<'a>(limits: &'a Limits, cpus: &'a [u32], spread: u32) -> Setting<'a> {
        Setting {
            limits,
            before: Before::Anything,
            cpus,
            spread,
        }
    }

    fn effective(plain: &Plain, cpus: &[u32]) -> Option<u32> {
        let mut now = Effective::default();
        read(&plain.place, cpus, &mut now).unwrap();
        now.cpus
    }

    #[test]
    fn neighbours_take_neighbouring_cpus() {
        let cpus = parse("0-2,5\n");
        assert_eq!(cpus, [0, 1, 2, 5]);
        assert_eq!(choose(&cpus, 2, 0), [0, 1]);
        assert_eq!(choose(&cpus, 2, 1), [2, 5]);
        assert_eq!(choose(&cpus, 3, 1), [0, 1, 5]);
        assert_eq!(choose(&cpus, 4, 7), [0, 1, 2, 5]);
        assert_eq!(choose(&cpus, 1, u32::MAX), [5]);
    }

    #[test]
    fn more_than_online_is_refused_with_both_numbers() {
        let plain = Plain::new(Version::V1, &[]);
        let refused = check(Some(&plain.hierarchy(&[])), &[0, 1], &limits(Some(8)));
        assert_eq!(
            refused[0].to_string(),
            "cannot limit CPUs to 8: the host has 2 online"
        );
        let refused = check(Some(&plain.hierarchy(&[])), &[0, 1], &limits(Some(0)));
        assert_eq!(refused[0].reason, "the least is 1");
        assert_eq!(check(None, &[0, 1], &limits(Some(1))).len(), 1);
    }

    #[test]
    fn cpus_are_taken_from_the_list() {
        let cpus = [0, 1, 2, 3];
        let asked = Limits {
            cpu_list: Some(vec![1, 2, 3]),
            ..limits(None)
        };
        let v2 = Plain::new(Version::V2, &[(CPUS, "")]);
        set(&v2.place, &setting(&asked, &cpus, 0)).unwrap();
        assert_eq!(v2.text(CPUS), "1,2,3");
        let two = Limits {
            cpus: Some(2),
            ..asked
        };
        v2.put(CPUS, "");
        set(&v2.place, &setting(&two, &cpus, 1)).unwrap();
        assert_eq!(v2.text(CPUS), "1,3");
        let here = v2.hierarchy(&[]);
        let reasons = |limits: &Limits| -> Vec<String> {
            let refused = check(Some(&here), &cpus, limits);
            refused.into_iter().map(|refusal| refusal.reason).collect()
        };
        assert_eq!(reasons(&two), Vec::<String>::new());
        let beyond = Limits {
            cpus: Some(4),
            cpu_list: Some(vec![1, 9]),
            ..limits(None)
        };
        assert_eq!(
            reasons(&beyond),
            [
                "CPU 9 is not among the host's 0,1,2,3",
                "the list 1,9 has 2"
            ]
        );
    }

    #[test]
    fn cpus_are_limited_and_given_back() {
        let cpus = [0, 1, 2, 3];
        let v2 = Plain::new(Version::V2, &[(CPUS, "")]);
        assert_eq!(effective(&v2, &cpus), None);
        set(&v2.place, &setting(&limits(Some(2)), &cpus, 1)).unwrap();
        assert_eq!(v2.text(CPUS), "2,3");
        assert_eq!(effective(&v2, &cpus), Some(2));
        let v2 = Plain::new(Version::V2, &[(CPUS, "")]);
        set(&v2.place, &setting(&limits(None), &cpus, 1)).unwrap();
        assert_eq!(v2.text(CPUS), "\n");
        let v1 = Plain::new(Version::V1, &[(CPUS, "1\n")]);
        set(&v1.place, &setting(&limits(None), &cpus, 1)).unwrap();
        assert_eq!(effective(&v1, &cpus), None);
        assert_eq!(v1.text(CPUS), "0,1,2,3");
    }

    #[test]
    fn a_new_v1_group_gets_what_is_above() {
        let names = [CPUS, MEMS, "cgroup.clone_children"];
        let root = Plain::new(Version::V1, &[(CPUS, "0-1\n"), (MEMS, "0\n")]);
        for dir in ["parent", "parent/name"] {
            for name in names {
                root.put(&format!("{dir}/{name}"), "");
            }
        }
        let place = Place {
            version: Version::V1,
            dir: root.dir.path().join("parent/name"),
        };
        fill(root.dir.path(), &place).unwrap();
        for dir in ["parent", "parent/name"] {
            assert_eq!(root.text(&format!("{dir}/{CPUS}")), "0-1");
            assert_eq!(root.text(&format!("{dir}/{MEMS}")), "0");
        }
        assert_eq!(root.text("parent/cgroup.clone_children"), "1");
        assert_eq!(root.text("parent/name/cgroup.clone_children"), "");
    }
}
