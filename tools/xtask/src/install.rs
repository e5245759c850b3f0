//! `cargo xtask install`: what is shipped, below a prefix of the host, and what
//! starts and stops VEs with it.

use std::path::{Component, Path, PathBuf};

use anyhow::{Result, bail};

use crate::build;
use crate::deps::{self, Set};
use crate::dist;
use crate::report;
use crate::root::{self, Phase};
use crate::workspace::Workspace;

/// Where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the files are to run from
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,

    /// Put the prefix below this directory, as packagers do; needs no root
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
}

/// Builds as the user, installs as root unless there is a `--destdir`.
pub(crate) fn run(workspace: &Workspace, phase: Phase, arguments: &Arguments) -> Result<()> {
    let prefix = arguments.destination()?;
    if phase == Phase::Fresh {
        deps::ensure(&[Set::Build])?;
        build::compile(workspace, false)?;
    }
    if arguments.destdir.is_none() {
        root::become_root("installing")?;
    }
    report::step("install", || {
        build::place_all(workspace, &prefix)?;
        dist::place(&arguments.prefix, &arguments.root())
    })?;
    if arguments.destdir.is_none() {
        println!(
            "   to start VEs with the host: systemctl enable veld, or update-rc.d veld defaults\n   \
             to make snapshots by schedule: systemctl enable --now veld-snapshots.timer"
        );
    }
    Ok(())
}

impl Arguments {
    fn destination(&self) -> Result<PathBuf> {
        if !self.prefix.is_absolute() {
            bail!("--prefix {}: is not absolute", self.prefix.display());
        }
        dist::must_be_plain(&self.prefix)?;
        Ok(self.root().join(without_root(&self.prefix)))
    }

    /// What the root of the host is to the files that are put there.
    fn root(&self) -> PathBuf {
        let destdir = self.destdir.clone();
        destdir.unwrap_or_else(|| PathBuf::from("/"))
    }
}

/// `usr/local` of `/usr/local`: what `join` does not take for a path of its own.
fn without_root(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(prefix: &str, destdir: Option<&str>) -> Arguments {
        Arguments {
            prefix: prefix.into(),
            destdir: destdir.map(PathBuf::from),
        }
    }

    #[test]
    fn the_prefix_goes_below_the_destdir() {
        let destination = arguments("/usr/local", Some("/tmp/pkg")).destination();
        assert_eq!(destination.unwrap(), Path::new("/tmp/pkg/usr/local"));
        let destination = arguments("/usr", None).destination();
        assert_eq!(destination.unwrap(), Path::new("/usr"));
    }

    #[test]
    fn a_relative_prefix_is_refused() {
        let error = arguments("usr", None).destination().unwrap_err();
        assert_eq!(error.to_string(), "--prefix usr: is not absolute");
    }
}
