//! What a snapshot of a VE is called.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;

/// The name of a snapshot, as no other of the same VE has: a letter or digit, then
/// up to 62 of these, hyphens, points or underscores.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SnapshotName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Invalid::check_name(text, "the name of a snapshot", 63, |at, c| {
            c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '-' | '.' | '_'))
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_says_where() {
        for text in ["before-upgrade", "20261126-204500", "v1.2_b"] {
            assert_eq!(text.parse::<SnapshotName>().unwrap().as_str(), text);
        }
        for (text, message) in [
            (
                "../x",
                "\"../x\" is not the name of a snapshot: '.' at position 0",
            ),
            (
                "a b",
                "\"a b\" is not the name of a snapshot: ' ' at position 1",
            ),
            ("", "\"\" is not the name of a snapshot: it is empty"),
        ] {
            assert_eq!(
                text.parse::<SnapshotName>().unwrap_err().to_string(),
                message
            );
        }
    }
}
