//! How often limits of a VE have refused something, as its shim counted it.
//!
//! The file [`crate::shim::REFUSALS`]: a line `processes 12 1700000000.123000000`
//! for each limit that has refused something in this run, or in the last.

use std::fmt;
use std::str::FromStr;

use crate::limit::Limit;
use crate::stamp::Stamp;

/// How often one limit refused something, and when it was last seen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub limit: Limit,
    /// How often in this run.
    pub times: u64,
    /// When that number was last seen to grow, by the host's wall clock.
    pub last: Stamp,
}

/// A text that is not a [`Refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotRefused;

/// More lines than a host has limits.
const MOST: usize = 64;

/// The lines of a file that make sense; at most 64 of them.
pub fn parse(text: &str) -> impl Iterator<Item = Refused> {
    text.lines().flat_map(str::parse).take(MOST)
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.limit, self.times, self.last)
    }
}

impl FromStr for Refused {
    type Err = NotRefused;

    fn from_str(text: &str) -> Result<Self, NotRefused> {
        let mut words = text.split(' ');
        let (Some(limit), Some(times), Some(last), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NotRefused);
        };
        Ok(Self {
            limit: limit.parse().map_err(|_| NotRefused)?,
            times: times.parse().map_err(|_| NotRefused)?,
            last: last.parse().map_err(|_| NotRefused)?,
        })
    }
}

impl fmt::Display for NotRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a count of refusals")
    }
}

impl std::error::Error for NotRefused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_make_no_sense_are_passed_over() {
        let refused = Refused {
            limit: Limit::Processes,
            times: 12,
            last: Stamp {
                seconds: 1_700_000_000,
                nanos: 5,
            },
        };
        let text = format!("{refused}\n\nswap 1\nswap 1 2.0 3\nswap x 2.0\ncolour 1 2.0\n");
        assert_eq!(parse(&text).collect::<Vec<_>>(), [refused]);
        let many = format!("{refused}\n").repeat(1000);
        assert_eq!(parse(&many).count(), MOST);
    }
}
