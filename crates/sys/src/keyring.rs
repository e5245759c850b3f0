//! The kernel's key rings, which no namespace separates.

use std::io;

/// Gives this process a new, empty session key ring, so that keys of whoever
/// started it are out of reach. A kernel without key rings is fine.
///
/// # Errors
/// EDQUOT where the user has too many keys.
///
/// # Kernel
/// keyctl(2) `KEYCTL_JOIN_SESSION_KEYRING`, Linux 2.6.10.
pub fn new_session() -> io::Result<()> {
    // SAFETY: the name is null, which asks for an anonymous ring; nothing is
    // read from or written to this process's memory.
    let ring = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_JOIN_SESSION_KEYRING,
            std::ptr::null::<libc::c_char>(),
        )
    };
    if ring >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        missing if missing.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
        error => Err(error),
    }
}
