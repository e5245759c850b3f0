//! A limit that each process has by itself.

use std::fmt;

use veld_units::{Bytes, Error};

/// What a process has unless it asks for more, and what it may raise itself to;
/// `None` is unlimited.
///
/// # Kernel
/// getrlimit(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rlimit {
    soft: Option<u64>,
    hard: Option<u64>,
}

const UNLIMITED: &str = "unlimited";

impl Rlimit {
    /// Reads a limit of bytes: `8M:64M`, `unlimited`, one size for both.
    ///
    /// # Errors
    /// It is none, or the soft limit is above the hard one.
    pub fn of_bytes(text: &str) -> Result<Self, Error> {
        Self::read(text, |number| number.parse().map(Bytes::get))
    }

    /// Reads a limit of things: `1024:65536`, `unlimited`, one number for both.
    ///
    /// # Errors
    /// It is none, or the soft limit is above the hard one.
    pub fn of_things(text: &str) -> Result<Self, Error> {
        let allowed = "a whole number or unlimited, or two with a colon between";
        Self::read(text, |number| {
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            let parsed = number.parse().ok().filter(|_| plain);
            parsed.ok_or_else(|| Error::malformed(text, "a limit", allowed))
        })
    }

    fn read(text: &str, number: impl Fn(&str) -> Result<u64, Error>) -> Result<Self, Error> {
        let side = |text: &str| match text {
            UNLIMITED => Ok(None),
            text => number(text).map(Some),
        };
        let (soft, hard) = text.split_once(':').unwrap_or((text, text));
        let limit = Self {
            soft: side(soft)?,
            hard: side(hard)?,
        };
        let highest = |side: Option<u64>| side.unwrap_or(u64::MAX);
        if highest(limit.soft) > highest(limit.hard) {
            return Err(Error::out_of_range(
                text,
                "a soft limit of at most the hard one",
            ));
        }
        Ok(limit)
    }

    /// What a process has.
    #[must_use]
    pub fn soft(self) -> Option<u64> {
        self.soft
    }

    /// What it may raise itself to.
    #[must_use]
    pub fn hard(self) -> Option<u64> {
        self.hard
    }
}

impl fmt::Display for Rlimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: Option<u64>| side.map_or(UNLIMITED.to_owned(), |side| side.to_string());
        if self.soft == self.hard {
            f.write_str(&side(self.hard))
        } else {
            write!(f, "{}:{}", side(self.soft), side(self.hard))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back() {
        for (written, shown) in [
            ("1024", "1024"),
            ("1024:65536", "1024:65536"),
            ("0:unlimited", "0:unlimited"),
            ("unlimited", "unlimited"),
            ("7:7", "7"),
        ] {
            let limit = Rlimit::of_things(written).unwrap();
            assert_eq!(limit.to_string(), shown);
        }
        assert_eq!(Rlimit::of_bytes("8M").unwrap().hard(), Some(8 << 20));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        let refused = |text| Rlimit::of_things(text).unwrap_err().to_string();
        for text in ["", ":", "1:", "64K", "-1", "+1", "1:2:3"] {
            assert!(refused(text).contains("is not a limit: allowed is a whole number"));
        }
        for text in ["2:1", "unlimited:5"] {
            assert!(refused(text).ends_with("allowed is a soft limit of at most the hard one"));
        }
        let refused = Rlimit::of_bytes("8Q").unwrap_err().to_string();
        assert!(refused.contains("is not a size"));
    }
}
