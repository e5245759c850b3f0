//! What follows when a VE has ended by itself: the shim's second life.
//!
//! ```text
//! shim ──> after-end ──> launcher ──> shim                 started again
//!             │  └─────> shim that waits ──> after-end     started again later
//!             └────────> exit                              not started again
//! ```
//!
//! All of it is one process, which goes on only as long as the record, or the
//! word of its wait, names it: whoever swept meanwhile has taken the matter over.

use std::time::{Duration, Instant};

use veld_durable::Lock;
use veld_protocol::ending::{Ended, Ending};
use veld_protocol::restart::Policy;
use veld_protocol::stamp::Stamp;
use veld_state::{Observed, Process, Record, Stopped};

use crate::backoff::Next;
use crate::error::{Error, ErrorKind};
use crate::launcher;
use crate::outcome::Done;
use crate::report::Reporter;
use crate::start;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;
use crate::waiter;

/// A command that holds the lock is waited for this long before the VE is left
/// to the next one.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile whether that command stops the VE.
const LOOK: Duration = Duration::from_millis(50);

/// What there is for this process to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Nothing: it is another's to look after.
    Nothing,
    /// To sweep: the VE stays stopped.
    Sweep,
    /// To sweep and start it again.
    Start(Next, Policy),
}

/// Sweeps a VE that has ended and, where a reboot from inside or its restart
/// policy asks for it, starts it again: this process then becomes its shim and
/// does not return.
///
/// # Errors
/// Another command holds the lock, or a step failed; the reason is left in the
/// run directory too, for nobody may be there to hear it.
pub fn after_end(ve: &Ve<'_>) -> Result<Done, Error> {
    go_on(ve).inspect_err(|error| launcher::leave_reason(ve, &error.lines().join("; ")))
}

fn go_on(ve: &Ve<'_>) -> Result<Done, Error> {
    let Some(lock) = lock(ve)? else {
        return Ok(Done::default());
    };
    let lock = ve.must_exist(lock)?;
    let Observed::Stopped(stopped) = ve.observe() else {
        return Ok(Done::default());
    };
    match turn(ve, &stopped) {
        Turn::Nothing => Ok(Done::default()),
        Turn::Sweep => sweep(ve, Left::Kill).map(|()| Done::default()),
        Turn::Start(next, policy) => start_again(ve, next, policy, lock),
    }
}

/// A command may have swept, started or stopped the VE while this one waited for
/// the lock: then neither names this process.
fn turn(ve: &Ve<'_>, stopped: &Stopped) -> Turn {
    let Ok(me) = Process::of(std::process::id().cast_signed()) else {
        return Turn::Nothing;
    };
    if let Some(waited) = stopped.restarting.filter(|waited| waited.shim == me) {
        return Turn::Start(Next::now(waited.restarts), policy(ve, waited.policy));
    }
    let Ok(record) = Record::read(&ve.run.record()) else {
        return Turn::Nothing;
    };
    if record.shim != me {
        return Turn::Nothing;
    }
    // On a full disk the shim could not write how it was.
    let ended = stopped.ended.unwrap_or(Ended {
        ending: Ending::Unseen,
        asked: false,
        at: Stamp::now(),
    });
    let policy = policy(ve, record.policy);
    // Somebody asked for this end, though the command that did was killed.
    let was_asked = ended.ending != Ending::Reboot && ve.run.was_asked_to_stop();
    if was_asked || !policy.restarts(ended.ending) {
        return Turn::Sweep;
    }
    let lasted = ended.at.since(record.started);
    Turn::Start(Next::after(ended.ending, lasted, record.restarts), policy)
}

/// What the config says now, so that an administrator can end a loop; what it
/// said before where it is nonsense now.
fn policy(ve: &Ve<'_>, before: Policy) -> Policy {
    ve.config().map_or(before, |config| config.restart)
}

/// Starts it, or waits for the time to; returns where neither can be done.
fn start_again(ve: &Ve<'_>, next: Next, policy: Policy, lock: Lock) -> Result<Done, Error> {
    let mut next = next;
    let swept = sweep(ve, Left::Kill);
    if swept.is_err() || next.wait.is_zero() {
        let failed = swept.and_then(|()| launch(ve, next, policy));
        if !policy.retries() {
            return failed.map(|()| Done::default());
        }
        if let Err(error) = failed {
            launcher::leave_reason(ve, &error.lines().join("; "));
        }
        next = Next::after_failure(next.restarts);
    }
    let source = waiter::wait(ve, next, policy, lock);
    Err(Error::action(&ve.name, "wait for the restart", source))
}

/// Returns where it failed, which has left its reason already unless it is the
/// error.
fn launch(ve: &Ve<'_>, next: Next, policy: Policy) -> Result<(), Error> {
    let mut plan = start::plan(ve)?;
    plan.restarts = next.restarts;
    plan.policy = policy;
    launcher::launch(ve, &plan, &Reporter::nobody());
    Ok(())
}

/// The lock, unless whoever has it stops the VE and does the rest.
fn lock(ve: &Ve<'_>) -> Result<Option<Lock>, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ve.lock_for("after-end", LOOK) {
            Ok(lock) => return Ok(Some(lock)),
            Err(_) if ve.run.is_being_stopped() => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Locked && Instant::now() < deadline => {}
            Err(error) => return Err(error),
        }
    }
}
