//! The user's terminal, handing on every key as it is until it is put back.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::termios::{OptionalActions, Termios};
use veld_sys::{Context, Failure};

/// A terminal in raw mode. Dropping this puts it back as it was.
#[derive(Debug)]
pub struct RawTerminal {
    terminal: OwnedFd,
    before: Termios,
}

impl RawTerminal {
    /// Makes a terminal raw: no echo, no line editing, no signal from a key, no
    /// change to output. What was typed already is kept.
    ///
    /// # Errors
    /// ENOTTY where it is no terminal.
    ///
    /// # Kernel
    /// termios(3), `cfmakeraw`.
    pub fn enter(terminal: BorrowedFd<'_>) -> Result<Self, Failure> {
        let terminal = terminal
            .try_clone_to_owned()
            .context(|| "duplicate the terminal's descriptor")?;
        let before =
            rustix::termios::tcgetattr(&terminal).context(|| "read the terminal's settings")?;
        let raw = Self { terminal, before };
        raw.enter_again()?;
        Ok(raw)
    }

    /// Makes it raw once more, for after a stop: the shell that took the terminal
    /// meanwhile has put its own settings there.
    ///
    /// # Errors
    /// Those of tcsetattr(3).
    pub fn enter_again(&self) -> Result<(), Failure> {
        let mut raw = self.before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(&self.terminal, OptionalActions::Now, &raw)
            .context(|| "make the terminal raw")
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _ = rustix::termios::tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
