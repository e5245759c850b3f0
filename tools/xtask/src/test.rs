//! `cargo xtask test`, which is also all that CI runs: quick checks first, then
//! every test as root, then whether this host is as it was, and last what takes
//! a host with cgroup v2 alone.

use std::process::Command;

use anyhow::{Result, bail};

use crate::build;
use crate::deps::{self, Set};
use crate::leaks::Snapshot;
use crate::place;
use crate::report;
use crate::root::{self, Phase};
use crate::run;
use crate::tidy;
use crate::vm;
use crate::workspace::Workspace;

/// What to test.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only tests with this in their names; the checks of the source are then left out
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Leave out the tests in a guest, which `cargo xtask vm test` runs
    #[arg(long)]
    no_vm: bool,
}

impl Arguments {
    /// With a filter a test is looked for here; the guest has few of them.
    fn with_vm(&self) -> bool {
        self.filter.is_none() && !self.no_vm
    }
}

/// Checks, builds and compiles the tests as the user, and runs them as root.
pub(crate) fn run(workspace: &Workspace, phase: Phase, arguments: &Arguments) -> Result<()> {
    if phase == Phase::Fresh {
        deps::ensure(&[Set::Build, Set::Run, Set::Test])?;
        if arguments.with_vm() {
            vm::ensure_packages()?;
        }
        match &arguments.filter {
            None => check_sources(workspace)?,
            Some(_) => println!("   with --filter the source is not checked"),
        }
        build::compile(workspace, true)?;
        report::step("compile tests", || {
            run::run(runner(workspace, arguments).arg("--no-run"))
        })?;
        if arguments.with_vm() {
            vm::compile(workspace)?;
        }
    }
    root::become_root("testing")?;
    build::stage(workspace, true)?;
    let before = Snapshot::take();
    let tested = run_tests(workspace, arguments);
    report::heading("leaks");
    let clean = before.must_hold_again();
    tested?;
    clean?;
    if arguments.with_vm() {
        vm::test(workspace)?;
    }
    println!("\nall tests passed, and nothing is left behind");
    Ok(())
}

fn check_sources(workspace: &Workspace) -> Result<()> {
    for component in ["fmt", "clippy"] {
        if run::collect(&mut workspace.cargo([component, "--version"])).is_ok_and(is_success) {
            continue;
        }
        bail!("cargo {component} is not installed: rustup component add rustfmt clippy");
    }
    report::step("fmt", || {
        run::run(&mut workspace.cargo(["fmt", "--all", "--check"]))
    })?;
    report::step("clippy", || {
        let all = ["clippy", "--quiet", "--workspace", "--all-targets"];
        run::run(workspace.cargo(all).args(["--", "-D", "warnings"]))
    })?;
    report::step("tidy", || tidy::run(workspace))?;
    report::step("docs", || {
        let all = ["doc", "--quiet", "--workspace", "--no-deps"];
        let mut docs = workspace.cargo(all);
        run::run(
            docs.arg("--document-private-items")
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    })
}

fn run_tests(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let cache = workspace.target("test-cache");
    place::make_directory(&cache)?;
    report::step("tests", || {
        let mut tests = runner(workspace, arguments);
        tests
            .env("VELD_STAGE", workspace.stage())
            .env("VELD_STAGE_FAULTS", workspace.stage_faults())
            .env("VELD_TEST_CACHE", cache)
            .env("VELD_TEST_DISPOSABLE", "1");
        run::run(&mut tests)
    })
}

/// cargo-nextest where it is installed, which ends a test that hangs and bounds
/// how many suites boot at a time (see .config/nextest.toml); else cargo's own
/// runner.
fn runner(workspace: &Workspace, arguments: &Arguments) -> Command {
    let has_nextest = run::collect(&mut workspace.cargo(["nextest", "--version"]));
    let mut command = if has_nextest.is_ok_and(is_success) {
        workspace.cargo(["nextest", "run", "--workspace"])
    } else {
        println!("   cargo nextest is not installed: a test that hangs is not ended");
        workspace.cargo(["test", "--workspace", "--all-targets", "--no-fail-fast"])
    };
    command.args(&arguments.filter);
    command
}

fn is_success(output: std::process::Output) -> bool {
    output.status.success()
}
