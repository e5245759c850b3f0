//! Signals as PID 1 receives them: from the host, from the distribution's own
//! tools and from the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use veld_protocol::init::{SIGNAL_HALT, SIGNAL_POWER_OFF, SIGNAL_REBOOT};

use super::table::{End, Event};

/// All signals of this process, to be read instead of delivered.
#[derive(Debug)]
pub(crate) struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Blocks all signals and opens the descriptor.
    ///
    /// A blocked signal is queued even for a PID 1, which is otherwise spared
    /// those that it has no handler for. Signals of one kind that come before
    /// the first is read become one.
    ///
    /// # Kernel
    /// signalfd(2), pid_namespaces(7).
    pub(crate) fn block() -> io::Result<Self> {
        let all = SigSet::all();
        all.thread_set_mask()?;
        let descriptor =
            SignalFd::with_flags(&all, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { descriptor })
    }

    /// The next signal that came, none when all have been read.
    pub(crate) fn next(&self) -> io::Result<Option<i32>> {
        let information = self.descriptor.read_signal()?;
        Ok(information.and_then(|information| i32::try_from(information.ssi_signo).ok()))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// What the host asks for by a signal, whichever init the distribution has.
pub(crate) fn of_host(signal: i32) -> Option<Event> {
    match signal {
        SIGNAL_HALT => Some(Event::Stop(End::Halt)),
        SIGNAL_POWER_OFF => Some(Event::Stop(End::PowerOff)),
        SIGNAL_REBOOT => Some(Event::Stop(End::Reboot)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_protocol_are_those_of_the_c_library() {
        let sigrtmin = 34;
        assert_eq!(SIGNAL_HALT, sigrtmin + 3);
        assert_eq!(SIGNAL_POWER_OFF, sigrtmin + 4);
        assert_eq!(SIGNAL_REBOOT, sigrtmin + 5);
        let meant = (1..=64).filter(|&signal| of_host(signal).is_some());
        assert_eq!(meant.count(), 3);
    }
}
