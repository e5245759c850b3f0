//! freezer: stopping a group where it is, and letting it run on, whoever stopped it.
//!
//! | | v2 | v1 |
//! |---|---|---|
//! | state | cgroup.freeze, 0 or 1 | freezer.state, THAWED or FROZEN |
//! | effect | cgroup.events, frozen | freezer.state, FREEZING on the way |
//!
//! Each group of a subtree has a state of its own, and one that is frozen by
//! itself stays so when those above it are thawed.
//!
//! # Kernel
//! Documentation/admin-guide/cgroup-v2.rst "cgroup.freeze", Linux 5.2;
//! cgroup-v1/freezer-subsystem.rst.

use std::path::{Path, PathBuf};

use veld_sys::{Context, Failure};

use crate::error::vanished;
use crate::hierarchy::{Hierarchy, Place, Version};
use crate::tree;

/// How far a group is on its way to stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freezing {
    /// Its processes run.
    No,
    /// It was told to freeze, and some of its processes do not stand still yet.
    OnTheWay,
    /// All stand still.
    Frozen,
}

/// The knob, where this hierarchy freezes at all, and the words that freeze and thaw.
fn knob(hierarchy: &Hierarchy) -> Option<(&'static str, [&'static str; 2])> {
    match hierarchy.version {
        Version::V2 => Some(("cgroup.freeze", ["1", "0"])),
        Version::V1 => hierarchy
            .controllers
            .iter()
            .any(|name| name == "freezer")
            .then_some(("freezer.state", ["FROZEN", "THAWED"])),
    }
}

/// The file and the word that freeze the group at `dir`, where it has that file.
pub(crate) fn switch(hierarchy: &Hierarchy, dir: &Path) -> Option<(PathBuf, &'static str)> {
    let (knob, [freeze, _]) = knob(hierarchy)?;
    let path = dir.join(knob);
    path.exists().then_some((path, freeze))
}

/// How far the processes right in the group at `dir` are, by its own state or by
/// that of one above it.
pub(crate) fn state(hierarchy: &Hierarchy, dir: &Path) -> Freezing {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    match hierarchy.version {
        Version::V2 if read("cgroup.events").lines().any(|line| line == "frozen 1") => {
            Freezing::Frozen
        }
        Version::V2 if read("cgroup.freeze").trim_end() == "1" => Freezing::OnTheWay,
        Version::V2 => Freezing::No,
        Version::V1 => match read("freezer.state").trim_end() {
            "FROZEN" => Freezing::Frozen,
            "FREEZING" => Freezing::OnTheWay,
            _ => Freezing::No,
        },
    }
}

/// Thaws the group at `dir` alone: those below it that are frozen by themselves
/// stay so.
pub(crate) fn thaw_alone(hierarchy: &Hierarchy, dir: &Path) -> Result<(), Failure> {
    let Some((knob, [_, thaw])) = knob(hierarchy) else {
        return Ok(());
    };
    match veld_kernfs::write(&dir.join(knob), thaw) {
        Err(failure) if vanished(&failure) => Ok(()),
        done => done,
    }
}

/// Thaws every group of the tree at `place`, those above first.
pub(crate) fn thaw(hierarchy: &Hierarchy, place: &Place) -> Result<(), Failure> {
    let Some((knob, [_, thaw])) = knob(hierarchy) else {
        return Ok(());
    };
    tree::visit(&place.dir, &mut |group| {
        // An old kernel without the knob has frozen nothing.
        tree::unless_gone(tree::write_at(group, knob, thaw))
    })
    .context(|| format!("thaw groups in {}", place.dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::Plain;

    #[test]
    fn v2_is_frozen_once_its_events_say_so() {
        let files = [("cgroup.freeze", "0\n"), ("cgroup.events", "frozen 0\n")];
        let plain = Plain::new(Version::V2, &files);
        let (hierarchy, dir) = (plain.hierarchy(&[]), plain.dir.path());
        assert_eq!(state(&hierarchy, dir), Freezing::No);
        let (path, word) = switch(&hierarchy, dir).unwrap();
        veld_kernfs::write(&path, word).unwrap();
        assert_eq!(state(&hierarchy, dir), Freezing::OnTheWay);
        plain.put("cgroup.events", "populated 1\nfrozen 1\n");
        assert_eq!(state(&hierarchy, dir), Freezing::Frozen);
        plain.put("cgroup.events", "populated 1\nfrozen 0\n");
        thaw_alone(&hierarchy, dir).unwrap();
        assert_eq!(state(&hierarchy, dir), Freezing::No);
    }

    #[test]
    fn v1_says_itself_how_far_it_is() {
        let plain = Plain::new(Version::V1, &[("freezer.state", "THAWED\n")]);
        let (hierarchy, dir) = (plain.hierarchy(&["freezer"]), plain.dir.path());
        assert_eq!(switch(&plain.hierarchy(&["pids"]), dir), None);
        assert_eq!(switch(&hierarchy, dir).unwrap().1, "FROZEN");
        for (text, expected) in [
            ("THAWED\n", Freezing::No),
            ("FREEZING\n", Freezing::OnTheWay),
            ("FROZEN\n", Freezing::Frozen),
        ] {
            plain.put("freezer.state", text);
            assert_eq!(state(&hierarchy, dir), expected);
        }
        plain.put("freezer.state", "FROZEN");
        plain.put("below/freezer.state", "FROZEN");
        thaw_alone(&hierarchy, dir).unwrap();
        assert_eq!(plain.text("freezer.state"), "THAWED");
        assert_eq!(plain.text("below/freezer.state"), "FROZEN");
    }

    #[test]
    fn a_group_that_is_gone_is_not_frozen() {
        let plain = Plain::new(Version::V2, &[]);
        let nowhere = plain.dir.path().join("nowhere");
        assert_eq!(state(&plain.hierarchy(&[]), &nowhere), Freezing::No);
        assert_eq!(switch(&plain.hierarchy(&[]), &nowhere), None);
        thaw_alone(&plain.hierarchy(&[]), &nowhere).unwrap();
    }
}
