//! How a template is called.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::{Invalid, VeName};

/// The name of a template, and of its folder: a lower-case letter or digit, then
/// up to 62 of these, dots or hyphens. So it is no hidden file and no way up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateName(String);

impl TemplateName {
    /// The greatest length, in characters.
    pub const MAX_LENGTH: usize = 63;

    /// The name of a template that is called as a VE is: each name of one is a name
    /// of the other.
    #[must_use]
    pub fn of(name: &VeName) -> Self {
        Self(name.as_str().to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Invalid::check_name(text, "a template name", Self::MAX_LENGTH, |at, c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || (at > 0 && matches!(c, '.' | '-'))
        })?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for TemplateName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_folder() {
        for text in ["debian-12", "alpine3.20", "9front", "a", &"a".repeat(63)] {
            assert_eq!(text.parse::<TemplateName>().unwrap().as_str(), text);
        }
        let long = "a".repeat(64);
        let table = [
            ("", "\"\" is not a template name: it is empty"),
            ("..", "\"..\" is not a template name: '.' at position 0"),
            ("-a", "\"-a\" is not a template name: '-' at position 0"),
            ("a/b", "\"a/b\" is not a template name: '/' at position 1"),
            ("aB", "\"aB\" is not a template name: 'B' at position 1"),
            ("a_b", "\"a_b\" is not a template name: '_' at position 1"),
            ("aß", "\"aß\" is not a template name: 'ß' at position 1"),
            (
                &long,
                &format!("\"{long}\" is not a template name: 64 characters, allowed are 63"),
            ),
        ];
        for (text, message) in table {
            let refused = text.parse::<TemplateName>().unwrap_err();
            assert_eq!(refused.to_string(), message);
        }
    }
}
