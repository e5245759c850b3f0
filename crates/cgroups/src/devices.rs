//! devices: which devices the processes of a group may open.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | list | a BPF program that is attached | devices.allow, devices.deny |
//! | held | whether there is one | devices.list |
//!
//! The list holds for opening, not for what is open already. It is on
//! `PARENT/NAME`, above what the owner can change, and a group has none until
//! [`Group::allow_devices`]: call that before the first process is inside.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "Device controller", Linux 4.15;
//! cgroup-v1/devices.rst.

mod program;

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use veld_sys::{Context, Failure, bpf};
use veld_units::{DeviceNumbers, DeviceRights};

use crate::error::Error;
use crate::group::Group;
use crate::hierarchy::{Hierarchy, Place};

const ALLOW: &str = "devices.allow";
const DENY: &str = "devices.deny";
const LIST: &str = "devices.list";

/// A device, or all of one driver's, and what a group may do with it. Who opens
/// a device for more than one rule allows is refused, whatever others allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceRule {
    /// Which device.
    pub numbers: DeviceNumbers,
    /// What may be done with it.
    pub rights: DeviceRights,
}

/// As v1 has it: `c 10:232 rw`.
impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", key(self.numbers), self.rights)
    }
}

/// Which device, as v1 has it: `c 10:232`, `b 7:*`.
fn key(numbers: DeviceNumbers) -> String {
    let (letter, major) = (numbers.kind.letter(), numbers.major);
    match numbers.minor {
        Some(minor) => format!("{letter} {major}:{minor}"),
        None => format!("{letter} {major}:*"),
    }
}

/// Each device once, with all that any of the rules allows.
type Wanted = BTreeMap<DeviceNumbers, DeviceRights>;

fn wanted(rules: &[DeviceRule]) -> Wanted {
    let mut wanted = Wanted::new();
    for rule in rules {
        let rights = wanted.entry(rule.numbers).or_insert(rule.rights);
        *rights = rights.union(rule.rights);
    }
    wanted
}

impl Group {
    /// Lets the group open these devices and no others, and says whether that
    /// is held to: `false` where the host has neither the devices controller of v1
    /// nor BPF, and the group may open whatever it can get hold of.
    ///
    /// May be called again while processes are inside. What was on the list and
    /// is to stay is allowed all the while; on v2 one list replaces the other as a
    /// whole, on v1 what is new comes first and what is to go goes last. A group
    /// of v1 that had no list yet may open nothing for a moment.
    ///
    /// # Errors
    /// Of kind `NotFound` where the group is not there; EPERM on v1 for a device
    /// that the group above may not use itself; on v2 those of bpf(2).
    pub fn allow_devices(&self, rules: &[DeviceRule]) -> Result<bool, Error> {
        let wanted = wanted(rules);
        if let Some(v1) = self.host.v1().find(|hierarchy| holds_devices(hierarchy)) {
            set_v1(&self.place(v1), &wanted)?;
            return Ok(true);
        }
        match self.host.v2() {
            Some(v2) => Ok(set_v2(&self.place(v2).dir, &wanted)?),
            None => Ok(false),
        }
    }
}

fn holds_devices(hierarchy: &Hierarchy) -> bool {
    hierarchy.controllers.iter().any(|name| name == "devices")
}

fn set_v1(place: &Place, wanted: &Wanted) -> Result<(), Failure> {
    for (knob, line) in changes(&place.read(LIST)?, wanted) {
        place.write(knob, line)?;
    }
    Ok(())
}

