//! Where the user is: what they type into and what they look at.

use std::os::fd::{AsFd, OwnedFd};

use rustix::termios::Winsize;
use veld_sys::{Context, Failure};

use crate::raw::RawTerminal;

/// The user's end.
#[derive(Debug)]
pub struct User {
    /// What is typed: a terminal, or anything that can be read.
    pub input: OwnedFd,
    /// What is shown.
    pub output: OwnedFd,
}

impl User {
    /// Standard input and output of this process.
    ///
    /// # Errors
    /// Those of dup(2).
    pub fn standard() -> Result<Self, Failure> {
        let input = std::io::stdin().as_fd().try_clone_to_owned();
        let output = std::io::stdout().as_fd().try_clone_to_owned();
        Ok(Self {
            input: input.context(|| "duplicate standard input")?,
            output: output.context(|| "duplicate standard output")?,
        })
    }

    /// Makes the terminal raw, where what is typed comes from one.
    pub(crate) fn raw(&self) -> Result<Option<RawTerminal>, Failure> {
        if rustix::termios::isatty(&self.input) {
            RawTerminal::enter(self.input.as_fd()).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The size of the window; None where there is none or it does not know.
    #[must_use]
    pub fn size(&self) -> Option<Winsize> {
        [&self.output, &self.input]
            .into_iter()
            .filter_map(|end| rustix::termios::tcgetwinsize(end).ok())
            .find(|size| size.ws_col > 0 && size.ws_row > 0)
    }

    /// Descriptors of their own, for lanes that close theirs.
    pub(crate) fn ends(&self) -> Result<(OwnedFd, OwnedFd), Failure> {
        let operation = || "duplicate the user's descriptors";
        Ok((
            self.input.try_clone().context(operation)?,
            self.output.try_clone().context(operation)?,
        ))
    }
}
