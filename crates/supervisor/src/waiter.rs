//! Waiting before a VE is started again, as a shim without a VE.
//!
//! The wait is not this program's, which takes twenty times the memory: it ends
//! in the shim's executing `after-end` anew. No lock is held meanwhile, so any
//! command may take the matter over; it then ends the wait first.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use veld_durable::Lock;
use veld_protocol::event::What;
use veld_protocol::restart::Policy;
use veld_protocol::shim;
use veld_protocol::stamp::Stamp;
use veld_rootfs::RootDir;
use veld_state::{Process, Restarting, ended};
use veld_sys::Failure;
use veld_sys::descriptor::exec_with;
use veld_sys::process::send_signal;

use crate::backoff::Next;
use crate::error::Source;
use crate::launcher::{environment, own_path};
use crate::ve::Ve;

const KILL: i32 = 9;
/// How long a killed process takes to be gone, and some more.
const DYING: Duration = Duration::from_secs(5);

/// Leaves word of the wait and becomes the process that waits; returns why it
/// could not. Its word is taken back then.
pub(crate) fn wait(ve: &Ve<'_>, next: Next, policy: Policy, lock: Lock) -> Source {
    let source = match become_waiter(ve, next, policy) {
        Ok(never) => match never {},
        Err(source) => source,
    };
    // The lock, which went on to the waiter's first moment, is still held.
    let _ = ve.run.clear();
    drop(lock);
    source
}

fn become_waiter(
    ve: &Ve<'_>,
    next: Next,
    policy: Policy,
) -> Result<std::convert::Infallible, Source> {
    let waiter = Waiter::open(ve)?;
    ve.step("write wait");
    let due = Stamp::now().later_by(next.wait);
    Restarting {
        shim: Process::of(std::process::id().cast_signed())?,
        due,
        restarts: next.restarts,
        policy,
    }
    .write(&ve.run.restarting())?;
    ve.run.tell(What::Restarting {
        number: next.restarts,
        due,
    });
    Err(waiter.execute(ve, next.wait))
}

/// Becomes the process that waits, but leaves all as it is, for the lock is
/// another's; returns why it could not. A command that sweeps meanwhile does not
/// end that wait, after which there is nothing to do then.
pub(crate) fn wait_without_word(ve: &Ve<'_>, patience: Duration) -> Source {
    match Waiter::open(ve) {
        Ok(waiter) => waiter.execute(ve, patience),
        Err(source) => source,
    }
}

/// What the program that waits is made of.
struct Waiter {
    program: OwnedFd,
    directory: RootDir,
    command: CString,
}

impl Waiter {
    fn open(ve: &Ve<'_>) -> Result<Self, Source> {
        Ok(Self {
            program: veld_rootfs::open_program(&ve.host.program(shim::PROGRAM))?,
            directory: RootDir::open(ve.run.path())?,
            command: own_path()?,
        })
    }

    /// Executes it; returns why it could not.
    fn execute(&self, ve: &Ve<'_>, patience: Duration) -> Source {
        let milliseconds = patience.as_millis().to_string();
        let command = self.command.to_string_lossy();
        let words = shim::waiting_arguments(ve.name.as_str(), &command, &milliseconds);
        let arguments: Vec<CString> = words.map(CString::new).into_iter().flatten().collect();
        ve.step("execute shim to wait");
        let cause = exec_with(
            self.program.as_fd(),
            &arguments,
            &environment(),
            shim::RUN_DIRECTORY,
            &[self.directory.as_fd()],
        );
        Failure::new(format!("execute {}", shim::PROGRAM), cause).into()
    }
}

/// Ends the wait of another process for a start of this VE, whose lock is held:
/// from now on nobody but the caller looks after it.
pub(crate) fn end_wait(ve: &Ve<'_>) -> Result<(), Source> {
    let Some(restarting) = Restarting::read(&ve.run.restarting()) else {
        return Ok(());
    };
    let me = Process::of(std::process::id().cast_signed())?;
    let Some(waiter) = restarting.shim.open().filter(|_| restarting.shim != me) else {
        return Ok(());
    };
    ve.step("end wait for restart");
    // It holds nothing that it would have to put down; one that has just become
    // `after-end` has no lock yet.
    let killing = || format!("kill process {}", restarting.shim.pid);
    match send_signal(waiter.as_fd(), KILL) {
        // It gave up by itself.
        Err(_) if ended(waiter.as_fd(), Duration::ZERO)? => Ok(()),
        Err(cause) => Err(Failure::new(killing(), cause).into()),
        Ok(()) if ended(waiter.as_fd(), DYING)? => Ok(()),
        Ok(()) => Err(Failure::new(killing(), std::io::ErrorKind::TimedOut).into()),
    }
}
