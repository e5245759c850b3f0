//! One direction: read here, write there, and what is on its way between.
//!
//! ```text
//! Reading ──read some──> Writing ──all written──> Reading
//!    │                      │
//!    │                      └────sink gone────> Closed
//!    └─source ended──> Ended: what is inserted is still written
//! ```
//!
//! A lane reads only while nothing waits to be written. So the queue is bounded
//! by one read, and a slow reader at the one end slows the writer at the other.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::PollFlags;
use rustix::io::Errno;
use veld_sys::{Context, Failure};

/// The most that is read at once.
pub(crate) const READ: usize = 4096;

/// The most that is written at once where the other end may be shared and so
/// cannot be made non-blocking. A pipe or socket that says it is writable takes
/// a page without blocking; a terminal promises less.
const WRITE: usize = 4096;
const WRITE_TO_TERMINAL: usize = 256;

/// One direction; it owns both ends.
#[derive(Debug)]
pub(crate) struct Lane {
    name: &'static str,
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    queue: Vec<u8>,
    written: usize,
    chunk: usize,
}

/// What came of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// So many bytes were read or written; perhaps none.
    Some(usize),
    /// There is nothing more to read, and nothing is on its way.
    SourceEnded,
    /// Nobody reads what is written.
    SinkGone,
}

impl Lane {
    /// `name` stands in error texts, as in "relay NAME".
    pub(crate) fn new(name: &'static str, from: OwnedFd, to: OwnedFd) -> Self {
        let chunk = if rustix::termios::isatty(&to) {
            WRITE_TO_TERMINAL
        } else {
            WRITE
        };
        Self {
            name,
            from: Some(from),
            to: Some(to),
            queue: Vec::with_capacity(READ),
            written: 0,
            chunk,
        }
    }

    /// What this lane waits for; None once it is closed.
    pub(crate) fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let to = self.to.as_ref()?;
        if self.is_clear() {
            Some((self.from.as_ref()?.as_fd(), PollFlags::IN))
        } else {
            Some((to.as_fd(), PollFlags::OUT))
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_clear(&self) -> bool {
        self.written >= self.queue.len()
    }

    /// Puts something on the way that was not read, where the lane is not closed.
    pub(crate) fn insert(&mut self, bytes: &[u8]) {
        if self.is_clear() {
            self.queue.clear();
            self.written = 0;
        }
        if self.to.is_some() {
            self.queue.extend_from_slice(bytes);
        }
    }

    /// Does what it waited for. What is read goes through `filter`, which appends
    /// to the queue what of it is to be written.
    ///
    /// # Errors
    /// Any but those that mean that an end is gone.
    pub(crate) fn turn(
        &mut self,
        filter: impl FnOnce(&[u8], &mut Vec<u8>),
    ) -> Result<Moved, Failure> {
        if self.is_clear() {
            self.read(filter)
        } else {
            self.write()
        }
    }

    /// As [`Lane::turn`], with what is read unchanged.
    pub(crate) fn copy(&mut self) -> Result<Moved, Failure> {
        self.turn(|read, queue| queue.extend_from_slice(read))
    }

    /// Closes both ends, so that whoever reads what was written sees its end.
    /// What is on its way is lost.
    pub(crate) fn close(&mut self) {
        self.from = None;
        self.to = None;
        self.queue.clear();
        self.written = 0;
    }

    fn read(&mut self, filter: impl FnOnce(&[u8], &mut Vec<u8>)) -> Result<Moved, Failure> {
        let Some(from) = &self.from else {
            return Ok(Moved::SourceEnded);
        };
        let mut buffer = [0; READ];
        match rustix::io::read(from, &mut buffer) {
            // EIO: the last process has closed its side of a terminal.
            Ok(0) | Err(Errno::IO | Errno::CONNRESET) => {
                self.from = None;
                Ok(Moved::SourceEnded)
            }
            Ok(length) => {
                self.queue.clear();
                self.written = 0;
                filter(buffer.get(..length).unwrap_or_default(), &mut self.queue);
                Ok(Moved::Some(length))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(Moved::Some(0)),
            Err(cause) => Err(cause).context(|| format!("relay {}", self.name)),
        }
    }

    fn write(&mut self) -> Result<Moved, Failure> {
        let Some(to) = &self.to else {
            return Ok(Moved::SinkGone);
        };
        let waiting = self.queue.get(self.written..).unwrap_or_default();
        let chunk = waiting.get(..self.chunk).unwrap_or(waiting);
        match rustix::io::write(to, chunk) {
            Ok(length) => {
                self.written += length;
                Ok(Moved::Some(length))
            }
            Err(Errno::PIPE | Errno::IO | Errno::CONNRESET) => {
                self.close();
                Ok(Moved::SinkGone)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(Moved::Some(0)),
            Err(cause) => Err(cause).context(|| format!("relay {}", self.name)),
        }
    }
}
