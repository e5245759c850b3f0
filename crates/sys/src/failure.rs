//! The error of an operation on the kernel: what was tried, on what, and errno.
//!
//! Most leaf crates fail in just this way and use the type as it is; a crate
//! whose callers must branch on more than an errno has an enum of its own with
//! this as one variant.

use std::fmt;
use std::io;

/// "cannot OPERATION", caused by an [`io::Error`].
///
/// The operation names every operand: "write 64M to /sys/fs/cgroup/…/memory.max".
/// The cause is not part of the text; whoever prints walks `source()`.
#[derive(Debug)]
pub struct Failure {
    operation: String,
    source: io::Error,
}

impl Failure {
    /// An operation (a verb and its operands, lower case) and why it did not happen.
    pub fn new(operation: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self {
            operation: operation.into(),
            source: source.into(),
        }
    }

    /// The verb and its operands, without "cannot".
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The errno of the cause, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }

    /// The kind of the cause, for callers that branch.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.operation)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Names the operation that an errno belongs to.
pub trait Context<T> {
    /// Turns the error into a [`Failure`] of `operation`, worded only when needed.
    ///
    /// # Errors
    /// The error that was there, with its operation.
    fn context<S: Into<String>>(self, operation: impl FnOnce() -> S) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context<S: Into<String>>(self, operation: impl FnOnce() -> S) -> Result<T, Failure> {
        self.map_err(|cause| Failure::new(operation(), cause))
    }
}

/// An error and its causes in one text, joined by ": ": for whoever prints, and
/// for another process or a file, which cannot walk `source()`.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_each_cause_once() {
        let failure = Failure::new("read /x", io::Error::from_raw_os_error(libc::ENOENT));
        assert_eq!(
            chain(&failure),
            "cannot read /x: No such file or directory (os error 2)"
        );
        assert_eq!(chain(&io::Error::other("alone")), "alone");
    }

    #[test]
    fn text_names_operation_and_source_keeps_errno() {
        let failed: Result<(), Failure> =
            Err(io::Error::from_raw_os_error(libc::ENOENT)).context(|| "read /no/such/file");
        let failure = failed.unwrap_err();
        assert_eq!(failure.to_string(), "cannot read /no/such/file");
        assert_eq!(failure.errno(), Some(libc::ENOENT));
        assert_eq!(failure.kind(), io::ErrorKind::NotFound);
    }
}
