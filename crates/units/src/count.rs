//! Things that are counted: processes, CPUs.

use std::fmt;
use std::str::FromStr;

use crate::{Error, number};

/// A number of things, at least 1. How many are too many depends on what is
/// counted, so the parameter says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(u32);

impl Count {
    /// So many, unless none.
    #[must_use]
    pub const fn new(count: u32) -> Option<Self> {
        if count == 0 { None } else { Some(Self(count)) }
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Reads a count between `least` and `most`, both allowed; `allowed` says the
    /// two in words.
    ///
    /// # Errors
    /// The text is not digits alone, or the count is out of the range.
    pub fn parse_between(
        text: &str,
        least: u32,
        most: u32,
        allowed: &'static str,
    ) -> Result<Self, Error> {
        let count =
            number::whole(text).ok_or_else(|| Error::malformed(text, "a whole number", allowed))?;
        match u32::try_from(count).ok().and_then(Self::new) {
            Some(count) if (least..=most).contains(&count.0) => Ok(count),
            _ => Err(Error::out_of_range(text, allowed)),
        }
    }
}

impl FromStr for Count {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse_between(text, 1, u32::MAX, "1 to 4294967295")
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
