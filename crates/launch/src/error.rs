//! Why a child did not become the program it was to be.

use std::fmt;
use std::io;

use veld_protocol::boot::{Stage, StepFailure};
use veld_sys::Failure;

/// What callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such program in the VE.
    ProgramNotFound,
    /// The program is there and cannot be executed.
    NotExecutable,
    /// The child died without saying why, or said nothing in time.
    Silent,
    /// Any other step.
    Step,
}

/// A failed launch.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: What,
}

#[derive(Debug)]
enum What {
    Failure(Failure),
    Fact(String),
}

impl Error {
    /// What callers tell apart.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The errno of the cause, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match &self.what {
            What::Failure(failure) => failure.errno(),
            What::Fact(_) => None,
        }
    }

    pub(crate) fn silent(fact: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Silent,
            what: What::Fact(fact.into()),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self {
            kind: ErrorKind::Step,
            what: What::Failure(failure),
        }
    }
}

impl From<StepFailure> for Error {
    fn from(failed: StepFailure) -> Self {
        if failed.errno == 0 {
            let what = What::Fact(failed.operation);
            return Self {
                kind: ErrorKind::Step,
                what,
            };
        }
        let cause = io::Error::from_raw_os_error(failed.errno);
        let kind = match (failed.stage, cause.kind()) {
            (Stage::Preparing, _) => ErrorKind::Step,
            (Stage::Executing, io::ErrorKind::NotFound) => ErrorKind::ProgramNotFound,
            (Stage::Executing, _) => ErrorKind::NotExecutable,
        };
        Self {
            kind,
            what: What::Failure(Failure::new(failed.operation, cause)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Failure(failure) => failure.fmt(f),
            What::Fact(fact) => f.write_str(fact),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.what {
            What::Failure(failure) => failure.source(),
            What::Fact(_) => None,
        }
    }
}
