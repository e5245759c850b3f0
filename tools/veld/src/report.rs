//! The only place that prints errors, warnings and hints: one line each.
#![expect(clippy::print_stderr, reason = "this is the file that prints errors")]

use std::error::Error as StdError;
use std::io::IsTerminal;
use std::process::ExitCode;

use veld_supervisor::ErrorKind;
use veld_sys::chain;

use crate::output::escape;

/// What a command failed with.
#[derive(Debug)]
pub(crate) enum Failed {
    /// An action on a VE.
    Action(veld_supervisor::Error),
    /// Anything with a chain of causes.
    Other(Box<Other>),
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

impl Failed {
    /// How a command ends that has said of each what became of it: failed, if one did.
    pub(crate) fn reported_if(failed: bool) -> Result<(), Self> {
        if failed { Err(Self::Reported) } else { Ok(()) }
    }
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

/// Whose exit status a command's is where it does not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusOf {
    /// The command's own: 0 or 1.
    Veld,
    /// That of a program in a VE, which may be any number: veld's own failures
    /// are told apart from it by the numbers that env(1) and its like use.
    Program,
}

/// Prints why the command failed; the exit status that says so.
pub(crate) fn failed(failed: &Failed, status_of: StatusOf) -> ExitCode {
    match failed {
        Failed::Action(error) => action(error),
        Failed::Other(other) => match &**other {
            Other::Config(cause) => error(cause),
            Other::Template(cause) => error(cause),
            Other::System(cause) => error(cause),
        },
        Failed::Reported | Failed::ReaderGone => {}
    }
    ExitCode::from(status(failed, status_of))
}

fn status(failed: &Failed, status_of: StatusOf) -> u8 {
    match (status_of, failed) {
        (_, Failed::ReaderGone) => 0,
        (StatusOf::Veld, _) => 1,
        (StatusOf::Program, Failed::Action(error)) => program_status(error.kind()),
        (StatusOf::Program, Failed::Other(_) | Failed::Reported) => 125,
    }
}

fn program_status(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NotExecutable => 126,
        ErrorKind::ProgramNotFound => 127,
        ErrorKind::NotFound
        | ErrorKind::Exists
        | ErrorKind::Locked
        | ErrorKind::AlreadyRunning
        | ErrorKind::NotRunning
        | ErrorKind::Paused
        | ErrorKind::NotPaused
        | ErrorKind::Refused
        | ErrorKind::TimedOut
        | ErrorKind::Failed => 125,
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

#[cfg(test)]
mod tests {
    use super::*;
    use veld_sys::Failure;

    #[test]
    fn a_status_says_who_failed() {
        let no_descriptors = std::io::Error::from_raw_os_error(24);
        let config = veld_config::VeConfig::load("/nonexistent/config".as_ref());
        let table = [
            (Failure::new("create a pipe", no_descriptors).into(), 1, 125),
            (config.unwrap_err().into(), 1, 125),
            (Failed::Reported, 1, 125),
            (Failed::ReaderGone, 0, 0),
        ];
        for (failed, own, programs) in table {
            assert_eq!(status(&failed, StatusOf::Veld), own, "{failed:?}");
            assert_eq!(status(&failed, StatusOf::Program), programs, "{failed:?}");
        }
    }

    #[test]
    fn a_program_that_did_not_run_is_told_from_one_that_failed() {
        for (kind, expected) in [
            (ErrorKind::NotExecutable, 126),
            (ErrorKind::ProgramNotFound, 127),
            (ErrorKind::NotFound, 125),
            (ErrorKind::Exists, 125),
            (ErrorKind::Locked, 125),
            (ErrorKind::AlreadyRunning, 125),
            (ErrorKind::NotRunning, 125),
            (ErrorKind::Paused, 125),
            (ErrorKind::NotPaused, 125),
            (ErrorKind::Refused, 125),
            (ErrorKind::TimedOut, 125),
            (ErrorKind::Failed, 125),
        ] {
            assert_eq!(program_status(kind), expected, "{kind:?}");
        }
    }
}
