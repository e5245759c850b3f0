//! After PID 1 has ended: how it did, what it said last, and who comes next.

use std::ffi::{CStr, CString};
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use rustix::io::{Errno, FdFlags};
use rustix::process::{WaitId, WaitIdOptions};
use veld_protocol::ending::{Ended, Ending};
use veld_protocol::event::{Event, What};
use veld_protocol::shim::ENDED;
use veld_protocol::stamp::Stamp;
use veld_sys::{Context, Failure, exec, signal};

use crate::event_loop::Shim;
use crate::events;
use crate::run_directory::RunDirectory;
use crate::start::Successor;
use crate::stopper;

/// Records the end and becomes the command that goes on from there; returns
/// without an error where a command is at work on the VE already.
///
/// # Errors
/// The command cannot be executed. The record is there, so that the next command
/// on the VE finds all that is to be known.
pub(crate) fn end(
    mut shim: Shim<'_>,
    directory: &RunDirectory,
    successor: &Successor,
) -> Result<(), Failure> {
    let at = Stamp::now();
    // What it said of itself tells how its status is meant.
    shim.drain();
    let ending = reap(shim.init(), shim.runs_command());
    // Before the clients are let go: whoever sees its connection end finds why.
    let asked = stopper::lives(directory);
    let ended = Ended { ending, asked, at };
    events::append(
        directory,
        &Event {
            at,
            what: What::Stopped(ended),
        },
    );
    record(directory, &ended);
    // Who sees that it has ended asks at once how; nobody asks this of a shim that lives.
    shim.count_traffic();
    drop(shim);
    if stopper::lives(directory) {
        return Ok(());
    }
    Err(become_successor(successor))
}

/// Waits before the VE is started again, and becomes the command that does it.
/// Returns why it could not.
///
/// It listens to nobody: a command that takes the matter over kills it.
///
/// # Kernel
/// waitid(2); clock_nanosleep(2), whose clock stands still while the host sleeps.
pub(crate) fn wait(patience: Duration, successor: &Successor) -> Failure {
    // A PID 1 of a start that failed late, which was killed with its group.
    while let Ok(Some(_)) =
        rustix::process::waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
    {}
    std::thread::sleep(patience);
    become_successor(successor)
}

/// Takes PID 1's status, and with it the last trace of the process. That of a
/// command is the command's own.
///
/// # Kernel
/// waitid(2) with `P_PIDFD`, Linux 5.4.
fn reap(init: BorrowedFd<'_>, is_command: bool) -> Ending {
    let by_exit = if is_command {
        Ending::of_command
    } else {
        Ending::by_exit
    };
    loop {
        return match rustix::process::waitid(WaitId::PidFd(init), WaitIdOptions::EXITED) {
            Ok(Some(status)) => {
                let small = |number: i32| u8::try_from(number).ok();
                let exited = status.exit_status().and_then(small);
                let killed = status.terminating_signal().and_then(small);
                exited
                    .map(by_exit)
                    .or(killed.map(Ending::by_signal))
                    .unwrap_or(Ending::Unseen)
            }
            Err(Errno::INTR) => continue,
            // Not a child, or reaped by whoever was here before.
            Ok(None) | Err(_) => Ending::Unseen,
        };
    }
}

fn record(directory: &RunDirectory, ended: &Ended) {
    let mut line = [0; 64];
    let room = line.len();
    let mut rest = &mut line[..];
    // The longest line is "exited 255 asked" with 30 digits and a point.
    let _ = writeln!(rest, "{ended}");
    let length = room - rest.len();
    // On a full disk the end goes unrecorded; that it came is seen all the same.
    let _ = directory.replace(ENDED, line.get(..length).unwrap_or_default());
}

/// Executes the successor, with nothing of the shim's but its environment and the VE's
/// network namespace.
fn become_successor(successor: &Successor) -> Failure {
    // Older kernels lack the flag; all that the shim opened or took has its own.
    let _ = exec::close_on_exec_from(3);
    if let Some(network) = &successor.network {
        // Where it cannot be passed on, the kernel brings back what is in it.
        let _ = rustix::io::fcntl_setfd(network, FdFlags::empty());
    }
    execute(&successor.command, &successor.arguments)
}

/// Executes a command over this process; returns why it could not.
pub(crate) fn execute(command: &CStr, arguments: &[CString; 3]) -> Failure {
    let operation = || {
        format!(
            "execute {} for {}",
            command.to_string_lossy(),
            arguments.each_ref().map(|a| a.to_string_lossy()).join(" ")
        )
    };
    if let Err(failure) = signal::default_dispositions().context(operation) {
        return failure;
    }
    let environment: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let assignment = [name.into_vec(), value.into_vec()].join(&b'=');
            CString::new(assignment).ok()
        })
        .collect();
    let cause = exec::exec_path(command, arguments, &environment);
    Failure::new(operation(), cause)
}
