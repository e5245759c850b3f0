//! The way of an init whose work is done here: PID 1 stays, runs the plan of a
//! [`flavour`](crate::flavour), reaps, and stops everything in order.
//!
//! [`table`] says what happens when; [`supervisor`] does it. Its loop waits in
//! poll(2) on one signalfd, and on the fifo of an init that has one. Whatever
//! woke it, it reads all signals and requests, then reaps until no ended child is
//! left, since several SIGCHLD may have come as one.

mod child;
mod ear;
mod ending;
mod patience;
mod service;
mod services;
mod signals;
mod supervisor;
mod table;
mod utmp;

use std::io;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use veld_protocol::init::Options;
use veld_sys::{Context, Failure};

use crate::console;
use crate::flavour::Manners;
use crate::launcher::Launcher;
use crate::plan::Job;
use signals::Signals;
use supervisor::Supervisor;

pub(crate) use ear::Ear;
pub(crate) use table::{End, Event};

/// Brings the services up, keeps them and takes them down again. Returns a code
/// to exit with where reboot(2) is refused, or where the main job's is the VE's.
///
/// # Errors
/// Where signals cannot be had as a descriptor.
pub(crate) fn run(
    manners: &'static Manners,
    options: &Options,
    launcher: Launcher,
) -> Result<u8, Failure> {
    let signals = Signals::block().context(|| "block signals")?;
    // From here on nothing is lost that the host asks for.
    drop(launcher);
    // Root of the VE may look at its PID 1, as it may elsewhere: distributions read
    // the environment of it to learn what they run in. The file that this runs from
    // is not theirs to read, which is why the kernel keeps the process closed.
    set_dumpable_behavior(DumpableBehavior::Dumpable).context(|| "open PID 1 to its root")?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    if let Err(failure) = tell_container() {
        console::report(&failure);
    }
    let mut supervisor = Supervisor::new(manners, options, signals);
    loop {
        supervisor.boot();
        let end = supervisor.live()?;
        match supervisor.successor() {
            // "Restart init" with the distribution's own init is what this is.
            Some(job) if end == End::Restart && names_an_init(&job) => {}
            Some(job) if end == End::Restart => {
                console::report(&child::become_job(&job, supervisor.env()));
                return Ok(ending::leave(End::Halt));
            }
            _ if end == End::Exit => {
                return Ok(u8::try_from(supervisor.status()).unwrap_or(u8::MAX));
            }
            _ => return Ok(ending::leave(end)),
        }
    }
}

/// Leaves the mark by which tools inside know that they are in a container.
fn tell_container() -> Result<(), Failure> {
    let attempt = || -> io::Result<()> {
        veld_sys::fault::point("write container mark")?;
        std::fs::create_dir_all("/run/systemd")?;
        let mut mark = std::fs::File::create("/run/systemd/container")?;
        io::Write::write_all(&mut mark, b"veld\n")
    };
    attempt().context(|| "write /run/systemd/container")
}

fn names_an_init(job: &Job) -> bool {
    let program = job.process.split_ascii_whitespace().next();
    program.is_some_and(|program| matches!(program.rsplit('/').next(), Some("init" | "linuxrc")))
}
