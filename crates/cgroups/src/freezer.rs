//! freezer: letting a group run on, whoever stopped it.
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

use std::path::Path;

use veld_sys::{Context, Failure};

use crate::hierarchy::{Hierarchy, Place, Version};
use crate::tree;

/// The knob and the word that thaws, where this hierarchy freezes at all.
fn knob(hierarchy: &Hierarchy) -> Option<(&'static str, &'static str)> {
    match hierarchy.version {
        Version::V2 => Some(("cgroup.freeze", "0")),
        Version::V1 => hierarchy
            .controllers
            .iter()
            .any(|name| name == "freezer")
            .then_some(("freezer.state", "THAWED")),
    }
}

/// Whether the processes right in the group at `dir` are frozen, by its own state
/// or by that of one above it.
pub(crate) fn is_frozen(hierarchy: &Hierarchy, dir: &Path) -> bool {
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
    match hierarchy.version {
        Version::V2 => read("cgroup.events").lines().any(|line| line == "frozen 1"),
        // FREEZING as well: whoever comes in now is frozen.
        Version::V1 => matches!(read("freezer.state").trim_end(), "FROZEN" | "FREEZING"),
    }
}

/// Thaws every group of the tree at `place`, those above first.
pub(crate) fn thaw(hierarchy: &Hierarchy, place: &Place) -> Result<(), Failure> {
    let Some((knob, word)) = knob(hierarchy) else {
        return Ok(());
    };
    tree::visit(&place.dir, &mut |group| {
        // An old kernel without the knob has frozen nothing.
        tree::unless_gone(tree::write_at(group, knob, word))
    })
    .context(|| format!("thaw groups in {}", place.dir.display()))
}
