//! What follows when a VE has ended by itself: the shim's second life.

use std::time::Duration;

use veld_protocol::ending::Ending;
use veld_protocol::shim;
use veld_state::Observed;

use crate::error::Error;
use crate::launcher;
use crate::outcome::Done;
use crate::report::Reporter;
use crate::start;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;

/// A command that holds the lock is waited for this long before the VE is left
/// to the next one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sweeps a VE that has ended and, after a reboot from inside, starts it again:
/// this process then becomes its shim and does not return.
///
/// # Errors
/// Another command holds the lock, or a step failed; a start that failed has
/// left its reason in the run directory.
pub fn after_end(ve: &Ve<'_>) -> Result<Done, Error> {
    let lock = ve.lock_for("after-end", PATIENCE)?;
    // A command may have swept, started or destroyed it while this one waited.
    let lock = ve.must_exist(lock)?;
    let Observed::Stopped(stopped) = ve.observe() else {
        return Ok(Done::default());
    };
    if ve.run.file(shim::STOPPING).exists() {
        return Ok(Done::default());
    }
    sweep(ve, Left::Kill)?;
    let reboots = stopped
        .ended
        .is_some_and(|ended| ended.ending == Ending::Reboot);
    if reboots {
        let plan = start::plan(ve).inspect_err(|error| {
            launcher::leave_reason(ve, &error.lines().join("\n"));
        })?;
        launcher::launch(ve, &plan, &Reporter::nobody());
    }
    drop(lock);
    Ok(Done::default())
}
