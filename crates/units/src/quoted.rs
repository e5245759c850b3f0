//! How a value that a person wrote stands in an error text.

use std::fmt;

/// Characters of a value that are shown; a line must stay a line.
const SHOWN: usize = 80;

/// A value between double quotes, with control characters escaped and cut
/// after 80 characters, so that it can neither break the line nor forge
/// another one.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}
