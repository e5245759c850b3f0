//! A file opens by saying what it is.

use super::super::{Finding, Source};

/// Finds files whose first line, attributes aside, is no `//!`.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let mut lines = source.lines().iter().map(|line| line.trim());
    let first = lines.find(|line| !line.is_empty() && !line.starts_with("#!["));
    if first.is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    vec![Finding::of(
        source.path(),
        "does not open with a //! header",
    )]
}

#[cfg(test)]
mod tests {
    use super::super::said;
    use super::check;

    #[test]
    fn a_file_without_header_is_found() {
        assert_eq!(
            said(check, "a.rs", "use b;\n//! late\n"),
            ["a.rs: does not open with a //! header"]
        );
        assert_eq!(said(check, "a.rs", "").len(), 1);
    }

    #[test]
    fn attributes_may_come_first() {
        assert!(said(check, "a.rs", "#![no_std]\n\n//! A thing.\n").is_empty());
    }
}
