//! `cargo xtask vm`: another host for Veld, in QEMU, whose cgroups are v2 alone.
//!
//! ```text
//! kernel (Debian's package) ─┐
//! this host's root, read-only ┼─ machine ── a command ── its output and status
//! disk (templates, on ext4) ──┘
//! ```
//!
//! The guest sees this host's root through 9p with a layer of its disk over it, so
//! what was built here runs there under the same paths; what it writes is forgotten
//! with it. Templates are on the disk itself, since neither 9p nor an overlay can be
//! idmapped. It runs with KVM where that boots Debian's kernel; else QEMU translates,
//! and to fork or to fault a page in costs a hundred times as much as here.

mod boot;
mod command;
mod disk;
mod kernel;
mod machine;
mod suites;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::build;
use crate::deps::{self, Set};
use crate::report;
use crate::root::{self, Phase};
use crate::workspace::Workspace;

use command::Job;
use disk::Disk;
use kernel::Kernel;
use machine::Machine;

/// What to do in the guest.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Run a command as root in the guest, and end with its status
    Run(RunArguments),
    /// Run the tests of the profile vm in the guest
    Test(TestArguments),
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Boots this host's systemd, which runs the command as a service
    #[arg(long)]
    systemd: bool,
    /// One word is a line of shell; several are a program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct TestArguments {
    #[command(flatten)]
    host: HostArguments,
    /// Only tests with this in their names
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

#[derive(Debug, clap::Args)]
struct HostArguments {
    /// Debian's kernel: 6.1, 6.12, or what a suite has (sid)
    #[arg(long, value_name = "VERSION", default_value = kernel::DEFAULT)]
    kernel: String,
    /// Ends the guest, unsuccessfully, after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,
}

/// Does what is asked, and ends as that ended.
///
/// # Errors
/// The guest cannot be made, does not come up, or takes too long; tests failed.
pub(crate) fn run(workspace: &Workspace, phase: Phase, arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.action {
        Action::Run(arguments) => {
            prepare(workspace, phase, false)?;
            let mut job = Job::of_words(workspace, &arguments.command)?;
            job.systemd = arguments.systemd;
            let status = boot(workspace, &arguments.host, &job)?;
            Ok(ExitCode::from(status))
        }
        Action::Test(arguments) => {
            if phase == Phase::Fresh {
                suites::must_have_nextest(workspace)?;
                suites::compile(workspace)?;
            }
            prepare(workspace, phase, true)?;
            let filter = arguments.filter.as_deref();
            let job = suites::job(workspace, filter)?;
            must_pass(boot(workspace, &arguments.host, &job)?)?;
            if filter.is_none() {
                let job = suites::job_with_systemd(workspace)?;
                must_pass(boot(workspace, &arguments.host, &job)?)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Installs what is missing for a guest.
///
/// # Errors
/// It cannot be installed here.
pub(crate) fn ensure_packages() -> Result<()> {
    deps::ensure(&[Set::Vm])
}

/// Compiles, as the user, what [`test()`] needs besides the tests.
///
/// # Errors
/// It does not compile, or nextest is not there.
pub(crate) fn compile(workspace: &Workspace) -> Result<()> {
    suites::must_have_nextest(workspace)?;
    disk::compile(workspace)
}

/// The tests of the profile, as a part of `cargo xtask test`, where everything
/// is built and this is root.
///
/// # Errors
/// As [`run`].
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    report::heading("vm");
    let host = HostArguments {
        kernel: kernel::DEFAULT.to_owned(),
        timeout: SUITE.as_secs(),
    };
    must_pass(boot(workspace, &host, &suites::job(workspace, None)?)?)?;
    let job = suites::job_with_systemd(workspace)?;
    must_pass(boot(workspace, &host, &job)?)
}

/// What the guest may take as a part of all tests.
const SUITE: Duration = Duration::from_secs(900);

fn prepare(workspace: &Workspace, phase: Phase, faults: bool) -> Result<()> {
    if phase == Phase::Fresh {
        deps::ensure(&[Set::Build, Set::Run, Set::Test, Set::Vm])?;
        build::compile(workspace, faults)?;
        disk::compile(workspace)?;
    }
    root::become_root("a guest with templates of root's")?;
    build::stage(workspace, faults)
}

fn boot(workspace: &Workspace, host: &HostArguments, job: &Job) -> Result<u8> {
    let kernel = Kernel::ensure(workspace, &host.kernel)?;
    let disk = Disk::ensure(workspace)?;
    let machine = Machine::new(workspace, &kernel, &disk)?;
    machine.run(job, Duration::from_secs(host.timeout))
}

fn must_pass(status: u8) -> Result<()> {
    if status != 0 {
        bail!("the tests in the guest ended with {status}");
    }
    Ok(())
}
