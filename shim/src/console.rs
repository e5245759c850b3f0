//! The master of the console's pty: its output, and bounded room for what was
//! typed but not taken yet.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::Winsize;
use veld_protocol::console::Size;
use veld_sys::{Context, Failure};

/// Bytes taken from a client at once, and so the most that can be left over.
pub(crate) const INPUT: usize = 1024;

/// The console as the shim holds it.
#[derive(Debug)]
pub(crate) struct Console {
    master: OwnedFd,
    /// Held so that reading the master waits, instead of failing, while nobody
    /// in the VE has the console open.
    _slave: OwnedFd,
    /// Typed, and not taken by the tty; the part that is left is `left`.
    typed: [u8; INPUT],
    left: std::ops::Range<usize>,
}

impl Console {
    /// # Errors
    /// Those of fcntl(2).
    pub(crate) fn new(master: OwnedFd, slave: OwnedFd) -> Result<Self, Failure> {
        // The open file is this process's alone, so nobody else is surprised.
        rustix::fs::fcntl_getfl(&master)
            .and_then(|flags| rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK))
            .context(|| "make the console non-blocking")?;
        Ok(Self {
            master,
            _slave: slave,
            typed: [0; INPUT],
            left: 0..0,
        })
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// The next output, at most as long as `buffer`.
    ///
    /// # Errors
    /// EAGAIN where there is none: then all that was written so far was read,
    /// since the kernel looks through its queue before it says so.
    pub(crate) fn output<'a>(&self, buffer: &'a mut [u8]) -> rustix::io::Result<&'a [u8]> {
        let length = rustix::io::read(&self.master, &mut *buffer)?;
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// Types `bytes`, keeping what the tty does not take; there is room for all
    /// that one read of a client gives as long as nothing was left before it.
    pub(crate) fn type_in(&mut self, bytes: &[u8]) {
        let taken = if self.has_leftover() {
            0
        } else {
            self.write(bytes)
        };
        let rest = bytes.get(taken..).unwrap_or_default();
        if !self.has_leftover() {
            self.left = 0..0;
        }
        let end = self.left.end + rest.len();
        if let Some(room) = self.typed.get_mut(self.left.end..end) {
            room.copy_from_slice(rest);
            self.left.end = end;
        }
    }

    /// Types what was left over, as far as the tty takes it now.
    pub(crate) fn type_leftover(&mut self) {
        let taken = self.write(self.typed.get(self.left.clone()).unwrap_or_default());
        self.left.start += taken;
    }

    /// Whether the tty has not taken all that was typed.
    pub(crate) fn has_leftover(&self) -> bool {
        !self.left.is_empty()
    }

    /// Types an answer to what the VE asked its terminal. Nobody waits with more
    /// of it: what the tty does not take now is lost.
    pub(crate) fn answer(&self, bytes: &[u8]) {
        let _ = self.write(bytes);
    }

    /// The size of the window as the VE sees it.
    pub(crate) fn size(&self) -> Option<Winsize> {
        rustix::termios::tcgetwinsize(&self.master).ok()
    }

    /// Tells the VE the size of the window its console is shown in.
    pub(crate) fn resize(&self, size: Size) {
        // A size that the tty refuses stays as it was; nobody can do better.
        let _ = rustix::termios::tcsetwinsize(
            &self.master,
            Winsize {
                ws_row: size.rows,
                ws_col: size.columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        );
    }

    /// How much of `bytes` is done with: taken, or lost where the tty is gone.
    fn write(&self, bytes: &[u8]) -> usize {
        match rustix::io::write(&self.master, bytes) {
            Ok(taken) => taken,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(_) => bytes.len(),
        }
    }
}
