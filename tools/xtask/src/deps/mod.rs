//! `cargo xtask deps`: the Debian packages that are missing, installed.
//!
//! Nothing is installed that is there, and the package lists are fetched only
//! where they do not know a package or no longer lead to it. On a distribution
//! without apt-get the packages are named and the command stops.

mod apt;
mod packages;

use anyhow::{Result, bail};

use crate::report;
use crate::run;

pub(crate) use apt::update;
use packages::Package;
pub(crate) use packages::Set;

/// Which sets of packages.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What the packages are needed for; everything where none is given
    sets: Vec<Set>,
}

/// Installs what is missing of the given sets, or of all.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.sets.is_empty() {
        return ensure(&[Set::Build, Set::Run, Set::Test, Set::Vm, Set::Bench]);
    }
    ensure(&arguments.sets)
}

/// Installs what is missing of `sets`.
///
/// # Errors
/// Packages are missing and there is no apt-get, no root and no sudo, or
/// apt-get does not install them.
pub(crate) fn ensure(sets: &[Set]) -> Result<()> {
    report::heading("packages");
    let wanted = packages::of(sets);
    if run::find("dpkg-query").is_none() || run::find("apt-get").is_none() {
        return without_apt(&wanted);
    }
    let missing = apt::missing(&wanted)?;
    if missing.is_empty() {
        println!("   all {} are installed", wanted.len());
        return Ok(());
    }
    for package in &missing {
        println!("   {} is missing: {}", package.name, package.why);
    }
    apt::install(&missing)
}

/// Names what a person must see to on a distribution of another kind.
fn without_apt(wanted: &[Package]) -> Result<()> {
    for package in wanted {
        println!("   {}: {}", package.name, package.why);
    }
    let names: Vec<_> = wanted.iter().map(|package| package.name).collect();
    bail!(
        "there is no apt-get here: install what this distribution calls {}",
        names.join(", ")
    )
}
