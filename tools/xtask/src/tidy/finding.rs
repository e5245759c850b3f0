//! What a rule has to say of a place.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something against a rule, or worth a look, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    path: PathBuf,
    /// Counted from 1; none where the file as a whole is meant.
    line: Option<usize>,
    what: String,
}

impl Finding {
    /// In a line, counted from 1.
    pub(crate) fn at(path: &Path, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line: Some(line),
            what: what.into(),
        }
    }

    /// Of a file as a whole.
    pub(crate) fn of(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_as_compilers_write_it() {
        let finding = Finding::at(Path::new("a/b.rs"), 7, "no header");
        assert_eq!(finding.to_string(), "a/b.rs:7: no header");
        assert_eq!(Finding::of("a", "b").to_string(), "a: b");
    }
}
