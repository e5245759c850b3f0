//! The state of a process that a program may take for granted when it starts.

use std::path::Path;

use nix::sys::signal::SigSet;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_sys::{Context, Failure};

/// Limits on open files; `None` leaves them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nofile {
    /// What a process has unless it asks for more.
    pub soft: u64,
    /// What it may raise itself to, at most; lowered to what this process has.
    pub hard: u64,
}

/// Undoes what this process may have inherited from whoever called it: signal
/// mask and ignored signals, umask, resource limits, out-of-memory score.
///
/// # Errors
/// Names the limit.
///
/// # Kernel
/// execve(2) lists what a new program inherits.
pub fn plain_start(nofile: Nofile) -> Result<(), Failure> {
    reset_signals()?;
    umask(Mode::from_raw_mode(0o022));
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let hard = nofile.hard.min(most);
    let limit = Rlimit {
        current: Some(nofile.soft.min(hard)),
        maximum: Some(hard),
    };
    setrlimit(Resource::Nofile, limit)
        .context(|| format!("set the limit of open files to {hard}"))?;
    // Core files of a VE's programs are the VE's own affair: its hard limit decides.
    let core = Rlimit {
        current: Some(0),
        maximum: getrlimit(Resource::Core).maximum,
    };
    setrlimit(Resource::Core, core).context(|| "set the limit of core files to 0")?;
    // Raising the score is always allowed, lowering needs a capability: a parent
    // that protected itself passes that on unless it is said here.
    let score = Path::new("/proc/self/oom_score_adj");
    if veld_kernfs::read(score).is_ok_and(|score| score.starts_with('-')) {
        veld_kernfs::write(score, 0)?;
    }
    Ok(())
}

/// Leaves session, terminal, directory and umask of whoever called this
/// process, and puts /dev/null in place of its standard input and outputs.
///
/// # Errors
/// EPERM where this process leads a group already.
///
/// # Kernel
/// setsid(2), credentials(7).
pub fn leave_caller() -> Result<(), Failure> {
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
