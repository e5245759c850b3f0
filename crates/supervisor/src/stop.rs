//! Stopping a VE: PID 1 is asked, waited for, and killed with all the rest.
//!
//! ```text
//! begin ──> look ──it waits──> look … ──> finish
//!   lock, thaw, ask                         kill what is left, sweep
//! ```
//!
//! Who stops many VEs begins with all, looks at each when its time has come, and
//! hands those that are over to somebody who may take as long as it takes.

mod asking;
mod console;
mod kill;
mod patience;

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use veld_durable::Lock;
use veld_protocol::ending::Ended;
use veld_protocol::event::{Cause, What as Happens};
use veld_protocol::stamp::Stamp;
use veld_state::{Observed, Running, Stopped, ended};

use crate::after_end;
use crate::error::{Error, ErrorKind, Source};
use crate::net::nics;
use crate::outcome::Done;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;
pub(crate) use asking::presumed;
use asking::{Answer, Asking};
pub(crate) use kill::abort_fuse;
pub use patience::Patience;

/// How much longer than a stop takes at most its word counts where it is killed.
const WORD: Duration = Duration::from_secs(60);

/// How a VE is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// PID 1 is asked to shut down; past this, the VE is killed.
    Ask(Patience),
    /// It is killed at once.
    Kill,
}

/// Stops a VE and takes away all that its run made.
///
/// # Errors
/// [`ErrorKind::NotRunning`]; [`ErrorKind::TimedOut`] where even killed
/// processes do not go, which are named.
pub fn stop(ve: &Ve<'_>, manner: Manner) -> Result<Done, Error> {
    let mut stopping = Stopping::begin(ve, manner, crate::ve::LOCK_PATIENCE)?;
    while let Some(wait) = stopping.look()? {
        stopping.wait(wait)?;
    }
    stopping.finish()
}

/// A VE that is being stopped. Its lock is held: where this is dropped before
/// [`finish`](Self::finish), the VE is left to itself, asked or not.
#[derive(Debug)]
pub struct Stopping<'a> {
    ve: &'a Ve<'a>,
    what: What,
    warnings: Vec<String>,
    lock: Lock,
}

#[derive(Debug)]
enum What {
    /// PID 1 lives; it is asked, or nobody waits for it.
    Run(Box<Running>, Option<Asking>),
    /// It does not, but there may be something of its run.
    Left(Stopped),
}

impl<'a> Stopping<'a> {
    /// Takes the lock, for which `lock_patience` is waited, and asks PID 1, or
    /// gets ready to: see [`look`](Self::look).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Locked`], and what keeps PID 1 from
    /// being asked.
    pub fn begin(ve: &'a Ve<'a>, manner: Manner, lock_patience: Duration) -> Result<Self, Error> {
        let lock = ve.must_exist(ve.lock_for("stop", lock_patience)?)?;
        let what = match ve.observe() {
            Observed::Running(running) => {
                nics::hold(ve, &running);
                say(ve, manner)?;
                let asking = match manner {
                    Manner::Kill => None,
                    Manner::Ask(patience) => Some(Asking::begin(ve, &running, patience)),
                };
                What::Run(Box::new(running), asking)
            }
            Observed::Stopped(stopped) => What::Left(stopped),
        };
        let mut stopping = Self {
            ve,
            what,
            warnings: Vec::new(),
            lock,
        };
        stopping.look()?;
        Ok(stopping)
    }

    /// Goes on as far as it can without waiting; how long to wait at most, and not
    /// longer than PID 1 lives, before another look is of use. Nothing where the
    /// rest is to be done.
    ///
    /// # Errors
    /// PID 1 cannot be asked.
    pub fn look(&mut self) -> Result<Option<Duration>, Error> {
        let What::Run(running, was_asked) = &mut self.what else {
            return Ok(None);
        };
        let Some(asking) = was_asked else {
            return Ok(None);
        };
        let answer = asking.look(self.ve, running);
        self.warnings.append(&mut asking.warnings);
        let answer = answer.inspect_err(|_| unsay(self.ve));
        match answer.map_err(|failure| failed(self.ve, failure))? {
            Answer::Waits(wait) => return Ok(Some(wait)),
            Answer::Ended => {}
            Answer::Not(why) => self.warnings.push(format!("{why}, killed")),
        }
        *was_asked = None;
        Ok(None)
    }

