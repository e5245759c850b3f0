//! Stopping a VE.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use veld_durable::Life;
use veld_protocol::{init, shim};
use veld_state::{Observed, Running, ended, signals_handled};
use veld_sys::process::send_signal;
use veld_sys::{Context, Failure};

use crate::error::{Error, ErrorKind, Source};
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

const KILL: i32 = 9;

/// Stops a VE and takes away all that its run made.
///
/// # Errors
/// [`ErrorKind::NotRunning`]; [`ErrorKind::TimedOut`] where even killed
/// processes do not go, which are named.
pub fn stop(ve: &Ve<'_>, manner: Manner) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("stop")?)?;
    match ve.observe() {
        Observed::Running(running) => end(ve, &running, manner),
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
    veld_durable::replace(&ve.run.file(shim::STOPPING), b"", Life::Volatile)
        .map_err(|failure| failed(failure.into()))?;
    // A frozen process answers no signal, not even the last.
    let _ = group.thaw();
    let mut warnings = Vec::new();
    if let Manner::Ask(patience) = manner {
        let stopped = ask(running, patience).map_err(|failure| failed(failure.into()))?;
        if !stopped {
            warnings.push(format!(
                "init did not exit within {} s, killed",
                patience.as_secs()
            ));
        }
    }
    kill_rest(ve, running, &group)?;
    wait_for_shim(running).map_err(|failure| failed(failure.into()))?;
    sweep(ve, Left::Kill)?;
    Ok(Done::new("stopped").with_warnings(warnings))
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
        // It ended by itself in between.
        Err(gone)
            if gone.kind() == std::io::ErrorKind::NotFound || gone.raw_os_error() == Some(3) =>
        {
            Ok(true)
        }
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
    // By group, for processes that joined; and by itself, for its namespace.
    let _ = send_signal(init, KILL);
    group.kill().map_err(|error| failed(error.into()))?;
    if ended(init, DYING).map_err(|failure| failed(failure.into()))? {
        return Ok(());
    }
    let left = group.processes().unwrap_or_default();
    let left: Vec<String> = left.iter().map(ToString::to_string).collect();
    let fact = format!(
        "cannot stop: killed {} s ago, but processes {} are still there",
        DYING.as_secs(),
        left.join(", ")
    );
    Err(Error::fact(ErrorKind::TimedOut, &ve.name, fact))
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
