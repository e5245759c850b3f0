//! Sending a signal to PID 1 of a VE.

use std::os::fd::AsFd;

use veld_state::Observed;
use veld_sys::Context;
use veld_sys::process::send_signal;

use crate::error::{Error, ErrorKind};
use crate::outcome::Done;
use crate::ve::Ve;

const KILL: i32 = 9;

/// Sends the signal `number`; what PID 1 does about it is its own affair.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::NotRunning`].
pub fn kill(ve: &Ve<'_>, number: i32) -> Result<Done, Error> {
    let Observed::Running(running) = ve.observe() else {
        ve.must_be_there()?;
        return Err(Error::fact(
            ErrorKind::NotRunning,
            &ve.name,
            "is not running",
        ));
    };
    send_signal(running.init.as_fd(), number)
        .context(|| format!("send signal {number} to PID 1"))
        .map_err(|failure| Error::action(&ve.name, "kill", failure))?;
    let failed = |error| Error::action(&ve.name, "kill", error);
    let group = ve.group().map_err(failed)?;
    if number == KILL {
        // By v1 not even a killed process ends before it is thawed.
        group.thaw().map_err(failed)?;
    }
    let later = if group.is_frozen() {
        ", which waits until it is resumed"
    } else {
        ""
    };
    Ok(Done::new(format!("sent signal {number}{later}")))
}
