//! What is linked in comes under licences that a program under Apache-2.0 may
//! be shipped with.

use cargo_metadata::{Metadata, Package};

use super::super::Finding;

const FINE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Finds packages whose licence is none of these.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let is_fine = |package: &&Package| package.license.as_deref().is_some_and(is_fine);
    let packages = metadata.packages.iter().filter(|package| !is_fine(package));
    packages
        .map(|package| {
            let licence = package.license.as_deref().unwrap_or("no licence");
            let what = format!("{} comes under {licence}", package.name);
            Finding::of("Cargo.lock", what)
        })
        .collect()
}

/// Whether an SPDX expression can be met: of each choice one, of each `AND` all.
/// An old `/` is a choice. Brackets are dropped and `AND` is taken for the weaker
/// word, which may refuse an expression that is fine, and accepts no other.
fn is_fine(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" AND ").all(|choice| {
        choice
            .split(" OR ")
            .any(|licence| FINE.contains(&licence.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::is_fine;

    #[test]
    fn one_of_a_choice_and_all_of_a_sum_must_be_fine() {
        assert!(is_fine("MIT OR Apache-2.0"));
        assert!(is_fine("MIT/Apache-2.0"));
        assert!(is_fine("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_fine("GPL-3.0 OR MIT"));
        assert!(!is_fine("GPL-3.0"));
        assert!(!is_fine("MIT AND GPL-3.0"));
        assert!(!is_fine(""));
    }
}