/// What to write, and where, for a group that has `list` to have what is wanted.
fn changes(list: &str, wanted: &Wanted) -> Vec<(&'static str, String)> {
    let mut changes = Vec::new();
    let mut listed: Vec<(&str, DeviceRights)> = Vec::new();
    for line in list.lines() {
        // A group that may use all, as each does at first, can only lose all at once.
        if line.starts_with('a') {
            changes.push((DENY, "a".to_owned()));
        } else if let Some((key, rights)) = line.rsplit_once(' ')
            && let Ok(rights) = rights.parse()
        {
            listed.push((key, rights));
        }
    }
    for (numbers, rights) in wanted {
        let key = key(*numbers);
        let held = listed.iter().find(|(listed, _)| *listed == key);
        if !held.is_some_and(|(_, held)| held.covers(*rights)) {
            changes.push((ALLOW, format!("{key} {rights}")));
        }
    }
    for (listed, held) in listed {
        let stays = wanted.iter().find(|(numbers, _)| key(**numbers) == listed);
        let gone = stays.map_or(Some(held), |(_, rights)| held.without(*rights));
        changes.extend(gone.map(|gone| (DENY, format!("{listed} {gone}"))));
    }
    changes
}

fn set_v2(dir: &Path, wanted: &Wanted) -> Result<bool, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let group = rustix::fs::open(dir, flags, Mode::empty())
        .context(|| format!("open group {}", dir.display()))?;
    // Asked first: a kernel that has no device programs refuses one with the
    // same errno as it does a wrong one.
    match bpf::device_programs(group.as_fd()) {
        Err(refused) if is_missing(&refused) => return Ok(false),
        asked => asked.context(|| format!("ask for device programs of {}", dir.display()))?,
    };
    let program = bpf::load_device_program(&program::assemble(wanted))
        .context(|| format!("load a program for {} devices", wanted.len()))?;
    bpf::attach_device_program(group.as_fd(), program.as_fd())
        .context(|| format!("attach a device program to {}", dir.display()))?;
    Ok(true)
}

/// The kernel was built without BPF, or without that of cgroups.
fn is_missing(refused: &std::io::Error) -> bool {
    [Errno::NOSYS, Errno::INVAL]
        .iter()
        .any(|errno| refused.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules as `c:10:232 rw`.
    fn rules(lines: &[&str]) -> Vec<DeviceRule> {
        let parse = |line: &&str| {
            let (numbers, rights) = line.split_once(' ').unwrap();
            DeviceRule {
                numbers: numbers.parse().unwrap(),
                rights: rights.parse().unwrap(),
            }
        };
        lines.iter().map(parse).collect()
    }

    fn changed(list: &str, to: &[&str]) -> Vec<String> {
        let changes = changes(list, &wanted(&rules(to)));
        changes
            .iter()
            .map(|(knob, line)| format!("{knob} {line}"))
            .collect()
    }

    #[test]
    fn a_new_group_loses_all_and_gets_its_list() {
        let expected = [
            "devices.deny a",
            "devices.allow c 1:3 rw",
            "devices.allow b 7:* r",
        ];
        assert_eq!(changed("a *:* rwm", &["c:1:3 rw", "b:7:* r"]), expected);
        assert_eq!(changed("a *:* rwm", &[]), ["devices.deny a"]);
    }

    #[test]
    fn what_is_new_is_allowed_before_what_goes_is_denied() {
        let list = "c 1:3 rw\nc 5:0 rw\nb 7:* rwm\nc *:* m";
        let expected = [
            "devices.allow c 10:232 rw",
            "devices.deny c 5:0 w",
            "devices.deny b 7:* rwm",
            "devices.deny c *:* m",
        ];
        assert_eq!(
            changed(list, &["c:1:3 rw", "c:5:0 r", "c:10:232 rw"]),
            expected
        );
        assert_eq!(
            changed("c 1:3 r", &["c:1:3 rw"]),
            ["devices.allow c 1:3 rw"]
        );
        assert_eq!(changed("c 1:3 rw", &["c:1:3 rw"]), [""; 0]);
    }

    #[test]
    fn rules_for_one_device_add_up() {
        let both = rules(&["c:1:3 r", "c:1:5 r", "c:1:3 w"]);
        let wanted = wanted(&both);
        assert_eq!(wanted.len(), 2);
        assert_eq!(wanted[&both[0].numbers], DeviceRights::USE);
        assert_eq!(both[0].to_string(), "c 1:3 r");
    }
}
