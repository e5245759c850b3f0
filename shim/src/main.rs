//! veld-shim: the host side of one running VE.
//!
//! The launcher, parent of the VE's PID 1, executes this over itself: the same
//! process, now small. It has no thread, takes no memory after its start, and
//! waits for nothing but its epoll descriptor. It reads the VE's console at all
//! times, hands it to whoever attaches, believes PID 1 (alone) about readiness,
//! and when PID 1 has ended records how and makes way for the command that
//! sweeps up or starts the VE again.
//!
//! ```text
//! start ──> event loop ──PID 1 ended──> end ──> veld after-end NAME
//!                                        └────> exit, when a command is at work
//! ```
//!
//! A VE outlives its shim. With the shim killed nobody holds the console's
//! master: the kernel hangs the tty up, so what is open on it reads end-of-file
//! and its writes fail with EIO; they never block. The session that has it as
//! controlling terminal gets SIGHUP, which a PID 1 without a handler does not
//! feel and systemd takes for a request to reload.
//!
//! The contract with the launcher and the commands is `veld_protocol::shim`.

mod clients;
mod console;
mod end;
mod event_loop;
mod log;
mod notice;
mod readiness;
mod run_directory;
mod scrollback;
mod start;

use std::process::ExitCode;

use veld_sys::Failure;

use crate::event_loop::Shim;
use crate::start::Start;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // Whatever there was to say is in the console's log: there is no stderr.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Everything, from start to end. Returns where no command follows.
fn serve() -> Result<(), Failure> {
    let Start {
        successor,
        descriptors,
    } = start::start()?;
    let mut shim = Shim::new(descriptors);
    let ran = shim.run().and_then(|()| end::end(shim.ended(), &successor));
    if let Err(failure) = &ran {
        shim.note(failure);
    }
    ran
}
