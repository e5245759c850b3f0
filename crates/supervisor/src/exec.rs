//! Running a program in a VE that runs.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use veld_cgroups::Group;
use veld_launch::{Entered, Entry, Program, Who, enter};
use veld_rootfs::TerminalSize;
use veld_state::{Observed, Running, ended};

use crate::error::{Error, ErrorKind, Source};
use crate::pause::must_not_be_frozen;
use crate::set::in_force;
use crate::tuning::{bounds, usual_bounds};
use crate::ve::Ve;

/// What is to run and how.
#[derive(Debug)]
pub struct Command<'a> {
    /// The program.
    pub program: Program,
    /// As whom.
    pub who: Who,
    /// Where; the user's home where not given.
    pub directory: Option<CString>,
    /// More variables, `K=V`.
    pub environment: Vec<String>,
    /// On a new terminal of this size.
    pub terminal: Option<TerminalSize>,
    /// The caller's TERM.
    pub term: Option<String>,
    /// Descriptors instead of the caller's standard ones.
    pub stdio: [Option<BorrowedFd<'a>>; 3],
}

/// Starts a program in the VE, as one of its processes. It needs no lock: any
/// number may do so at once.
///
/// # Errors
/// [`ErrorKind::NotRunning`], [`ErrorKind::Paused`], [`ErrorKind::ProgramNotFound`],
/// [`ErrorKind::NotExecutable`], [`ErrorKind::Failed`] for a step before.
pub fn exec(ve: &Ve<'_>, command: Command<'_>) -> Result<Entered, Error> {
    let Observed::Running(running) = ve.observe() else {
        return Err(Error::fact(
            ErrorKind::NotRunning,
            &ve.name,
            "is not running",
        ));
    };
    let failed = |source: Source| Error::action(&ve.name, "exec", source);
    let group = ve.group().map_err(|error| failed(error.into()))?;
    must_not_be_frozen(ve, &group)?;
    let entry = entry(ve, &running, &group, command).map_err(failed)?;
    enter(entry).map_err(|error| {
        // Whatever failed, failed because the VE was going: it may not be gone yet.
        let patience = if is_of_dying(&error) {
            DYING
        } else {
            Duration::ZERO
        };
        if ended(running.init.as_fd(), patience).unwrap_or(false) {
            return Error::fact(ErrorKind::NotRunning, &ve.name, "is not running");
        }
        full(ve, &group, &error).unwrap_or_else(|| failed(error.into()))
    })
}

/// The way of a command into the VE.
pub(crate) fn entry<'a>(
    ve: &Ve<'_>,
    running: &'a Running,
    group: &Group,
    command: Command<'a>,
) -> Result<Entry<'a>, Source> {
    Ok(Entry {
        init: running.init.as_fd(),
        cgroup: group.entry()?,
        owner: ve.ids()?.first(),
        who: command.who,
        directory: command.directory,
        environment: command.environment,
        program: command.program,
        terminal: command.terminal,
        term: command.term,
        stdio: command.stdio,
        // What its other processes have, whatever its config says by now.
        bounds: in_force(ve).map_or_else(|_| usual_bounds(), |config| bounds(&config)),
    })
}

/// How long a VE that is being killed may take to be gone.
const DYING: Duration = Duration::from_secs(2);

/// Whether a failure is one that a VE's death on the way would explain.
///
/// # Kernel
/// clone(2): ENOMEM in a pid namespace whose PID 1 has ended.
fn is_of_dying(error: &veld_launch::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, OutOfMemory};
    let cause = error.errno().map(std::io::Error::from_raw_os_error);
    error.kind() == veld_launch::ErrorKind::Silent
        || cause.is_some_and(|cause| {
            let nobody = Some(veld_sys::process::NO_SUCH_PROCESS);
            matches!(cause.kind(), BrokenPipe | ConnectionReset | OutOfMemory)
                || cause.raw_os_error() == nobody
        })
}

/// A process that joins counts like any other, and on its way so does the one
/// that brings it: the VE may have no room for two.
fn full(ve: &Ve<'_>, group: &Group, error: &veld_launch::Error) -> Option<Error> {
    let no_room = std::io::Error::from_raw_os_error(error.errno()?).kind();
    let held = group.effective().ok()?;
    let (limit, now) = (held.processes?, held.processes_now?);
    (no_room == std::io::ErrorKind::WouldBlock && now + 1 >= limit).then(|| {
        let fact = format!("cannot exec: {now} processes are running, {limit} are allowed");
        Error::fact(ErrorKind::Failed, &ve.name, fact)
    })
}
