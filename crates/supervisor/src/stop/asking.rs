//! Asking PID 1 to shut down, by the signal that its kind of init takes for that.
//!
//! PID 1 of a namespace never gets a signal that it has neither blocked nor a
//! handler for: one sent while it is still setting itself up would be lost. So
//! the signal waits until PID 1 is ready for it. One that has long been up and
//! still is not never will be, and is not waited for to the end.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use veld_config::InitWay;
use veld_launch::Quieting;
use veld_protocol::init::Found;
use veld_protocol::kind::Kind;
use veld_protocol::shim;
use veld_state::{Running, ended, found, signals_handled};
use veld_sys::process::send_signal;
use veld_sys::{Context, Failure};

use super::console;
use super::patience::{Patience, Turn};
use crate::template;
use crate::ve::Ve;

/// How long a PID 1 that is up may take to handle the signal: it may be executing
/// itself anew.
const GRACE: Duration = Duration::from_secs(5);

/// From this age on a PID 1 counts as up, whatever it says or does not say.
const SETTLED: Duration = Duration::from_secs(30);

/// How long PID 1 usually takes to say which init it is, and much more.
const TELLING: Duration = Duration::from_secs(1);

/// How often it is looked whether PID 1 handles the signal.
const LOOK: Duration = Duration::from_millis(5);

/// What came of a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It may still shut down; another look is of use after this long.
    Waits(Duration),
    /// It has ended.
    Ended,
    /// It does not shut down, in words.
    Not(String),
}

/// A PID 1 that is asked, or about to be.
#[derive(Debug)]
pub(super) struct Asking {
    turn: Turn,
    /// What is taken for granted of it, once that has to be.
    presumed: Option<Found>,
    /// What is done first.
    quieting: Option<Quieting>,
    sent: bool,
    /// Since when it has been both up and waited for.
    up: Option<Instant>,
    /// What was not as it should be.
    pub(super) warnings: Vec<String>,
}

impl Asking {
    pub(super) fn begin(ve: &Ve<'_>, running: &Running, patience: Patience) -> Self {
        let quieting = console::quiet(ve, running);
        ve.step("ask PID 1 to shut down");
        Self {
            turn: patience.begin(),
            presumed: None,
            warnings: quieting.as_ref().err().cloned().into_iter().collect(),
            quieting: quieting.unwrap_or_default(),
            sent: false,
            up: None,
        }
    }

    pub(super) fn look(&mut self, ve: &Ve<'_>, running: &Running) -> Result<Answer, Failure> {
        let init = running.init.as_fd();
        if ended(init, Duration::ZERO)? {
            // It would keep the VE's /dev.
            self.quieting.take().into_iter().for_each(Quieting::abandon);
            return Ok(Answer::Ended);
        }
        if !self.sent {
            if self.is_quieting(running) {
                return Ok(Answer::Waits(LOOK));
            }
            let found = match found(&ve.run) {
                Some(found) => found,
                None if Self::may_still_tell(running) => return Ok(self.wait()),
                None => *self.presumed.get_or_insert_with(|| presumed(ve)),
            };
            let signal = found.stop_signal;
            if signals_handled(running.record.init.pid, signal).unwrap_or(false) {
                match send_signal(init, signal) {
                    // A signal that comes too late finds nobody: it ended by itself.
                    Err(_) if ended(init, Duration::ZERO)? => return Ok(Answer::Ended),
                    result => result.context(|| "signal PID 1")?,
                }
                self.sent = true;
                self.turn.asked();
            } else if self.is_deaf(ve, running) {
                let fact = format!("init does not handle signal {signal}");
                return Ok(Answer::Not(fact));
            }
        }
        Ok(self.wait())
    }

    /// Whether its console is still being quieted, which has a time of its own.
    fn is_quieting(&mut self, running: &Running) -> bool {
        let Some(quieting) = self.quieting.take_if(|quieting| quieting.is_over()) else {
            return self.quieting.is_some();
        };
        self.warnings
            .extend(console::outcome(quieting, running).err());
        false
    }

    fn wait(&self) -> Answer {
        let left = self.turn.left();
        if left.is_zero() {
            let seconds = self.turn.seconds();
            return Answer::Not(format!("init did not exit within {seconds} s"));
        }
        Answer::Waits(if self.sent { left } else { LOOK.min(left) })
    }

    /// Whether which init it has is about to be known.
    fn may_still_tell(running: &Running) -> bool {
        running.shim.is_some() && running.record.started.age() < TELLING
    }

    /// Whether a PID 1 that does not handle the signal had its time to begin to.
    fn is_deaf(&mut self, ve: &Ve<'_>, running: &Running) -> bool {
        let is_up = ve.run.file(shim::READY).exists() || running.record.started.age() >= SETTLED;
        if !is_up {
            return false;
        }
        self.up.get_or_insert_with(Instant::now).elapsed() >= GRACE
    }
}

/// What is taken for granted of a PID 1 that nobody has heard: that it is of the
/// kind which was found in the template when that was made, and is what the config
/// says.
pub(crate) fn presumed(ve: &Ve<'_>) -> Found {
    let Ok(config) = ve.config() else {
        return Found::default();
    };
    let is_named = config.init.command.is_some();
    let kind = if is_named {
        Kind::Unknown
    } else {
        template::init(ve.host, &config.template).unwrap_or_default()
    };
    match config.init.way {
        InitWay::HandOver => Found {
            kind,
            hands_over: true,
            stop_signal: kind.stop_signal(),
        },
        InitWay::Auto if !is_named => kind.presumed(),
        InitWay::Auto | InitWay::Supervise => Found::default(),
    }
}
