//! What a process inherits from whoever called it, undone.

use std::path::Path;

use rustix::io::Errno;
use rustix::thread::set_current_timer_slack;
use veld_sys::{Context, Failure, personality, scheduling};

/// Nanoseconds by which the kernel may let a timer be late, as init has it.
const TIMER_SLACK: u64 = 50_000;

/// Gives this process the scheduling and personality that the first process of a
/// machine has, and this out-of-memory score.
///
/// What was lowered and takes a capability over the host to raise again (the
/// nice value, the score) stays as it is for a process that has none: whoever
/// creates a user namespace calls this before, and its children have nothing
/// left to raise.
pub(crate) fn undo_inherited(oom_score_adj: i32) -> Result<(), Failure> {
    schedule_plainly()?;
    personality::plain().context(|| "set the personality to that of Linux")?;
    likely_victim(oom_score_adj)
}

fn schedule_plainly() -> Result<(), Failure> {
    match scheduling::ordinary(0) {
        // Whatever policy it was, to be as nice as before is allowed to all.
        Err(error) if error.raw_os_error() == Some(Errno::PERM.raw_os_error()) => {
            let nice = rustix::process::getpriority_process(None).unwrap_or(0);
            scheduling::ordinary(nice).context(|| "schedule as an ordinary process")?;
        }
        result => result.context(|| "schedule as an ordinary process")?,
    }
    scheduling::every_processor().context(|| "run on every processor")?;
    scheduling::no_io_priority().context(|| "give up the priority of input and output")?;
    scheduling::nearest_memory().context(|| "give up the memory policy")?;
    // After the policy: a real-time process has no slack to set. 0 would mean
    // what the parent had; children of this process get what is set here.
    let slack = std::num::NonZeroU64::new(TIMER_SLACK);
    set_current_timer_slack(slack).context(|| format!("set the timer slack to {TIMER_SLACK} ns"))
}

/// A parent that protected itself from being killed when memory runs out passes
/// that on unless it is said here, and so does one that offered itself first, as
/// desktop sessions do.
///
/// # Kernel
/// proc_pid_oom_score_adj(5): raising the score is always allowed, lowering it
/// down to what a privileged process set last. The file belongs to the host's
/// root while this process is not dumpable, which a change of ids makes it.
fn likely_victim(score: i32) -> Result<(), Failure> {
    let file = Path::new("/proc/self/oom_score_adj");
    let inherited = veld_kernfs::read(file)?;
    if inherited == score.to_string() {
        return Ok(());
    }
    match veld_kernfs::write(file, score) {
        // It stays likelier to be killed than others, which harms nobody else.
        Err(refused)
            if refused.errno() == Some(Errno::ACCESS.raw_os_error())
                && inherited
                    .parse::<i32>()
                    .is_ok_and(|inherited| inherited > score.max(-1)) =>
        {
            Ok(())
        }
        result => result,
    }
}
