//! Starting a job: a session of its own, a terminal, a clean slate of signals.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use nix::sys::signal::SigSet;
use rustix::fs::OFlags;
use rustix::process::Pid;
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure};

use crate::command::Command;
use crate::console::{self, CONSOLE};
use crate::plan::Job;

/// What a shell answers where a program is missing.
const NOT_FOUND: i32 = 127;
/// What it answers where a program is there but is none.
const CANNOT_EXECUTE: i32 = 126;

/// Starts a job. That its program cannot be executed is told by the child, on
/// the console; here it is a process that ended at once.
fn start(job: &Job, env: &[CString]) -> Result<Pid, Failure> {
    match fork().context(|| format!("start {job}"))? {
        // PID 1 waits for whoever ends, so it needs nothing but the number.
        Forked::Parent(child) => Ok(child.pid),
        Forked::Child => {
            // A fork of a process without threads may allocate and print.
            let failure = become_job(job, env);
            console::report(&failure);
            exit_now(if failure.kind() == io::ErrorKind::NotFound {
                NOT_FOUND
            } else {
                CANNOT_EXECUTE
            })
        }
    }
}

/// Starts a job; a failure is told on the console.
pub(crate) fn start_or_report(job: &Job, env: &[CString]) -> Option<Pid> {
    start(job, env)
        .inspect_err(|failure| console::report(failure))
        .ok()
}

/// Turns this process into the job. Returns only when that fails.
pub(crate) fn become_job(job: &Job, env: &[CString]) -> Failure {
    let command = Command::parse(&job.process);
    if let Err(failure) = prepare(job, command.login) {
        return failure;
    }
    Failure::new(format!("start {job}"), command.execute(env))
}

fn prepare(job: &Job, login: bool) -> Result<(), Failure> {
    // PID 1 itself, when another init takes its place, leads a session already.
    let _ = rustix::process::setsid();
    let terminal = open(job).context(|| format!("open terminal of {job}"))?;
    stand_on(&terminal).context(|| format!("open terminal of {job}"))?;
    // Only who talks to a person owns the terminal: when its owner ends, the
    // terminal hangs up on all that are left in the session.
    if login {
        let _ = rustix::process::ioctl_tiocsctty(&terminal);
    }
    veld_sys::signal::default_dispositions()
        .and_then(|()| Ok(SigSet::empty().thread_set_mask()?))
        .context(|| format!("reset signals of {job}"))?;
    if job.ask {
        ask(&terminal).context(|| format!("ask on the terminal of {job}"))?;
    }
    Ok(())
}

/// The terminal that the job names, else the console, else nothing to read from.
fn open(job: &Job) -> io::Result<OwnedFd> {
    let named = job.terminal.iter().map(|name| format!("/dev/{name}"));
    let paths = named.chain([CONSOLE.to_owned(), "/dev/null".to_owned()]);
    let mut result = Err(io::ErrorKind::NotFound.into());
    for path in paths {
        result = console::open_terminal(&path, OFlags::RDWR);
        if result.is_ok() {
            break;
        }
    }
    let terminal = result?;
    // Not to wait for a carrier was for the opening alone.
    let flags = rustix::fs::fcntl_getfl(&terminal)?;
    rustix::fs::fcntl_setfl(&terminal, flags.difference(OFlags::NONBLOCK))?;
    Ok(terminal)
}

fn stand_on(terminal: &OwnedFd) -> io::Result<()> {
    rustix::stdio::dup2_stdin(terminal)?;
    rustix::stdio::dup2_stdout(terminal)?;
    Ok(rustix::stdio::dup2_stderr(terminal)?)
}

/// Waits until somebody presses Enter; a terminal that ends instead is an error.
fn ask(terminal: &OwnedFd) -> io::Result<()> {
    rustix::io::write(terminal, b"\nPress Enter to use this console.\n")?;
    let mut key = [0_u8];
    while key != *b"\n" && key != *b"\r" {
        if rustix::io::read(terminal, &mut key)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
