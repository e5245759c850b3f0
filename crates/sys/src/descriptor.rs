//! Descriptors handed from one program to the next at agreed numbers.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
/// On failure the numbers from `first` up may stand for other files than their
/// owners in this process believe: there is nothing left to do but to say so on
/// a descriptor below `first` and to end.
///
/// # Kernel
/// dup2(2); then as [`exec::exec_descriptor`].
#[must_use]
pub fn exec_with(
    program: BorrowedFd<'_>,
    args: &[CString],
    env: &[CString],
    first: RawFd,
    inherited: &[BorrowedFd<'_>],
) -> io::Error {
    match place(program, first, inherited) {
        Ok(program) => {
            use std::os::fd::AsFd;
            exec::exec_descriptor(program.as_fd(), args, env)
        }
        Err(error) => error,
    }
}

/// Two rounds: first copies above all targets, so that no target overwrites a
/// source that is still needed.
fn place(
    program: BorrowedFd<'_>,
    first: RawFd,
    inherited: &[BorrowedFd<'_>],
) -> io::Result<OwnedFd> {
    let count = RawFd::try_from(inherited.len()).unwrap_or(RawFd::MAX);
    let above = first.saturating_add(count);
    let program = copy_above(program, above)?;
    let copies: Vec<OwnedFd> = inherited
        .iter()
        .map(|source| copy_above(*source, above))
        .collect::<io::Result<_>>()?;
    let from = u32::try_from(first).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    exec::close_on_exec_from(from)?;
    for (number, copy) in (first..).zip(&copies) {
        // SAFETY: both are numbers. What was open at the target is closed under
        // its owner, which the caller was told of and ends or executes for.
        if unsafe { libc::dup2(copy.as_raw_fd(), number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(program)
}

fn copy_above(source: BorrowedFd<'_>, least: RawFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(source, least)?)
}

#[cfg(test)]
mod tests {
    use super::*;

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
