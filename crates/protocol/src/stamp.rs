//! A moment of the wall clock, as files of the run directory hold it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds and nanoseconds since 1970, written `1700000000.123000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Whole seconds.
    pub seconds: u64,
    /// The rest, below 1,000,000,000.
    pub nanos: u32,
}

/// A text that is not a [`Stamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAStamp;

impl Stamp {
    /// This moment; a clock set before 1970 gives 0.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            seconds: since.as_secs(),
            nanos: since.subsec_nanos(),
        }
    }

    /// How long ago this moment was.
    #[must_use]
    pub fn age(self) -> Duration {
        Self::now().since(self)
    }

    /// The moment so much later than this one.
    #[must_use]
    pub fn later_by(self, time: Duration) -> Self {
        let sum = Duration::new(self.seconds, self.nanos).saturating_add(time);
        Self {
            seconds: sum.as_secs(),
            nanos: sum.subsec_nanos(),
        }
    }

    /// How long after `earlier` this moment is; nothing if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let age = |stamp: Self| Duration::new(stamp.seconds, stamp.nanos);
        age(self).saturating_sub(age(earlier))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds, self.nanos)
    }
}

impl FromStr for Stamp {
    type Err = NotAStamp;

    /// Digits, and where wanted a point and up to nine digits more.
    fn from_str(text: &str) -> Result<Self, NotAStamp> {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(seconds) || !digits(fraction) || fraction.len() > 9 {
            return Err(NotAStamp);
        }
        let missing = fraction.len()..9;
        let scale = missing.fold(1, |scale, _| scale * 10);
        let nanos: u32 = fraction.parse().map_err(|_| NotAStamp)?;
        Ok(Self {
            seconds: seconds.parse().map_err(|_| NotAStamp)?,
            nanos: nanos * scale,
        })
    }
}

impl fmt::Display for NotAStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time in seconds since 1970")
    }
}

impl std::error::Error for NotAStamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_fraction_is_scaled_and_nonsense_is_refused() {
        let stamp: Stamp = "1700000000.123".parse().unwrap();
        assert_eq!((stamp.seconds, stamp.nanos), (1_700_000_000, 123_000_000));
        assert_eq!(
            "7".parse(),
            Ok(Stamp {
                seconds: 7,
                nanos: 0
            })
        );
        let late = Stamp {
            seconds: 7,
            nanos: 900_000_000,
        };
        let later = late.later_by(Duration::from_millis(1200));
        assert_eq!((later.seconds, later.nanos), (9, 100_000_000));
        for text in ["", ".", "1.", ".5", "-1", "+1", "1.0000000001", "1 2"] {
            assert_eq!(text.parse::<Stamp>(), Err(NotAStamp), "{text:?}");
        }
    }
}
