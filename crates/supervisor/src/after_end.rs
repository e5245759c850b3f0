//! What follows when a VE has ended by itself: the shim's second life.

use std::time::{Duration, Instant};

use veld_durable::Lock;
use veld_state::{Observed, Process, Record};

use crate::error::{Error, ErrorKind};
use crate::launcher;
use crate::outcome::Done;
use crate::report::Reporter;
use crate::start;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;

/// A command that holds the lock is waited for this long before the VE is left
/// to the next one.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile whether that command stops the VE.
const LOOK: Duration = Duration::from_millis(50);

/// A VE that reboots sooner than this is in a loop, and waits as long again: its
/// starts are work of the host's, which no limit of the VE's counts.
const TOO_SOON: Duration = Duration::from_secs(1);

/// Sweeps a VE that has ended and, after a reboot from inside, starts it again:
/// this process then becomes its shim and does not return.
///
/// # Errors
/// Another command holds the lock, or a step failed; the reason is left in the
/// run directory too, for nobody may be there to hear it.
pub fn after_end(ve: &Ve<'_>) -> Result<Done, Error> {
    go_on(ve).inspect_err(|error| launcher::leave_reason(ve, &error.lines().join("; ")))
}

fn go_on(ve: &Ve<'_>) -> Result<Done, Error> {
    if let Observed::Stopped(stopped) = ve.observe()
        && stopped.reboots()
        && Record::read(&ve.run.record()).is_ok_and(|run| run.started.age() < TOO_SOON)
    {
        std::thread::sleep(TOO_SOON);
    }
    let Some(lock) = lock(ve)? else {
        return Ok(Done::default());
    };
    let lock = ve.must_exist(lock)?;
    // A command may have swept, started or stopped it while this one waited: then
    // it is no longer this process's to look after.
    let mine = Process::of(std::process::id().cast_signed());
    let record = Record::read(&ve.run.record());
    let is_mine = matches!((mine, record), (Ok(me), Ok(record)) if record.shim == me);
    let Observed::Stopped(stopped) = ve.observe() else {
        return Ok(Done::default());
    };
    if !is_mine {
        return Ok(Done::default());
    }
    sweep(ve, Left::Kill)?;
    if stopped.reboots() {
        let plan = start::plan(ve)?;
        launcher::launch(ve, &plan, &Reporter::nobody());
    }
    drop(lock);
    Ok(Done::default())
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
