//! veld-shim: the host side of one running VE.
//!
//! The launcher, parent of the VE's PID 1, executes this over itself: the same
//! process, now small. It has no thread, takes no memory after its start, and
//! waits for nothing but its epoll descriptor. It reads the VE's console at all
//! times, hands it to whoever attaches, believes PID 1 (alone) about readiness,
//! counts what limits refuse and what the links move, writes down what happens to the VE, and when PID 1 has ended records how and makes way for the command that
//! sweeps up or starts the VE again.
//!
//! ```text
//! start ──> event loop ──PID 1 ended──> end ──> veld after-end NAME
//!                                        └────> exit, when a command is at work
//!
//! start ──> wait ──> veld after-end NAME
//! ```
//!
//! The second line is a shim without a VE: one that ends again and again waits
//! before its next start, in the smallest process there is. Whoever takes the
//! matter over meanwhile kills it.
//!
//! A VE outlives its shim. With the shim killed nobody holds the console's
//! master: the kernel hangs the tty up, so what is open on it reads end-of-file
//! and its writes fail with EIO; they never block. The session that has it as
//! controlling terminal gets SIGHUP, which a PID 1 without a handler does not
//! feel and systemd takes for a request to reload.
//!
//! The contract with the launcher and the commands is `veld_protocol::shim`.

mod answer;
mod child;
mod clients;
mod console;
mod end;
mod event_loop;
mod events;
mod log;
mod notice;
mod readiness;
mod refusals;
mod run_directory;
mod scrollback;
mod start;
mod stopper;
mod traffic;
mod watch;

use std::process::ExitCode;

use veld_sys::Failure;

use crate::event_loop::Shim;
use crate::log::Log;
use crate::run_directory::RunDirectory;
use crate::start::{Descriptors, Successor, Task};

fn main() -> ExitCode {
    let Ok(start) = start::start() else {
        return ExitCode::FAILURE;
    };
    let directory = start.directory;
    let done = match start.task {
        Task::Serve(descriptors) => serve(&directory, descriptors, &start.successor),
        Task::Wait(patience) => Err(end::wait(patience, &start.successor)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Log::note(&directory, &failure);
            ExitCode::FAILURE
        }
    }
}

/// Everything, from start to end. Returns where no command follows.
fn serve(
    directory: &RunDirectory,
    descriptors: Descriptors,
    successor: &Successor,
) -> Result<(), Failure> {
    let mut shim = Shim::new(directory, descriptors, successor)?;
    shim.run()?;
    end::end(shim, directory, successor)
}
