//! The only place that prints errors, warnings and hints: one line each.
#![expect(clippy::print_stderr, reason = "this is the file that prints errors")]

use std::error::Error as StdError;
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::output::escape;

/// What a command failed with.
#[derive(Debug)]
pub(crate) enum Failed {
    /// An action on a VE.
    Action(veld_supervisor::Error),
    /// Anything with a chain of causes.
    Other(Box<Other>),
    /// A program was to be run in a VE and veld itself failed, status 125 to 127.
    Exec(veld_supervisor::Error),
    /// Everything has been said already.
    Reported,
    /// Whoever read our output went away: no error.
    ReaderGone,
}

/// Errors of the crates that a command uses directly.
#[derive(Debug)]
pub(crate) enum Other {
    /// The host's config.
    Config(veld_config::ConfigError),
    /// A template.
    Template(veld_templates::Error),
    /// An operation on the kernel.
    System(veld_sys::Failure),
}

impl From<veld_supervisor::Error> for Failed {
    fn from(error: veld_supervisor::Error) -> Self {
        Failed::Action(error)
    }
}

impl From<veld_config::ConfigError> for Failed {
    fn from(error: veld_config::ConfigError) -> Self {
        Failed::Other(Box::new(Other::Config(error)))
    }
}

impl From<veld_templates::Error> for Failed {
    fn from(error: veld_templates::Error) -> Self {
        Failed::Other(Box::new(Other::Template(error)))
    }
}

impl From<veld_sys::Failure> for Failed {
    fn from(error: veld_sys::Failure) -> Self {
        Failed::Other(Box::new(Other::System(error)))
    }
}

/// Prints why the command failed; the exit status that says so.
pub(crate) fn failed(failed: &Failed) -> ExitCode {
    match failed {
        Failed::Action(error) => {
            action(error);
            ExitCode::FAILURE
        }
        Failed::Other(other) => {
            match &**other {
                Other::Config(cause) => error(cause),
                Other::Template(cause) => error(cause),
                Other::System(cause) => error(cause),
            }
            ExitCode::FAILURE
        }
        Failed::Exec(error) => {
            use veld_supervisor::ErrorKind;
            action(error);
            match error.kind() {
                ErrorKind::NotExecutable => ExitCode::from(126),
                ErrorKind::ProgramNotFound => ExitCode::from(127),
                ErrorKind::NotFound
                | ErrorKind::Exists
                | ErrorKind::Locked
                | ErrorKind::AlreadyRunning
                | ErrorKind::NotRunning
                | ErrorKind::Refused
                | ErrorKind::TimedOut
                | ErrorKind::Failed => ExitCode::from(125),
            }
        }
        Failed::Reported => ExitCode::FAILURE,
        Failed::ReaderGone => ExitCode::SUCCESS,
    }
}

/// Prints a failed action with all that belongs to it.
pub(crate) fn action(error: &veld_supervisor::Error) {
    for text in error.lines() {
        line(&text);
    }
    for also in error.also() {
        line(&format!("{}: also: {also}", error.ve()));
    }
    if let Some(text) = error.hint() {
        hint(text);
    }
}

/// Prints a warning about a VE.
pub(crate) fn warning(ve: &str, text: &str) {
    line(&format!("{ve}: warning: {text}"));
}

/// Prints a hint, to people only: a script sees one line per error.
pub(crate) fn hint(text: &str) {
    if std::io::stderr().is_terminal() {
        line(&format!("hint: {text}"));
    }
}

/// Prints one line; what came from users or images is harmless on a terminal.
pub(crate) fn line(text: &str) {
    eprintln!("veld: {}", escape(text));
}

/// Prints an error with its causes; one that has several lines of its own, as a
/// config file with several mistakes, is several lines.
pub(crate) fn error(error: &dyn StdError) {
    chain(error).lines().for_each(line);
}

/// An error and its causes, joined.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += ": ";
        text += &cause.to_string();
        source = cause.source();
    }
    text
}
