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

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use veld_durable::Lock;
use veld_protocol::ending::{Ended, Ending};
use veld_protocol::kind::SIGINT;
use veld_protocol::restart::Policy;
use veld_protocol::shim;
use veld_protocol::stamp::Stamp;
use veld_state::{Observed, Process, Record, Stopped, file_or_end, found};

use crate::backoff::Next;
use crate::error::{Error, ErrorKind};
use crate::launcher;
use crate::net::nics;
use crate::outcome::Done;
use crate::report::Reporter;
use crate::start;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;
use crate::waiter;

/// A command that holds the lock is waited for this long here.
const PATIENCE: Duration = Duration::from_secs(5);
/// And then this long by the shim that waits, and so on in turns.
const AGAIN: Duration = Duration::from_secs(5);
/// How long the shim may take to write down how the VE ended.
const RECORDING: Duration = Duration::from_secs(1);
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
/// A step failed; the reason is left in the run directory too, for nobody may be
/// there to hear it.
pub fn after_end(ve: &Ve<'_>) -> Result<Done, Error> {
    // Whoever sweeps meanwhile waits for it. Where it fails this process's own sweep
    // tries again, and says so.
    let _ = ve.group().and_then(|group| group.leave());
    // Closed where nothing has to be taken out of it: its links go with it.
    if let Ok(network) = veld_sys::descriptor::take_inherited(shim::NETWORK)
        && nics::has_any(ve)
    {
        ve.hold_network(network);
    }
    go_on(ve).inspect_err(|error| launcher::leave_reason(ve, &error.lines().join("; ")))
}

fn go_on(ve: &Ve<'_>) -> Result<Done, Error> {
    let lock = match lock(ve) {
        Ok(Some(lock)) => ve.must_exist(lock)?,
        Ok(None) => return Ok(Done::default()),
        Err(error) if error.kind() == ErrorKind::Locked => return wait_for_lock(ve),
        Err(error) => return Err(error),
    };
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
        let policy = policy(ve, waited.policy);
        // A start that failed has taken away how the last run ended.
        let goes_on = stopped
            .ended
            .map_or(policy.retries(), |ended| policy.restarts(ended.ending));
        return if goes_on {
            Turn::Start(Next::now(waited.restarts), policy)
        } else {
            Turn::Sweep
        };
    }
    let Some(record) = Record::read(&ve.run.record())
        .ok()
        .filter(|record| record.shim == me)
    else {
        return Turn::Nothing;
    };
    let ended = ended(stopped);
    match restart(ve, &record, ended.ending) {
        Some(policy) => {
            let lasted = ended.at.since(record.started);
            Turn::Start(Next::after(ended.ending, lasted, record.restarts), policy)
        }
        None => Turn::Sweep,
    }
}

/// Whether the process that saw a VE end is about to start it again, and has not
/// left word of it yet. Where that process is at it this very moment, it is given
/// the time to write down how it ended.
pub(crate) fn restarts(ve: &Ve<'_>, stopped: &Stopped) -> bool {
    let Ok(record) = Record::read(&ve.run.record()) else {
        return false;
    };
    let Some(shim) = record.shim.open() else {
        return false;
    };
    if stopped.ended.is_some() {
        return restart(ve, &record, ended(stopped).ending).is_some();
    }
    let _ = file_or_end(&ve.run, shim::ENDED, shim.as_fd(), RECORDING);
    match ve.observe() {
        Observed::Stopped(stopped) => restart(ve, &record, ended(&stopped).ending).is_some(),
        Observed::Running(_) => false,
    }
}

/// How it ended; on a full disk the shim could not write that.
fn ended(stopped: &Stopped) -> Ended {
    stopped.ended.unwrap_or(Ended {
        ending: Ending::Unseen,
        asked: false,
        at: Stamp::now(),
    })
}

/// The policy, where it says that a VE is started again after this end.
fn restart(ve: &Ve<'_>, record: &Record, ending: Ending) -> Option<Policy> {
    // Somebody asked for this end, though the command that did was killed. What some
    // inits take for a wish to stop, they answer by a reboot.
    let stops_by_reboot = found(&ve.run).is_some_and(|found| found.stop_signal == SIGINT);
    let was_asked = (ending != Ending::Reboot || stops_by_reboot) && ve.run.was_asked_to_stop();
    let policy = policy(ve, record.policy);
    (!was_asked && policy.restarts(ending)).then_some(policy)
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
    start::find_addresses(ve).map_err(|source| Error::action(&ve.name, "start", source))?;
    let mut plan = start::plan(ve)?;
    plan.restarts = next.restarts;
    plan.policy = policy;
    launcher::launch(ve, &plan, &Reporter::nobody());
    Ok(())
}

/// Comes back later, unless whoever has the lock has taken the matter over
/// already. The record or the word of a wait goes on naming this process.
fn wait_for_lock(ve: &Ve<'_>) -> Result<Done, Error> {
    match ve.observe() {
        Observed::Stopped(stopped) if turn(ve, &stopped) != Turn::Nothing => {
            let source = waiter::wait_without_word(ve, AGAIN);
            Err(Error::action(&ve.name, "wait for the lock", source))
        }
        Observed::Stopped(_) | Observed::Running(_) => Ok(Done::default()),
    }
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
