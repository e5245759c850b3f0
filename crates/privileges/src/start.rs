//! The state in which a program may expect to start.

use nix::sys::signal::SigSet;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::umask;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_sys::{Context, Failure};

use crate::limits::{Rlimit, limit, make_room};
use crate::plain::undo_inherited;

/// What a process has to itself from its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Resource limits other than the kernel's defaults.
    pub rlimits: Vec<Rlimit>,
    /// What is added to its badness when the host is out of memory, -1000 to 1000.
    pub oom_score_adj: i32,
}

/// Undoes what this process has inherited from whoever called it: signal mask
/// and ignored signals, umask, resource limits, nice value and scheduling
/// policy, processors, priority of input and output, memory policy, timer slack,
/// personality, out-of-memory score; the limits and the score become those of `bounds`.
///
/// Called as the first thing that a child does, while /proc is the host's. Where
/// the child has a user namespace of its own, its parent has called
/// [`leave_caller`] before: what takes the host's rights was done there.
///
/// # Errors
/// Names what could not be set.
///
/// # Kernel
/// execve(2) lists what a new program inherits; `INIT_RLIMITS` and `init_task`
/// of the kernel are what it inherits in the end.
pub fn plain_start(bounds: &Bounds) -> Result<(), Failure> {
    reset_signals()?;
    umask(Mode::from_raw_mode(0o022));
    undo_inherited(bounds.oom_score_adj)?;
    limit(&bounds.rlimits)
}

/// Leaves session, terminal, directory and umask of whoever called this
/// process, undoes what else it has inherited as [`plain_start`] does, but for
/// signals, and puts /dev/null in place of its standard input and outputs. Its
/// hard limits let a child have those of `bounds`.
///
/// # Errors
/// Names what could not be set.
///
/// # Kernel
/// setsid(2), credentials(7).
pub fn leave_caller(bounds: &Bounds) -> Result<(), Failure> {
    undo_inherited(0)?;
    make_room(&bounds.rlimits)?;
    let leave = || -> rustix::io::Result<()> {
        match rustix::process::setsid() {
            // A process that did this before leads its session already.
            Ok(_) | Err(rustix::io::Errno::PERM) => {}
            Err(errno) => return Err(errno),
        }
        rustix::process::chdir("/")?;
        umask(Mode::empty());
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let null = openat(CWD, "/dev/null", flags, Mode::empty())?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)
    };
    leave().context(|| "leave the caller's session")
}

fn reset_signals() -> Result<(), Failure> {
    SigSet::empty()
        .thread_set_mask()
        .context(|| "unblock signals")?;
    veld_sys::signal::default_dispositions().context(|| "reset signals")
}
