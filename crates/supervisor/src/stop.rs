//! Stopping a VE.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use veld_namespaces::IDS;
use veld_protocol::init;
use veld_state::{Observed, Process, Running, ended, parents_of_zombies, signals_handled};
use veld_sys::process::send_signal;
use veld_sys::{Context, Failure};

use crate::error::{Error, ErrorKind, Source, chain};
use crate::outcome::Done;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;

/// How a VE is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// PID 1 is asked to shut down; past this, the VE is killed.
    Ask(Duration),
    /// It is killed at once.
    Kill,
}

/// SIGKILL takes effect when the kernel gets to it; only a process stuck in the
/// kernel takes longer.
const DYING: Duration = Duration::from_secs(10);

/// How long a killed PID 1 usually takes, and some more.
const SOON: Duration = Duration::from_millis(500);

const KILL: i32 = 9;
const CONTINUE: i32 = 18;

/// Stops a VE and takes away all that its run made.
///
/// # Errors
/// [`ErrorKind::NotRunning`]; [`ErrorKind::TimedOut`] where even killed
/// processes do not go, which are named.
pub fn stop(ve: &Ve<'_>, manner: Manner) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("stop")?)?;
    match ve.observe() {
        Observed::Running(running) => end(ve, &running, manner),
        // It was on its way up again.
        Observed::Stopped(stopped) if stopped.reboots() && stopped.unswept => {
            sweep(ve, Left::Kill)?;
            Ok(Done::new("stopped"))
        }
        Observed::Stopped(_) => {
            let runs = ve
                .group()
                .is_ok_and(|group| group.populated().unwrap_or(false));
            sweep(ve, Left::Kill)?;
            if runs {
                let warning = "it ran without a record and was killed".to_owned();
                return Ok(Done::new("stopped").with_warnings(vec![warning]));
            }
            Err(Error::fact(
                ErrorKind::NotRunning,
                &ve.name,
                "is not running",
            ))
        }
    }
}

/// Stops a running VE whose lock is held.
pub(crate) fn end(ve: &Ve<'_>, running: &Running, manner: Manner) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(&ve.name, "stop", source);
    let group = ve.group().map_err(|error| failed(error.into()))?;
    // From now on the shim leaves what comes after the end to this command.
    ve.run
        .say_stopping()
        .map_err(|failure| failed(failure.into()))?;
    let said = Said(ve);
    // A frozen process answers no signal, not even the last.
    let _ = group.thaw();
    let mut warnings = Vec::new();
    if let Manner::Ask(patience) = manner {
        warnings.extend(quiet_console(ve, running));
        ve.step("ask PID 1 to shut down");
        let stopped = ask(running, patience).map_err(|failure| failed(failure.into()))?;
        if !stopped {
            warnings.push(format!(
                "init did not exit within {} s, killed",
                patience.as_secs()
            ));
        }
    }
    kill_rest(ve, running, &group)?;
    ve.step("wait for shim");
    wait_for_shim(running).map_err(|failure| failed(failure.into()))?;
    sweep(ve, Left::Kill)?;
    drop(said);
    Ok(Done::new("stopped").with_warnings(warnings))
}

/// The word that the VE is being stopped, which must not outlive the attempt.
struct Said<'a>(&'a Ve<'a>);

impl Drop for Said<'_> {
    fn drop(&mut self) {
        let _ = self.0.run.unsay_stopping();
    }
}

/// Asks PID 1 to shut down; whether it has within `patience`.
fn ask(running: &Running, patience: Duration) -> Result<bool, Failure> {
    let deadline = Instant::now() + patience;
    let left = || deadline.saturating_duration_since(Instant::now());
    let init = running.init.as_fd();
    // PID 1 of a namespace never gets a signal that it has not prepared for: one
    // sent while it is still setting itself up would be lost.
    while !signals_handled(running.record.init.pid, init::SIGNAL_POWER_OFF).unwrap_or(false) {
        if ended(init, Duration::from_millis(5).min(left()))? {
            return Ok(true);
        }
        if left().is_zero() {
            return Ok(false);
        }
    }
    match send_signal(init, init::SIGNAL_POWER_OFF) {
        // A signal that comes too late finds nobody: it ended by itself.
        Err(_) if ended(init, Duration::ZERO)? => Ok(true),
        result => {
            result.context(|| "signal PID 1")?;
            ended(init, left())
        }
    }
}

