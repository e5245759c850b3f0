//! Signals as something to read, for as long as this exists.

use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use veld_sys::{Context, Failure};

/// Those that end a relay, and two it has to do something about.
const WATCHED: [Signal; 6] = [
    Signal::SIGWINCH,
    Signal::SIGCONT,
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
];

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The window has another size.
    Resize,
    /// The process was stopped and goes on.
    Continue,
    /// To end; by this signal.
    End(i32),
}

/// The descriptor; dropping it lets the signals do what they did before.
#[derive(Debug)]
pub struct Signals {
    descriptor: SignalFd,
    mask_before: SigSet,
}

impl Signals {
    /// Blocks the signals in this thread, which must be the only one, and opens
    /// a descriptor that they are read from. One that the caller was told to
    /// ignore, as nohup(1) does, stays ignored: blocked, it would be seen here.
    ///
    /// # Errors
    /// Those of signalfd(2).
    ///
    /// # Kernel
    /// signalfd(2), sigprocmask(2).
    pub fn watch() -> Result<Self, Failure> {
        let ignored = ignored();
        let set = SigSet::from_iter(WATCHED.into_iter().filter(|&signal| {
            let bit = u32::try_from(signal as i32 - 1).unwrap_or(0);
            ignored & (1u64 << bit) == 0
        }));
        let mask_before = SigSet::thread_get_mask().context(|| "read the signal mask")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let descriptor =
            SignalFd::with_flags(&set, flags).context(|| "open a signal descriptor")?;
        set.thread_block().context(|| "block signals")?;
        Ok(Self {
            descriptor,
            mask_before,
        })
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The next signal that came.
    ///
    /// # Errors
    /// Those of read(2) on a signal descriptor.
    pub(crate) fn next(&self) -> Result<Option<Asked>, Failure> {
        let info = self.descriptor.read_signal().context(|| "read a signal")?;
        Ok(info.map(|info| {
            let number = i32::try_from(info.ssi_signo).unwrap_or(0);
            if number == Signal::SIGWINCH as i32 {
                Asked::Resize
            } else if number == Signal::SIGCONT as i32 {
                Asked::Continue
            } else {
                Asked::End(number)
            }
        }))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        let _ = self.mask_before.thread_set_mask();
    }
}

/// The mask of ignored signals; none where /proc is not there to tell.
///
/// # Kernel
/// proc_pid_status(5), `SigIgn`.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
