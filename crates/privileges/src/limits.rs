//! The state of a process that a program may take for granted when it starts.

use std::path::Path;

use nix::sys::signal::SigSet;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
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

fn reset_signals() -> Result<(), Failure> {
    SigSet::empty()
        .thread_set_mask()
        .context(|| "unblock signals")?;
    veld_sys::signal::default_dispositions().context(|| "reset signals")
}
