//! Signals as PID 1 receives them: from the host, from BusyBox's own applets
//! and from the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
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

/// What a signal asks for; None for those that ask for nothing. SIGCHLD is
/// among these: children are looked for whatever came.
pub(crate) fn meaning(signal: i32) -> Option<Event> {
    match signal {
        SIGNAL_HALT => return Some(Event::Stop(End::Halt)),
        SIGNAL_POWER_OFF => return Some(Event::Stop(End::PowerOff)),
        SIGNAL_REBOOT => return Some(Event::Stop(End::Reboot)),
        _ => {}
    }
    let signal = Signal::try_from(signal).ok()?;
    let table = [
        // What BusyBox's halt, poweroff and reboot send.
        (Signal::SIGUSR1, Event::Stop(End::Halt)),
        (Signal::SIGUSR2, Event::Stop(End::PowerOff)),
        (Signal::SIGTERM, Event::Stop(End::Reboot)),
        // What its init understands besides.
        (Signal::SIGQUIT, Event::Stop(End::Restart)),
        (Signal::SIGHUP, Event::Reload),
        (Signal::SIGINT, Event::CtrlAltDel),
        // Power fails: what a host without words for "stop" sends.
        (Signal::SIGPWR, Event::Stop(End::PowerOff)),
    ];
    table
        .into_iter()
        .find_map(|(known, event)| (known == signal).then_some(event))
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
    }

    #[test]
    fn each_signal_means_one_thing_and_most_mean_nothing() {
        let meant = (1..=64).filter(|&signal| meaning(signal).is_some()).count();
        assert_eq!(meant, 10);
        assert_eq!(
            meaning(Signal::SIGTERM as i32),
            Some(Event::Stop(End::Reboot))
        );
        assert_eq!(meaning(Signal::SIGCHLD as i32), None);
        assert_eq!(meaning(0), None);
    }
}
