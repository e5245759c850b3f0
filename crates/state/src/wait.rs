//! Waiting for a file of the run directory, or for a process to end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

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

/// A watch over a run directory.
#[derive(Debug)]
pub struct Watch<'a> {
    run: &'a RunDir,
    changes: OwnedFd,
}

impl<'a> Watch<'a> {
    /// Begins to watch: what appears from now on is not missed.
    ///
    /// # Errors
    /// EMFILE past fs.inotify.max_user_instances.
    ///
    /// # Kernel
    /// inotify(7).
    pub fn new(run: &'a RunDir) -> Result<Self, Failure> {
        let watch = || -> rustix::io::Result<OwnedFd> {
            let changes = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
            add_watch(
                &changes,
                run.path(),
                WatchFlags::CREATE | WatchFlags::MOVED_TO,
            )?;
            Ok(changes)
        };
        let changes = watch().context(|| format!("watch {}", run.path().display()))?;
        Ok(Self { run, changes })
    }

    /// Waits until the file `name` is there or the process of `pidfd` has ended.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn file_or_end(
        &self,
        name: &str,
        pidfd: BorrowedFd<'_>,
        patience: Duration,
    ) -> Result<Awaited, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            if self.run.file(name).exists() {
                return Ok(Awaited::File);
            }
            let mut fds = [
                PollFd::new(&self.changes, PollFlags::IN),
                PollFd::from_borrowed_fd(pidfd, PollFlags::IN),
            ];
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or_default();
            match poll(&mut fds, Some(&left)) {
                Ok(0) => return Ok(Awaited::Late),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(Failure::new(format!("wait for {name}"), errno)),
            }
            if !fds[1].revents().is_empty() {
                let there = self.run.file(name).exists();
                return Ok(if there { Awaited::File } else { Awaited::Ended });
            }
            self.drain();
        }
    }

    fn drain(&self) {
        let mut buffer = [0_u8; 4096];
        while matches!(rustix::io::read(&self.changes, &mut buffer), Ok(length) if length > 0) {}
    }
}

impl AsFd for Watch<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

/// Waits until the process of `pidfd` has ended; whether it has.
///
/// # Errors
/// Those of poll(2).
pub fn ended(pidfd: BorrowedFd<'_>, patience: Duration) -> Result<bool, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or_default();
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
