//! Leaving this program for another: execution from a descriptor, and closing
//! what must not be inherited.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::fault;

/// Executes the program that a descriptor is open on. Returns only on failure.
///
/// The descriptor may be `O_PATH` and close-on-exec (the program must then be a
/// binary, since an interpreter could not open it again).
///
/// # Kernel
/// execveat(2) with `AT_EMPTY_PATH`, Linux 3.19.
#[must_use]
pub fn exec_descriptor(program: BorrowedFd<'_>, args: &[CString], env: &[CString]) -> io::Error {
    if let Err(error) = fault::point("execute program") {
        return error;
    }
    let args = pointers(args);
    let env = pointers(env);
    // SAFETY: the path is a NUL-terminated literal; both arrays end with a null
    // pointer and point at strings that their owners keep alive across the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            args.as_ptr(),
            env.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    io::Error::last_os_error()
}

/// Executes the program at `path`. Returns only on failure.
///
/// # Kernel
/// execve(2).
#[must_use]
pub fn exec_path(path: &CStr, args: &[CString], env: &[CString]) -> io::Error {
    let args = pointers(args);
    let env = pointers(env);
    // SAFETY: `path` is NUL-terminated; both arrays end with a null pointer and
    // point at strings that their owners keep alive across the call.
    unsafe { libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Marks every descriptor from `first` up close-on-exec.
///
/// They stay usable until the next exec, so that their owners in this process
/// stay true; none of them crosses it.
///
/// # Errors
/// ENOSYS before Linux 5.9, EINVAL before 5.11.
///
/// # Kernel
/// close_range(2) with `CLOSE_RANGE_CLOEXEC`, Linux 5.11.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    // SAFETY: takes numbers only; it closes nothing now, so no descriptor that
    // somebody owns becomes dangling.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Closes every descriptor above standard error's but those in `keep`.
///
/// For a child on its way to exec: what it inherited belongs to variables of
/// its parent's that it never drops, and a hostile file system could lead it
/// through `/proc/self/fd` to any of them while it looks something up.
///
/// # Errors
/// ENOSYS before Linux 5.9.
///
/// # Kernel
/// close_range(2), Linux 5.9.
pub fn close_all_but(keep: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut kept: Vec<u32> = keep
        .iter()
        .chain(&fault::descriptor())
        .filter_map(|fd| u32::try_from(fd.as_raw_fd()).ok())
        .collect();
    kept.sort_unstable();
    let mut first = 3;
    for number in kept.into_iter().filter(|number| *number >= 3) {
        if first < number {
            close(first, number - 1)?;
        }
        first = number + 1;
    }
    close(first, u32::MAX)
}

fn close(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: takes numbers only. Whoever owns one of them in this process must
    // not use it any more, which the caller was told; memory is not concerned.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}
