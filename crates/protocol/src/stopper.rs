//! The word of a command that stops a VE.

use std::fmt;
use std::str::FromStr;

use crate::stamp::Stamp;

/// Which process stops a VE, and how long that counts where it is killed over it.
///
/// `4121 98765 1700000000.000000000`: displayed and read as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopper {
    /// The process's number on the host.
    pub pid: i32,
    /// When it was born: field 22 of /proc/PID/stat.
    pub born: u64,
    /// An end of the VE before this moment was asked for, though the process that
    /// asked may be gone. Later ones were not: a VE that took no notice goes on
    /// for as long as it likes.
    pub until: Stamp,
}

/// A text that is not a [`Stopper`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAStopper;

impl fmt::Display for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.pid, self.born, self.until)
    }
}

impl FromStr for Stopper {
    type Err = NotAStopper;

    fn from_str(text: &str) -> Result<Self, NotAStopper> {
        let mut words = text.split_ascii_whitespace();
        let (Some(pid), Some(born), Some(until), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NotAStopper);
        };
        Ok(Self {
            pid: pid.parse().map_err(|_| NotAStopper)?,
            born: born.parse().map_err(|_| NotAStopper)?,
            until: until.parse().map_err(|_| NotAStopper)?,
        })
    }
}

impl fmt::Display for NotAStopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the word of a command that stops a VE")
    }
}

impl std::error::Error for NotAStopper {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let stopper = Stopper {
            pid: 4121,
            born: 98_765,
            until: Stamp {
                seconds: 1_700_000_000,
                nanos: 5,
            },
        };
        assert_eq!(format!("{stopper}\n").parse(), Ok(stopper));
        for text in ["", "1", "1 2", "x 2 3.0", "1 -2 3.0", "1 2 x", "1 2 3.0 4"] {
            assert_eq!(text.parse::<Stopper>(), Err(NotAStopper), "{text:?}");
        }
    }
}
