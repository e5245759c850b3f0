//! Descriptors handed from one program to the next at agreed numbers.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::exec;

/// Becomes the owner of a descriptor that this program was executed with.
///
/// The number must be above standard error's. Whatever this program opens itself
/// is close-on-exec and what it was executed with is not, so the flag tells the
/// two apart; taking sets it, and so nothing is taken twice.
///
/// # Errors
/// EBADF where nothing is open at the number, EBUSY where what is open there was
/// not inherited or was taken before.
///
/// # Kernel
/// fcntl(2), `F_GETFD` and `F_SETFD`.
pub fn take_inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number <= libc::STDERR_FILENO {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: F_GETFD takes a number only, and changes nothing.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 {
        return Err(io::Error::last_os_error());
    }
    if flags & libc::FD_CLOEXEC != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    // SAFETY: F_SETFD takes numbers only; it closes nothing now.
    if unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, was not opened by this program and was not
    // taken before, by the flag just looked at: nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Executes the program that a descriptor is open on, with `inherited` at the
/// numbers `first`, `first` + 1 and so on and nothing else above standard error.
/// Returns only on failure.
///
/// The numbers from `first` up to the last that is needed must be free: nothing
/// that somebody in this process owns is replaced. On failure they are free again.
///
/// # Kernel
/// fcntl(2), `F_DUPFD_CLOEXEC`; then as [`exec::exec_descriptor`].
#[must_use]
pub fn exec_with(
    program: BorrowedFd<'_>,
    args: &[CString],
    env: &[CString],
    first: RawFd,
    inherited: &[BorrowedFd<'_>],
) -> io::Error {
    match place(program, first, inherited) {
        Ok((program, _placed)) => exec::exec_descriptor(program.as_fd(), args, env),
        Err(error) => error,
    }
}

/// Has the kernel begin to write what a file has in memory to the disk, and does not
/// wait for it: a sync that comes later has less to do. It is a matter of speed alone,
/// so that a file system which refuses changes nothing.
///
/// # Kernel
/// `sync_file_range(2)` with `SYNC_FILE_RANGE_WRITE`.
pub fn start_writeback(file: BorrowedFd<'_>) {
    // SAFETY: no memory is passed, and the descriptor is borrowed across the call.
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// Copies of `inherited` at their numbers, and of the program above them.
fn place(
    program: BorrowedFd<'_>,
    first: RawFd,
    inherited: &[BorrowedFd<'_>],
) -> io::Result<(OwnedFd, Vec<OwnedFd>)> {
    let count = RawFd::try_from(inherited.len()).unwrap_or(RawFd::MAX);
    let program = copy_above(program, first.saturating_add(count))?;
    exec::close_on_exec_from(3)?;
    let mut placed = Vec::with_capacity(inherited.len());
    for (number, source) in (first..).zip(inherited) {
        // The lowest free number from `number` up is `number`, unless somebody has it.
        let copy = rustix::io::fcntl_dupfd_cloexec(source, number)?;
        if copy.as_raw_fd() != number {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty())?;
        placed.push(copy);
    }
    Ok((program, placed))
}

fn copy_above(source: BorrowedFd<'_>, least: RawFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(source, least)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_somebody_owns_is_not_replaced() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let taken = rustix::io::fcntl_dupfd_cloexec(&null, 200).unwrap();
        let inherited = [null.as_fd(), null.as_fd()];
        let error = exec_with(null.as_fd(), &[], &[], taken.as_raw_fd() - 1, &inherited);
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY));
        // What is not executable is refused after all has been placed, and taken back.
        let error = exec_with(null.as_fd(), &[], &[], 300, &inherited);
        assert_eq!(error.raw_os_error(), Some(libc::EACCES));
        assert!(take_inherited(300).is_err());
    }

    #[test]
    fn what_this_program_opened_is_not_taken_for_inherited() {
        let opened = std::fs::File::open("/dev/null").unwrap();
        let error = take_inherited(opened.as_raw_fd()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY));
        let error = take_inherited(libc::STDERR_FILENO).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY));
        let error = take_inherited(9999).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    }
}
