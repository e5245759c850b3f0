//! The console of a VE, from outside.

use std::os::unix::net::UnixStream;

use veld_protocol::shim;
use veld_state::Observed;

use crate::error::{Error, ErrorKind};
use crate::ve::Ve;

/// Connects to the console.
///
/// # Errors
/// [`ErrorKind::NotRunning`]; [`ErrorKind::Refused`] where the shim, which
/// holds the console, is gone.
pub fn open_console(ve: &Ve<'_>) -> Result<UnixStream, Error> {
    match ve.observe() {
        Observed::Stopped(_) => Err(Error::fact(
            ErrorKind::NotRunning,
            &ve.name,
            "is not running",
        )),
        Observed::Running(running) if running.shim.is_none() => {
            let fact = "has no console: its shim is gone; restart the VE to get one";
            Err(Error::fact(ErrorKind::Refused, &ve.name, fact))
        }
        Observed::Running(_) => veld_console::connect(ve.run.path(), shim::CONSOLE_SOCKET)
            .map_err(|failure| Error::action(&ve.name, "open the console", failure)),
    }
}