fn kill_rest(ve: &Ve<'_>, running: &Running, group: &veld_cgroups::Group) -> Result<(), Error> {
    let failed = |source: Source| Error::action(&ve.name, "stop", source);
    let init = running.init.as_fd();
    if ended(init, Duration::ZERO).map_err(|failure| failed(failure.into()))? {
        return Ok(());
    }
    ve.step("kill");
    // By group, for processes that joined; and by itself, for its namespace.
    let _ = send_signal(init, KILL);
    group.kill().map_err(|error| failed(error.into()))?;
    if ended(init, SOON).map_err(|failure| failed(failure.into()))? {
        return Ok(());
    }
    let waiting = wake_parents(ve);
    let aborted = abort_fuse(ve);
    if ended(init, DYING).map_err(|failure| failed(failure.into()))? {
        return Ok(());
    }
    let left = group.processes().unwrap_or_default();
    let words = |pids: &[i32]| {
        let words: Vec<String> = pids.iter().map(ToString::to_string).collect();
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        }
    };
    let fact = format!(
        "cannot stop: killed {} s ago, but PID 1 is still there; processes left: {}; \
         not waited for by: {}",
        DYING.as_secs(),
        words(&left),
        words(&waiting)
    );
    let also = aborted.err().map(|error| chain(&error));
    Err(Error::fact(ErrorKind::TimedOut, &ve.name, fact).and_also(also))
}

/// Nobody listens to the console of a VE without a shim, and a write to it is an
/// error that an init may try long to get past. Returns the warning where that
/// could not be helped.
fn quiet_console(ve: &Ve<'_>, running: &Running) -> Option<String> {
    if running.shim.is_some() {
        return None;
    }
    ve.step("quiet console");
    let init = running.init.as_fd();
    match veld_launch::quiet_console(running.record.init.pid, init) {
        // One that has just ended has nothing to say.
        Err(_) if ended(init, Duration::ZERO).unwrap_or(false) => None,
        Err(error) => Some(format!("cannot quiet the console: {}", chain(&error))),
        Ok(()) => None,
    }
}

/// Ends the wait of processes for FUSE servers of the VE, which are dead or wait
/// themselves: until then not even a killed one goes.
pub(crate) fn abort_fuse(ve: &Ve<'_>) -> Result<usize, Source> {
    ve.step("abort FUSE connections");
    let first = ve.ids()?.first();
    Ok(veld_rootfs::abort_fuse(first..first.saturating_add(IDS))?)
}

/// PID 1 cannot end before a process that joined the VE has been waited for by
/// its parent, `veld exec`, which somebody may have stopped. Such parents go on
/// again, and are returned.
fn wake_parents(ve: &Ve<'_>) -> Vec<i32> {
    let ids = ve
        .ids()
        .map(|ids| ids.first()..ids.first().saturating_add(IDS));
    let parents = ids.map(parents_of_zombies).unwrap_or_default();
    for parent in &parents {
        if let Some(pidfd) = Process::of(*parent).ok().and_then(Process::open) {
            let _ = send_signal(pidfd.as_fd(), CONTINUE);
        }
    }
    parents
}

/// The shim ends by itself once it has written down how PID 1 did; one that
/// does not is of no use any more.
fn wait_for_shim(running: &Running) -> Result<(), Failure> {
    let Some(shim) = &running.shim else {
        return Ok(());
    };
    if !ended(shim.as_fd(), Duration::from_secs(5))? {
        let _ = send_signal(shim.as_fd(), KILL);
        ended(shim.as_fd(), DYING)?;
    }
    Ok(())
}
