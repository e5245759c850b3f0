//! Processes that lost their parent while a test ran.
//!
//! A shim outlives the command that made it. This process is a child subreaper,
//! so shims become its children, and it waits for them itself: PID 1 of the
//! machine may take its time, and a process that nobody waited for is no leak
//! of the product's.
//!
//! It does so at once, in a thread: a program that was brought into a VE is such
//! an orphan when its command was killed, and PID 1 of the VE cannot end before
//! somebody has waited for it.
//!
//! Two kinds of children must not be mixed up: those that a test made and waits
//! for, which [`adopt`] lists, and all others, which [`reap`] waits for.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, Once};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, getpid, set_child_subreaper, waitid};

use crate::processes;

/// Children that somebody here waits for, by number.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// How long a child that its owner has not waited for yet is let be.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes this process the parent of orphans below it, for good.
pub(crate) fn become_reaper() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_child_subreaper(Some(getpid())).unwrap();
        std::thread::spawn(|| {
            loop {
                await_child();
                reap();
            }
        });
    });
}

/// Waits until some child has ended, and leaves it as it is.
fn await_child() {
    let ended = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    // Without any child, or with one that its owner is to wait for, the next
    // call would return at once as well.
    if ended.is_err() || !own().is_empty() {
        std::thread::sleep(PAUSE);
    }
}

fn own() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Starts a program whose end [`try_wait_for`] will see.
pub(crate) fn adopt(command: &mut Command) -> io::Result<Child> {
    // Held until the child is listed, so that it is never taken for an orphan.
    let mut own = own();
    let child = command.spawn()?;
    own.insert(number(&child));
    Ok(child)
}

/// The child's status, if it has ended; it is then forgotten.
pub(crate) fn try_wait_for(child: &mut Child) -> io::Result<Option<std::process::ExitStatus>> {
    let status = child.try_wait()?;
    if status.is_some() {
        own().remove(&number(child));
    }
    Ok(status)
}

/// Waits for all orphans that have ended.
pub(crate) fn reap() {
    let own = own();
    let me = getpid().as_raw_nonzero().get();
    for process in processes::all() {
        if process.parent == me && process.ended && !own.contains(&process.pid) {
            let pid = Pid::from_raw(process.pid).unwrap();
            // It is a child of this process and has ended; nobody else waits for it.
            let _ = waitid(
                WaitId::Pid(pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
            );
        }
    }
}

fn number(child: &Child) -> i32 {
    child.id().cast_signed()
}
