//! Root where it is needed, and only there.
//!
//! A command that needs root has two phases. The first builds, as the user, so
//! that nothing of root's is left in `target/`. The second begins with
//! [`become_root`]: already root, the program goes on; else it executes itself
//! through sudo with `--prepared`, and that run skips the first phase.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;

/// How far a command has come when this process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is done.
    Fresh,
    /// The part that needs no root is done, by another process of the user's.
    Prepared,
}

impl Phase {
    /// What `--prepared` says.
    pub(crate) fn of(prepared: bool) -> Self {
        if prepared {
            Self::Prepared
        } else {
            Self::Fresh
        }
    }
}

/// What cargo and rustup find their homes by; sudo would drop it.
const KEPT: &[&str] = &[
    "CARGO",
    "CARGO_HOME",
    "HOME",
    "PATH",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
];

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns as root, or executes this command again as root and does not return.
///
/// # Errors
/// There is no sudo, or it cannot be executed.
pub(crate) fn become_root(what: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    let mut sudo = sudo(what)?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    sudo.arg(program).args(std::env::args_os().skip(1));
    sudo.arg("--prepared");
    println!("   {what} needs root: {}", run::line_of(&sudo));
    Err(sudo.exec()).context("cannot execute sudo")
}

/// A command that runs `program` as root: itself where this process is root,
/// through sudo otherwise.
///
/// # Errors
/// There is no sudo.
pub(crate) fn command(what: &str, program: &str) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    let mut sudo = sudo(what)?;
    sudo.arg(program);
    Ok(sudo)
}

/// `sudo env …`, to which the program is to be added.
fn sudo(what: &str) -> Result<Command> {
    if run::find("sudo").is_none() {
        bail!("{what} needs root, and there is no sudo here: run it as root");
    }
    let mut command = Command::new("sudo");
    command.args(["--", "env"]).args(kept(std::env::var_os));
    Ok(command)
}

/// `NAME=value` for each kept variable that is set.
fn kept(value: impl Fn(&'static str) -> Option<OsString>) -> Vec<OsString> {
    KEPT.iter()
        .filter_map(|name| {
            let value = value(name)?;
            Some(
                [OsStr::new(name), OsStr::new("="), &value]
                    .into_iter()
                    .collect(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_that_are_set_cross_to_root() {
        let value = |name: &str| (name == "HOME").then(|| OsString::from("/home/me"));
        assert_eq!(kept(value), ["HOME=/home/me"]);
    }

    #[test]
    fn the_hidden_flag_is_the_second_phase() {
        assert_eq!(Phase::of(true), Phase::Prepared);
        assert_eq!(Phase::of(false), Phase::Fresh);
    }
}