    /// The VE.
    #[must_use]
    pub fn ve(&self) -> &'a Ve<'a> {
        self.ve
    }

    /// Whether anything of a run is there.
    #[must_use]
    pub fn has_something_to_stop(&self) -> bool {
        match &self.what {
            What::Run(..) => true,
            What::Left(stopped) => {
                stopped.unswept || self.ve.group().is_ok_and(|group| group.exists())
            }
        }
    }

    /// Waits until PID 1 has ended, or this long.
    fn wait(&self, patience: Duration) -> Result<(), Error> {
        let waited = ended(self.as_fd(), patience);
        waited.map(drop).map_err(|failure| failed(self.ve, failure))
    }

    /// Kills what is left and takes away what the run made.
    ///
    /// # Errors
    /// As [`stop`].
    pub fn finish(self) -> Result<Done, Error> {
        match self.what {
            What::Run(running, _) => {
                let done = end_said(self.ve, &running);
                unsay(self.ve);
                done?;
                Ok(Done::new("stopped").with_warnings(self.warnings))
            }
            What::Left(stopped) => sweep_left(self.ve, &stopped),
        }
    }
}

/// What is readable once another look is of use: PID 1, once it has ended.
impl AsFd for Stopping<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.what {
            What::Run(running, _) => running.init.as_fd(),
            What::Left(_) => self.lock.file().as_fd(),
        }
    }
}

/// Kills a running VE whose lock is held.
pub(crate) fn end(ve: &Ve<'_>, running: &Running) -> Result<(), Error> {
    nics::hold(ve, running);
    say(ve, Manner::Kill)?;
    let done = end_said(ve, running);
    unsay(ve);
    done
}

/// From now on the shim leaves what comes after the end to this command.
fn say(ve: &Ve<'_>, manner: Manner) -> Result<(), Error> {
    let time = match manner {
        Manner::Ask(patience) => patience.time(),
        Manner::Kill => Duration::ZERO,
    };
    ve.run
        .say_stopping(time.saturating_add(WORD))
        .map_err(|failure| failed(ve, failure))?;
    ve.run.tell(Happens::Stopping(match manner {
        Manner::Ask(_) => Cause::Asked,
        Manner::Kill => Cause::Killed,
    }));
    // A frozen process answers no signal, not even the last.
    let _ = ve.group().and_then(|group| group.thaw());
    Ok(())
}

/// The word that the VE is being stopped must not outlive the attempt.
fn unsay(ve: &Ve<'_>) {
    let _ = ve.run.unsay_stopping();
}

fn end_said(ve: &Ve<'_>, running: &Running) -> Result<(), Error> {
    let group = ve.group().map_err(|error| failed(ve, error))?;
    let ending = kill::kill_rest(ve, running, &group)?;
    ve.step("wait for shim");
    kill::wait_for_shim(running).map_err(|failure| failed(ve, failure))?;
    // Where no shim has seen it. On a full disk the end goes unrecorded, as it does
    // with one.
    let _ = ve.run.say_ended(&Ended {
        ending,
        asked: true,
        at: Stamp::now(),
    });
    sweep(ve, Left::Kill)
}

fn sweep_left(ve: &Ve<'_>, stopped: &Stopped) -> Result<Done, Error> {
    // It was on its way up again.
    if stopped.unswept && (stopped.reboots() || after_end::restarts(ve, stopped)) {
        sweep(ve, Left::Kill)?;
        return Ok(Done::new("stopped"));
    }
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

fn failed(ve: &Ve<'_>, source: impl Into<Source>) -> Error {
    Error::action(&ve.name, "stop", source)
}
