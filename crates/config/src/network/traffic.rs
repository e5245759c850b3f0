//! How fast, and how much.

use std::fmt;
use std::str::FromStr;

use veld_units::{Bytes, Error};

use crate::Invalid;

/// What becomes of a VE that has used up its traffic of the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Over {
    /// It is slowed down.
    #[default]
    Slow,
    /// Nothing goes to it or comes from it any more.
    Cut,
}

impl FromStr for Over {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "slow" => Ok(Self::Slow),
            "cut" => Ok(Self::Cut),
            _ => {
                let what = "what becomes of a VE over its traffic";
                Err(Invalid::form(text, what, "slow or cut"))
            }
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slow => "slow",
            Self::Cut => "cut",
        })
    }
}

/// Bytes a second over an interface: from two full packets, or nothing would go at
/// all, to a thousand gigabytes.
///
/// # Errors
/// It is no size, or out of this range.
pub(crate) fn rate(text: &str) -> Result<Bytes, Error> {
    between(text, 4 << 10, 1000 << 30, "4K to 1000G")
}

/// Bytes in a month: a megabyte or more.
///
/// # Errors
/// It is no size, or too little.
pub(crate) fn traffic(text: &str) -> Result<Bytes, Error> {
    between(text, 1 << 20, 1 << 60, "1M or more")
}

fn between(text: &str, least: u64, most: u64, allowed: &'static str) -> Result<Bytes, Error> {
    let size: Bytes = text.parse()?;
    if (least..=most).contains(&size.get()) {
        Ok(size)
    } else {
        Err(Error::out_of_range(text, allowed))
    }
}
