//! Months of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;

use veld_protocol::stamp::Stamp;

/// A month of a year, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: u32,
    /// 1 to 12.
    month: u32,
}

/// A text that is not a [`Month`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMonth;

const SECONDS: u64 = 86_400;

impl Month {
    /// The month that a moment is in.
    #[must_use]
    pub fn of(at: Stamp) -> Self {
        let mut day = at.seconds / SECONDS;
        let mut month = Self {
            year: 1970,
            month: 1,
        };
        // Whole cycles of the calendar first, so that no clock makes this long.
        let cycles = day / CYCLE;
        day %= CYCLE;
        month.year += u32::try_from(cycles * 400).unwrap_or(u32::MAX / 2);
        while day >= month.days() {
            day -= month.days();
            month = month.next();
        }
        month
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Self {
                month: self.month + 1,
                ..self
            }
        }
    }

    /// When it ends, for a moment `within` it.
    #[must_use]
    pub fn end(within: Stamp) -> Stamp {
        let month = Self::of(within);
        let mut day = within.seconds / SECONDS;
        // At most the days of one month.
        while Self::of(Stamp {
            seconds: day * SECONDS,
            nanos: 0,
        }) == month
        {
            day += 1;
        }
        Stamp {
            seconds: day * SECONDS,
            nanos: 0,
        }
    }

    fn days(self) -> u64 {
        let year = self.year;
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        match self.month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: u64 = 146_097;

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        let year = year.parse().map_err(|_| NotAMonth)?;
        let month = month.parse().map_err(|_| NotAMonth)?;
        if !(1..=12).contains(&month) {
            return Err(NotAMonth);
        }
        Ok(Self { year, month })
    }
}

impl fmt::Display for NotAMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a month, as 2026-11")
    }
}

impl std::error::Error for NotAMonth {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_the_month_of_the_calendar() {
        // Seconds as date(1) gives them for the first and the last of months.
        let table = [
            (0, "1970-01"),
            (68_255_999, "1972-02"),
            (68_256_000, "1972-03"),
            (951_782_400, "2000-02"),
            (951_868_800, "2000-03"),
            (1_796_083_199, "2026-11"),
            (1_796_083_200, "2026-12"),
            (1_798_761_599, "2026-12"),
            (1_798_761_600, "2027-01"),
            (4_107_542_400, "2100-03"),
        ];
        for (seconds, month) in table {
            let of = Month::of(Stamp { seconds, nanos: 9 });
            assert_eq!(of.to_string(), month, "{seconds}");
            assert_eq!(month.parse(), Ok(of));
        }
        let _ = Month::of(Stamp {
            seconds: u64::MAX,
            nanos: 0,
        });
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        for seconds in [1_793_491_200, 1_795_651_234, 1_796_083_199] {
            let end = Month::end(Stamp { seconds, nanos: 9 });
            assert_eq!((end.seconds, end.nanos), (1_796_083_200, 0), "{seconds}");
        }
        for wrong in ["", "2026", "2026-0", "2026-13", "2026-x", "-1-3"] {
            assert_eq!(wrong.parse::<Month>(), Err(NotAMonth), "{wrong}");
        }
    }
}
