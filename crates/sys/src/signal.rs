//! Signal dispositions, which nix sets through an unsafe call only.

use std::io;

use linux_raw_sys::general::{kernel_sigaction, kernel_sigset_t};
use rustix::process::Signal;

/// The kernel's signals are numbered from 1 to this.
const LAST_SIGNAL: usize = 8 * size_of::<kernel_sigset_t>();

/// Gives every signal its default disposition in this process.
///
/// An ignored signal stays ignored across exec, and the runtime of every Rust
/// program ignores SIGPIPE: so whoever executes a program that is to find the
/// world as usual calls this first. It goes past the C library, which leaves
/// out the signals that it keeps to itself, though they too may have been
/// ignored by whoever executed this program.
///
/// # Errors
/// Those of sigaction(2); none is known.
///
/// # Kernel
/// rt_sigaction(2), signal(7).
pub fn default_dispositions() -> io::Result<()> {
    // SAFETY: all-zero is valid: SIG_DFL, no flag, no restorer, an empty mask.
    let action: kernel_sigaction = unsafe { std::mem::zeroed() };
    for signal in (1..=LAST_SIGNAL).filter(|&signal| may_change(signal)) {
        // SAFETY: `action` lives across the call, has the kernel's own shape and
        // installs no function; the old action is not asked for.
        let result = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                std::ptr::from_ref(&action),
                std::ptr::null_mut::<kernel_sigaction>(),
                size_of::<kernel_sigset_t>(),
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// From now on `signal` does nothing to this process, nor to what it executes.
///
/// # Errors
/// EINVAL for SIGKILL and SIGSTOP.
///
/// # Kernel
/// sigaction(2), signal(7).
pub fn ignore(signal: Signal) -> io::Result<()> {
    // SAFETY: ignoring runs no code of this process.
    let former = unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
    if former == libc::SIG_ERR {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn may_change(signal: usize) -> bool {
    let fixed = [Signal::KILL, Signal::STOP];
    !fixed
        .iter()
        .any(|fixed| usize::try_from(fixed.as_raw()) == Ok(signal))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Dispositions belong to the process, which tests may share.
    static DISPOSITIONS: Mutex<()> = Mutex::new(());

    /// The mask of ignored signals, as the kernel shows it.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    }

    #[test]
    fn nothing_is_ignored_afterwards() {
        let _alone = DISPOSITIONS.lock();
        ignore(Signal::PIPE).unwrap();
        assert_ne!(ignored(), 0);
        default_dispositions().unwrap();
        assert_eq!(ignored(), 0);
    }

    #[test]
    fn an_ignored_signal_does_nothing() {
        let _alone = DISPOSITIONS.lock();
        ignore(Signal::USR2).unwrap();
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, Signal::USR2).unwrap();
        assert!(ignore(Signal::KILL).is_err());
    }
}
