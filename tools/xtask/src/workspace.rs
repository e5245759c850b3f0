//! Where things are: the checkout, and what xtask makes below its `target/`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;

/// A checkout of this repository.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was built from.
    pub(crate) fn locate() -> Result<Self> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package
            .ancestors()
            .nth(2)
            .with_context(|| format!("cannot find the workspace above {}", package.display()))?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The top of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `target/`, or something below it.
    pub(crate) fn target(&self, below: &str) -> PathBuf {
        self.root.join("target").join(below)
    }

    /// The prefix tree of what is shipped.
    pub(crate) fn stage(&self) -> PathBuf {
        self.target("stage")
    }

    /// The same with a command that has fault points.
    pub(crate) fn stage_faults(&self) -> PathBuf {
        self.target("stage-faults")
    }

    /// A cargo command at the top of the checkout.
    pub(crate) fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.root);
        command
    }
}

/// The target triple of this machine, as rustc names it.
pub(crate) fn host_triple() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let text = run::output(Command::new(rustc).arg("-vV"))?;
    triple_in(&text)
        .map(str::to_owned)
        .context("cannot find a line \"host:\" in the output of rustc -vV")
}

fn triple_in(version: &str) -> Option<&str> {
    version.lines().find_map(|line| line.strip_prefix("host: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_triple_is_the_host_line() {
        let text =
            "rustc 1.95.0\nbinary: rustc\nhost: aarch64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(triple_in(text), Some("aarch64-unknown-linux-gnu"));
        assert_eq!(triple_in("rustc 1.95.0"), None);
    }

    #[test]
    fn the_workspace_holds_this_package() {
        let workspace = Workspace::locate().unwrap();
        assert!(workspace.root().join("tools/xtask/Cargo.toml").is_file());
    }
}
