//! Signal dispositions, which nix sets through an unsafe call only.

use std::io;

use rustix::process::Signal;

/// Gives every signal its default disposition in this process.
///
/// An ignored signal stays ignored across exec, and the runtime of every Rust
/// program ignores SIGPIPE: so whoever executes a program that is to find the
/// world as usual calls this first. SIGKILL, SIGSTOP and the two signals that
/// the C library keeps to itself are not touched.
///
/// # Errors
/// Those of sigaction(2); none is known for the others.
///
/// # Kernel
/// sigaction(2), signal(7).
pub fn default_dispositions() -> io::Result<()> {
    for signal in (1..=libc::SIGRTMAX()).filter(|&signal| may_change(signal)) {
        // SAFETY: an all-zero sigaction is valid: SIG_DFL, no flag, empty mask.
        let action: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: `action` lives across the call and installs no function of
        // ours; the old action is not asked for.
        let result = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
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

fn may_change(signal: i32) -> bool {
    let kept_by_libc = (32..libc::SIGRTMIN()).contains(&signal);
    signal != libc::SIGKILL && signal != libc::SIGSTOP && !kept_by_libc
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let sigpipe = 1 << (libc::SIGPIPE - 1);
        assert_eq!(ignored() & sigpipe, sigpipe, "the runtime ignores SIGPIPE");
        default_dispositions().unwrap();
        assert_eq!(ignored() & sigpipe, 0);
    }

    #[test]
    fn an_ignored_signal_does_nothing() {
        ignore(Signal::USR2).unwrap();
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, Signal::USR2).unwrap();
        assert!(ignore(Signal::KILL).is_err());
    }
}
