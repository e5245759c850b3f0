//! ioctl(2) as the requests of this crate take it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A request that takes no argument; what it returns.
///
/// # Safety
/// The request takes no argument, or a number of which zero is a good one.
pub(crate) unsafe fn bare(fd: BorrowedFd<'_>, request: u32) -> io::Result<libc::c_int> {
    // SAFETY: the caller's word that no memory is read or written.
    done(unsafe { libc::ioctl(fd.as_raw_fd(), request.into(), 0_usize) })
}

/// A request that reads or fills a struct, or both.
///
/// # Safety
/// The request takes a pointer to a `T` in the kernel's layout, and the kernel keeps
/// none to it beyond the call.
pub(crate) unsafe fn with<T>(
    fd: BorrowedFd<'_>,
    request: u32,
    arguments: &mut T,
) -> io::Result<()> {
    // SAFETY: `arguments` lives across the call, and is by the caller's word what the
    // request takes.
    done(unsafe {
        libc::ioctl(
            fd.as_raw_fd(),
            request.into(),
            std::ptr::from_mut(arguments),
        )
    })?;
    Ok(())
}

fn done(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
