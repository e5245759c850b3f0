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

/// A moment of the Gregorian calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc {
    /// Such as 2026.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
}

const DAY: u64 = 86_400;

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

    /// This moment of the calendar.
    #[must_use]
    pub fn utc(self) -> Utc {
        let (year, month, day) = date(self.seconds / DAY);
        let second = self.seconds % DAY;
        Utc {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
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

/// Year, month and day of the Gregorian calendar, `days` after the first of 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the day which may be missing is the last
    // one; 400 of them, an era, always have as many days.
    const ERA: u64 = 146_097;
    const TO_1970: u64 = 719_468;
    let days = days.saturating_add(TO_1970);
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months from March on have 153 days, and so have the next five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + later, month, day)
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
    fn moments_are_dates() {
        let seconds = 4_107_542_399;
        let utc = Stamp { seconds, nanos: 0 }.utc();
        assert_eq!((utc.year, utc.month, utc.day), (2100, 2, 28));
        assert_eq!((utc.hour, utc.minute, utc.second), (23, 59, 59));
    }

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
