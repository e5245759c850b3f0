//! Execution domain, which is inherited across fork and exec.

use std::io;

/// Gives this thread the behaviour that Linux has by itself: addresses at
/// random, its own machine and version in uname(2).
///
/// # Errors
/// None is known but what a system call filter makes up.
///
/// # Kernel
/// personality(2), `PER_LINUX`.
pub fn plain() -> io::Result<()> {
    // SAFETY: takes a number only.
    if unsafe { libc::personality(0) } < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_at_random_again() {
        std::thread::spawn(|| {
            let read = || std::fs::read_to_string("/proc/thread-self/personality").unwrap();
            let fixed = libc::c_ulong::try_from(libc::ADDR_NO_RANDOMIZE).unwrap();
            // SAFETY: takes a number only.
            assert!(unsafe { libc::personality(fixed) } >= 0);
            assert_eq!(read().trim(), "00040000");
            plain().unwrap();
            assert_eq!(read().trim(), "00000000");
        })
        .join()
        .unwrap();
    }
}
