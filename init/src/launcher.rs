//! The launcher, which waits for the distribution's init to run in place of this
//! program, or for this program to begin with its work.

use std::os::fd::OwnedFd;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{SendFlags, send};
use veld_protocol::boot::{CHANNEL, FromChild, Stage, StepFailure};
use veld_sys::{Failure, descriptor};

/// This end of the channel to the launcher; closed by an exec and by a drop,
/// either of which says that all is well.
#[derive(Debug)]
pub(crate) struct Launcher {
    channel: Option<OwnedFd>,
}

impl Launcher {
    /// Takes the channel that this program was executed with, where it was.
    pub(crate) fn take() -> Self {
        Self {
            channel: descriptor::take_inherited(CHANNEL).ok(),
        }
    }

    /// Whether the next program that this process executes takes the channel.
    pub(crate) fn pass_on(&self, passes: bool) -> std::io::Result<()> {
        let flags = if passes {
            FdFlags::empty()
        } else {
            FdFlags::CLOEXEC
        };
        match &self.channel {
            Some(channel) => Ok(fcntl_setfd(channel, flags)?),
            None => Ok(()),
        }
    }

    /// Says why the VE cannot start.
    pub(crate) fn failed(&self, failure: &Failure) {
        self.say(failure.errno().unwrap_or(0), failure.operation());
    }

    /// Says why the VE cannot start, where no call of the kernel's failed.
    pub(crate) fn refused(&self, fact: &str) {
        self.say(0, fact);
    }

    fn say(&self, errno: i32, operation: &str) {
        let Some(channel) = &self.channel else { return };
        let message = FromChild::Failed(StepFailure {
            stage: Stage::Executing,
            errno,
            operation: operation.to_owned(),
        });
        // Nothing can be done where nobody listens.
        let _ = send(channel, &message.encode(), SendFlags::NOSIGNAL);
    }
}
