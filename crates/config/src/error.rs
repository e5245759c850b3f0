//! All that is wrong with a config file, one line each.

use std::fmt;
use std::path::PathBuf;

use veld_sys::Failure;

/// One thing that is wrong: `/etc/veld/veld.toml:12: network.dns: … is not …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, unless the value came from the environment.
    pub file: Option<PathBuf>,
    /// The line in it, from 1; absent where something is missing.
    pub line: Option<usize>,
    /// The key, dotted, or the variable of the environment.
    pub key: Option<String>,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.what)
    }
}

/// What callers branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// There is no such file.
    Missing,
    /// The file cannot be read or written.
    File,
    /// The file was written by a newer veld.
    Newer,
    /// Something in the file, or in the environment, is wrong.
    Invalid,
}

/// A config was not read, or not written.
///
/// Displayed, each problem is a line of its own. A file that the kernel refused
/// is "cannot read PATH", caused by the [`std::io::Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The kernel said no.
    #[error(transparent)]
    File(#[from] Failure),
    /// The file is of a later version of the format.
    #[error("{0}")]
    Newer(Problem),
    /// All that is wrong, in the order of the lines; never empty.
    #[error("{}", Lines(.0))]
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// What kind of error this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(failure) if failure.kind() == std::io::ErrorKind::NotFound => {
                ErrorKind::Missing
            }
            Self::File(_) => ErrorKind::File,
            Self::Newer(_) => ErrorKind::Newer,
            Self::Invalid(_) => ErrorKind::Invalid,
        }
    }

    /// What is wrong in the file, in the order of its lines.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::File(_) => &[],
            Self::Newer(problem) => std::slice::from_ref(problem),
            Self::Invalid(problems) => problems,
        }
    }

    /// One problem alone.
    pub(crate) fn one(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

/// Problems, joined by newlines.
struct Lines<'a>(&'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}
