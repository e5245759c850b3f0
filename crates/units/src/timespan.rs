//! How long to wait.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Error, number};

/// A number of seconds: `30`, `30s`, `5m`, `1h30m`, `2d`. At most 365 days, so
/// that a deadline can always be reckoned with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timespan(u32);

/// Largest first: a text has each unit at most once and in this order.
const UNITS: [(u32, char); 4] = [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];

impl Timespan {
    /// The longest time, 365 days.
    pub const MAX: Self = Self(365 * 86_400);

    /// So many seconds; more than [`Timespan::MAX`] is taken as that.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        if seconds > Self::MAX.0 {
            Self::MAX
        } else {
            Self(seconds)
        }
    }

    /// The number of seconds.
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// The same for the standard library.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl FromStr for Timespan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = "seconds, or a number with s, m, h or d, as 1h30m";
        let seconds = parse(text).ok_or_else(|| Error::malformed(text, "a duration", allowed))?;
        match u32::try_from(seconds) {
            Ok(seconds) if seconds <= Self::MAX.0 => Ok(Self(seconds)),
            _ => Err(Error::out_of_range(text, "up to 365d")),
        }
    }
}

/// The seconds that `text` says, saturated; nothing where it is no duration.
fn parse(text: &str) -> Option<u128> {
    if let Some(seconds) = number::whole(text) {
        return Some(seconds);
    }
    let mut rest = text;
    let mut total = 0_u128;
    for (seconds, letter) in UNITS {
        if let Some((digits, behind)) = rest.split_once(letter) {
            let part = number::whole(digits)?.saturating_mul(u128::from(seconds));
            total = total.saturating_add(part);
            rest = behind;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

/// Each unit that is not zero: `1h30m`, `45s`, `0s`.
impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (seconds, letter) in UNITS {
            if rest >= seconds {
                write!(f, "{}{letter}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}
