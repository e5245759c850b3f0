//! Filters of system calls.

use std::io;

pub use libc::sock_filter as Instruction;

/// Lets `program` decide about every later system call of this thread and of
/// what it starts; nothing takes that back, and the next program keeps it.
///
/// A thread that may do this by its capabilities does not lose those that
/// set-user-id programs give, as one that renounced new privileges would.
///
/// # Errors
/// EACCES without CAP_SYS_ADMIN in the thread's user namespace; EINVAL of a
/// program that is no filter or is too long, and where the kernel has no filters.
///
/// # Kernel
/// seccomp(2) `SECCOMP_SET_MODE_FILTER`, Linux 3.17.
pub fn filter(program: &[Instruction]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len())
            .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?,
        // The field is not const, but the kernel only copies from it.
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `program` and the instructions that it points to live across the
    // call, which reads as many of them as `len` says and writes nothing.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            std::ptr::from_ref(&program),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
