//! `cargo xtask`: everything that is done to this workspace, as one program.
//!
//! Each command is a module with a `run`. Commands that need root first do, as
//! the user, what needs no root (so that `target/` stays the user's) and then
//! run themselves again through sudo; see `root.rs`.
#![expect(
    clippy::disallowed_methods,
    reason = "a build tool runs cargo, apt-get and the programs it measures, and writes plain files under target/"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its reports are its product"
)]

mod bench;
mod build;
mod demo;
mod deps;
mod dist;
mod install;
mod leaks;
mod place;
mod program;
mod report;
mod root;
mod routing;
mod run;
mod test;
mod tidy;
mod veld;
mod vm;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::root::Phase;
use crate::workspace::Workspace;

/// Build, demonstrate, test and measure Veld.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// The part that needs no root is done; set by the run as the user.
    #[arg(long, global = true, hide = true)]
    prepared: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build everything as shipped and stage it under target/stage
    Build(build::Arguments),
    /// Build, then put everything under a prefix
    Install(install::Arguments),
    /// Install the Debian packages that are missing
    Deps(deps::Arguments),
    /// Show a Debian VE from template to destroy
    Demo,
    /// Check and test everything, and that no test left anything on this host
    Test(test::Arguments),
    /// What CI runs: the same as test
    Ci,
    /// Run a command or tests on a host with cgroup v2 alone, in QEMU
    Vm(vm::Arguments),
    /// Check the house rules
    Tidy,
    /// Measure veld beside its peers, into target/bench/latest.md
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ends with 0 but where the command is to end as another did.
fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    let phase = Phase::of(arguments.prepared);
    match arguments.command {
        Command::Build(arguments) => build::run(&workspace, &arguments),
        Command::Install(arguments) => install::run(&workspace, phase, &arguments),
        Command::Deps(arguments) => deps::run(&arguments),
        Command::Demo => demo::run(&workspace, phase),
        Command::Test(arguments) => test::run(&workspace, phase, &arguments),
        Command::Ci => test::run(&workspace, phase, &test::Arguments::default()),
        Command::Tidy => tidy::run(&workspace),
        Command::Bench(arguments) => bench::run(&workspace, phase, &arguments),
        Command::Vm(arguments) => return vm::run(&workspace, phase, &arguments),
    }?;
    Ok(ExitCode::SUCCESS)
}
