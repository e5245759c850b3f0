//! The tests that run in the guest, as built here, run there without cargo: those
//! of nextest's profile `vm`, and those of `vm-systemd` where systemd is PID 1.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::command::{Job, quoted};
use crate::place::make_directory;
use crate::report;
use crate::run;
use crate::workspace::Workspace;

/// Profiles in .config/nextest.toml.
const PROFILE: &str = "vm";
const PROFILE_OF_SYSTEMD: &str = "vm-systemd";

/// # Errors
/// There is no nextest, which alone can run what was built elsewhere.
pub(super) fn must_have_nextest(workspace: &Workspace) -> Result<()> {
    if run::output(&mut workspace.cargo(["nextest", "--version"])).is_err() {
        bail!("cargo nextest is not installed: cargo install --locked cargo-nextest");
    }
    Ok(())
}

/// Compiles the tests, as the user.
///
/// # Errors
/// They do not compile.
pub(super) fn compile(workspace: &Workspace) -> Result<()> {
    report::step("compile tests", || {
        run::run(&mut workspace.cargo(["nextest", "run", "--workspace", "--no-run"]))
    })
}

/// What runs them. Where the binaries are, and what the workspace is, cargo has
/// to say here.
pub(super) fn job(workspace: &Workspace, filter: Option<&str>) -> Result<Job> {
    job_of(workspace, PROFILE, filter)
}

/// What runs those that are about a host with systemd.
pub(super) fn job_with_systemd(workspace: &Workspace) -> Result<Job> {
    let mut job = job_of(workspace, PROFILE_OF_SYSTEMD, None)?;
    job.systemd = true;
    Ok(job)
}

fn job_of(workspace: &Workspace, profile: &str, filter: Option<&str>) -> Result<Job> {
    let directory = workspace.target("vm-cache");
    make_directory(&directory)?;
    let (binaries, metadata) = (
        directory.join("binaries.json"),
        directory.join("cargo.json"),
    );
    let list = [
        "nextest",
        "list",
        "--workspace",
        "--list-type",
        "binaries-only",
    ];
    let mut list = workspace.cargo(list);
    keep(list.args(["--message-format", "json"]), &binaries)?;
    let whole = ["metadata", "--format-version", "1", "--no-deps"];
    keep(&mut workspace.cargo(whole), &metadata)?;
    let runner = run::find("cargo-nextest").context("cargo-nextest is not in PATH")?;
    let mut line = format!(
        "export VELD_TEST_CACHE=/veld-vm/disk VELD_TEST_DISPOSABLE=1 VELD_TEST_SLOWNESS=4\n\
         exec {} nextest run --profile {profile} --binaries-metadata {} --cargo-metadata {}",
        quoted(runner),
        quoted(binaries),
        quoted(metadata),
    );
    if let Some(filter) = filter {
        line = format!("{line} -- {}", quoted(filter));
    }
    Ok(Job::of_line(workspace, line))
}

fn keep(command: &mut Command, path: &Path) -> Result<()> {
    let text = run::output(command)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
