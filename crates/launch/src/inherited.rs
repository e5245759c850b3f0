//! What a child has of its parent's without a use for it.

use std::os::fd::BorrowedFd;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_sys::{Context, Failure};

/// Closes all descriptors but `keep`, with /dev/null as standard input and
/// outputs: for a child that the VE may keep stuck in the kernel, or a child of
/// which. It would hold locks of the caller's, and pipes that somebody reads. This
/// process cannot be traced any more.
///
/// # Errors
/// Names the step.
pub(crate) fn let_go_of_all_but(keep: &[BorrowedFd<'_>]) -> Result<(), Failure> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context(|| "make this process untraceable")?;
    let null = "/dev/null";
    let stdio = || -> rustix::io::Result<()> {
        let null = openat(CWD, null, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)
    };
    stdio().context(|| format!("use {null} as standard input and output"))?;
    veld_sys::exec::close_all_but(keep).context(|| "close descriptors")
}
