//! What a supervised VE is to run, whichever file of the distribution said so.
//!
//! A flavour makes a [`Plan`]; the supervisor carries it out without knowing
//! where it came from.

use std::fmt;

/// One command and how it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Where it was said, for messages: "/etc/inittab:4".
    pub(crate) origin: String,
    /// The command as written; see [`crate::command`].
    pub(crate) process: String,
    /// The terminal below /dev that it is to have, else the console.
    pub(crate) terminal: Option<String>,
    /// Whether it waits for somebody to press Enter first.
    pub(crate) ask: bool,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.process, self.origin)
    }
}

/// All that a VE is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// At the start, each awaited before the next.
    pub(crate) boot: Vec<Job>,
    /// After that, without waiting.
    pub(crate) once: Vec<Job>,
    /// Kept running.
    pub(crate) keep: Vec<Job>,
    /// When asked by Ctrl-Alt-Del's signal.
    pub(crate) ctrl_alt_del: Vec<Job>,
    /// Before everything ends, each awaited before the next.
    pub(crate) shutdown: Vec<Job>,
    /// What takes over when the init is asked to restart itself.
    pub(crate) restart: Option<Job>,
}
