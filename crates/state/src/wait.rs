//! Waiting for a file of the run directory, or for a process to end.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use veld_sys::Failure;

use crate::run_dir::RunDir;

/// What came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The file is there.
    File,
    /// The process has ended.
    Ended,
    /// Neither, up to the deadline.
    Late,
}

/// How often it is looked for a file. A look is one system call; a watch by
/// inotify would be told at once, but closing it takes the kernel up to 14 ms.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until the file `name` of the run directory is there or the process of
/// `pidfd` has ended.
///
/// # Errors
/// Those of poll(2).
pub fn file_or_end(
    run: &RunDir,
    name: &str,
    pidfd: BorrowedFd<'_>,
    patience: Duration,
) -> Result<Awaited, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        // Asked before the file: what the process left before its end counts.
        let over = ended(pidfd, LOOK.min(until(deadline)))?;
        if run.file(name).exists() {
            return Ok(Awaited::File);
        }
        if over {
            return Ok(Awaited::Ended);
        }
        if until(deadline).is_zero() {
            return Ok(Awaited::Late);
        }
    }
}

/// Waits until the process of `pidfd` has ended; whether it has.
///
/// # Errors
/// Those of poll(2).
pub fn ended(pidfd: BorrowedFd<'_>, patience: Duration) -> Result<bool, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let left = Timespec::try_from(until(deadline)).unwrap_or_default();
        match poll(
            &mut [PollFd::from_borrowed_fd(pidfd, PollFlags::IN)],
            Some(&left),
        ) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::new("wait for a process", errno)),
        }
    }
}

fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
