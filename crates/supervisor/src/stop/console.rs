//! The console of a VE that has no shim and is about to shut down.
//!
//! Nobody listens to it, and a write to it is an error that an init may try long
//! to get past. What is done about that takes as long as the VE's /dev, and
//! nobody waits for it but that VE.

use std::os::fd::AsFd;
use std::time::Duration;

use veld_launch::Quieting;
use veld_state::{Running, ended};

use crate::error::chain;
use crate::ve::Ve;

/// Begins to quiet it; the warning where that cannot be.
pub(super) fn quiet(ve: &Ve<'_>, running: &Running) -> Result<Option<Quieting>, String> {
    if running.shim.is_some() {
        return Ok(None);
    }
    ve.step("quiet console");
    let quieting = veld_launch::quiet_console(running.record.init.pid, running.init.as_fd());
    quieting.map(Some).map_err(|error| warning(&error))
}

/// What came of it, as a warning where it did not work.
pub(super) fn outcome(quieting: Quieting, running: &Running) -> Result<(), String> {
    match quieting.finish() {
        // One that has just ended has nothing to say.
        Err(_) if ended(running.init.as_fd(), Duration::ZERO).unwrap_or(false) => Ok(()),
        outcome => outcome.map_err(|error| warning(&error)),
    }
}

fn warning(error: &veld_launch::Error) -> String {
    format!("cannot quiet the console: {}", chain(error))
}
