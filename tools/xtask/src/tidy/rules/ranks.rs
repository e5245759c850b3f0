//! The ranks of the crates: an arrow goes from a higher rank to a lower one.
//!
//! Leaves of one rank do not know each other; where two must meet, they meet in
//! the kernel's currency, in a crate above both. Dev-dependencies are tests, and
//! tests may know anything.

use cargo_metadata::{DependencyKind, Metadata, Package};

use super::super::Finding;

/// What a crate may depend on, within this workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Everything of a lower rank.
    Rank(u8),
    /// These alone: small programs of which one copy runs per VE.
    Only(&'static [&'static str]),
    /// Anything.
    Tests,
}

/// The floor: the one crate of rank 0 that the others of rank 0 may use.
const FLOOR: &str = "veld-sys";

const PLACES: &[(&str, Place)] = &[
    ("veld", Place::Rank(4)),
    ("veld-xtask", Place::Rank(4)),
    ("veld-supervisor", Place::Rank(3)),
    ("veld-launch", Place::Rank(2)),
    ("veld-network", Place::Rank(2)),
    ("veld-cgroups", Place::Rank(1)),
    ("veld-config", Place::Rank(1)),
    ("veld-console", Place::Rank(1)),
    ("veld-doctor", Place::Rank(1)),
    ("veld-namespaces", Place::Rank(1)),
    ("veld-privileges", Place::Rank(1)),
    ("veld-remotes", Place::Rank(1)),
    ("veld-rootfs", Place::Rank(1)),
    ("veld-state", Place::Rank(1)),
    ("veld-storage", Place::Rank(1)),
    ("veld-templates", Place::Rank(1)),
    ("veld-durable", Place::Rank(0)),
    ("veld-images", Place::Rank(0)),
    ("veld-kernfs", Place::Rank(0)),
    ("veld-protocol", Place::Rank(0)),
    (FLOOR, Place::Rank(0)),
    ("veld-units", Place::Rank(0)),
    ("veld-init", Place::Only(&[FLOOR, "veld-protocol"])),
    ("veld-shim", Place::Only(&[FLOOR, "veld-protocol"])),
    ("veld-tests", Place::Tests),
];

/// Finds arrows that do not go down, and crates without a place.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let packages = metadata.workspace_packages();
    packages.iter().flat_map(|package| of(package)).collect()
}

fn of(package: &Package) -> Vec<Finding> {
    let name = package.name.as_str();
    let manifest = package.manifest_path.as_std_path();
    let Some(place) = place_of(name) else {
        return vec![Finding::of(manifest, format!("{name} has no rank in tidy"))];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .filter(|dependency| dependency.path.is_some())
        .filter(|dependency| !may_use(name, place, &dependency.name))
        .map(|dependency| {
            let what = format!("{name} must not know {}", dependency.name);
            Finding::of(manifest, what)
        })
        .collect()
}

fn may_use(name: &str, place: Place, used: &str) -> bool {
    match (place, place_of(used)) {
        (Place::Tests, _) => true,
        (Place::Only(these), _) => these.contains(&used),
        (Place::Rank(0), _) => used == FLOOR && name != FLOOR,
        (Place::Rank(rank), Some(Place::Rank(below))) => below < rank,
        (Place::Rank(_), _) => false,
    }
}

fn place_of(name: &str) -> Option<Place> {
    PLACES
        .iter()
        .find_map(|(other, place)| (*other == name).then_some(*place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(name: &str, used: &str) -> bool {
        may_use(name, place_of(name).unwrap(), used)
    }

    #[test]
    fn an_arrow_goes_down_only() {
        assert!(allowed("veld", "veld-supervisor"));
        assert!(allowed("veld-launch", "veld-rootfs"));
        assert!(allowed("veld-config", "veld-units"));
        assert!(allowed("veld-kernfs", "veld-sys"));
        assert!(!allowed("veld-rootfs", "veld-launch"));
        assert!(
            !allowed("veld-state", "veld-config"),
            "leaves are strangers"
        );
        assert!(!allowed("veld-launch", "veld-network"));
        assert!(!allowed("veld-kernfs", "veld-durable"));
        assert!(!allowed("veld-sys", "veld-kernfs"));
        assert!(!allowed("veld", "veld-xtask"));
    }

    #[test]
    fn the_small_programs_know_two_crates_and_tests_all() {
        assert!(allowed("veld-shim", "veld-protocol"));
        assert!(!allowed("veld-init", "veld-kernfs"));
        assert!(allowed("veld-tests", "veld-supervisor"));
        assert!(!allowed("veld-supervisor", "veld-tests"));
    }
}
