//! Why a text is not the number it should be: the text, and what is allowed.

use crate::Quoted;

/// A text that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text has not the form: `"12Q" is not a size: allowed is …`.
    #[error("{} is not {what}: allowed is {allowed}", Quoted(text))]
    Malformed {
        /// What was written.
        text: String,
        /// What it should be, with its article.
        what: &'static str,
        /// The form in words.
        allowed: &'static str,
    },
    /// The form is right, the number is too small or too large.
    #[error("{} is out of range: allowed is {allowed}", Quoted(text))]
    OutOfRange {
        /// What was written.
        text: String,
        /// Both ends of the range, or the one that counts.
        allowed: &'static str,
    },
}

impl Error {
    /// A text of the wrong form.
    #[must_use]
    pub fn malformed(text: &str, what: &'static str, allowed: &'static str) -> Self {
        Self::Malformed {
            text: text.to_owned(),
            what,
            allowed,
        }
    }

    /// A number outside of its range.
    #[must_use]
    pub fn out_of_range(text: &str, allowed: &'static str) -> Self {
        Self::OutOfRange {
            text: text.to_owned(),
            allowed,
        }
    }
}
