//! When snapshots of a VE are made by themselves, and how long they are kept.

use std::fmt;
use std::str::FromStr;

use veld_protocol::stamp::Stamp;
use veld_units::Timespan;

use crate::Invalid;

/// A line of a schedule: `hourly keep 24`, `weekly for 60d`, `every 6h keep 8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// How often one is made.
    pub period: Period,
    /// How long it is kept.
    pub keep: Keep,
}

/// How often a snapshot is made: once in each of these periods, all of which
/// begin at the same moments for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight, UTC.
    Day,
    /// From Monday to Sunday, UTC.
    Week,
    /// From the first of a month to the last, UTC.
    Month,
    /// So many seconds each, counted from 1970.
    Every(Timespan),
}

/// How long a snapshot is kept that a schedule has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// As one of the newest so many.
    Count(u16),
    /// For so long.
    Time(Timespan),
}

const ALLOWED: &str =
    "hourly, daily, weekly, monthly or every 6h, with keep 7 or for 30d behind it";
/// The shortest period.
const LEAST: Timespan = Timespan::seconds(60);
/// The most snapshots that one line keeps.
const MOST: u16 = 1000;
const WORDS: [(&str, Period); 4] = [
    ("hourly", Period::Hour),
    ("daily", Period::Day),
    ("weekly", Period::Week),
    ("monthly", Period::Month),
];

impl Period {
    /// The number of the period that a moment is in. The next one has the next
    /// number.
    #[must_use]
    pub fn number(self, at: Stamp) -> u64 {
        let days = at.seconds / 86_400;
        match self {
            Period::Hour => at.seconds / 3600,
            Period::Day => days,
            // The first of 1970 was a Thursday.
            Period::Week => (days + 3) / 7,
            Period::Month => {
                let utc = at.utc();
                utc.year * 12 + utc.month
            }
            Period::Every(time) => at.seconds / u64::from(time.as_secs().max(1)),
        }
    }
}

impl FromStr for Period {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some((_, period)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*period);
        }
        let invalid =
            || Invalid::form(text, "a period", "hourly, daily, weekly, monthly, every 6h");
        let time = text.strip_prefix("every ").ok_or_else(invalid)?;
        let time: Timespan = time.trim_start().parse()?;
        if time < LEAST {
            let short = veld_units::Error::out_of_range(text, "every 1m or longer");
            return Err(short.into());
        }
        Ok(Period::Every(time))
    }
}

impl FromStr for Schedule {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (period, how, value) = match words.as_slice() {
            ["every", time, how, value] => (format!("every {time}"), *how, *value),
            [period, how, value] => ((*period).to_owned(), *how, *value),
            _ => return Err(Invalid::form(text, "a schedule", ALLOWED)),
        };
        let keep = match how {
            "keep" => {
                let count = value
                    .parse()
                    .ok()
                    .filter(|count| (1..=MOST).contains(count));
                let range = || Invalid::form(value, "a number to keep", "1 to 1000");
                Keep::Count(count.ok_or_else(range)?)
            }
            "for" => Keep::Time(value.parse()?),
            _ => return Err(Invalid::form(text, "a schedule", ALLOWED)),
        };
        let is_word = WORDS.iter().any(|(word, _)| *word == period);
        if !is_word && !period.starts_with("every ") {
            return Err(Invalid::form(text, "a schedule", ALLOWED));
        }
        let period = period.parse()?;
        Ok(Self { period, keep })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WORDS.iter().find(|(_, period)| period == self) {
            Some((word, _)) => f.write_str(word),
            None => match self {
                Period::Every(time) => write!(f, "every {time}"),
                Period::Hour | Period::Day | Period::Week | Period::Month => Ok(()),
            },
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keep {
            Keep::Count(count) => write!(f, "{} keep {count}", self.period),
            Keep::Time(time) => write!(f, "{} for {time}", self.period),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp { seconds, nanos: 0 }
    }

    #[test]
    fn a_schedule_is_written_as_it_is_read() {
        for (text, written) in [
            ("hourly keep 24", "hourly keep 24"),
            ("  daily   keep 07 ", "daily keep 7"),
            ("weekly for 60d", "weekly for 60d"),
            ("monthly keep 1000", "monthly keep 1000"),
            ("every 90m for 86400", "every 1h30m for 1d"),
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.to_string(), written);
            assert_eq!(written.parse(), Ok(schedule));
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "daily",
            "daily 7",
            "yearly keep 7",
            "daily keep 7 8",
            "every keep 7",
            "day at 3",
        ] {
            assert_eq!(
                text.parse::<Schedule>().unwrap_err().to_string(),
                format!("\"{text}\" is not a schedule: allowed is {ALLOWED}")
            );
        }
        for (text, message) in [
            (
                "daily keep 0",
                "\"0\" is not a number to keep: allowed is 1 to 1000",
            ),
            (
                "daily keep -1",
                "\"-1\" is not a number to keep: allowed is 1 to 1000",
            ),
            (
                "daily for ever",
                "\"ever\" is not a duration: allowed is seconds, or a number with s, m, h or d, as 1h30m",
            ),
            (
                "every 59s keep 1",
                "\"every 59s\" is out of range: allowed is every 1m or longer",
            ),
        ] {
            assert_eq!(text.parse::<Schedule>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn periods_begin_with_the_calendar() {
        let monday = 1_700_438_400; // 2023-11-20 00:00:00 UTC
        let first = 1_701_388_800; // 2023-12-01 00:00:00 UTC
        let table = [
            (Period::Hour, monday + 7200, 3600),
            (Period::Day, monday, 86_400),
            (Period::Week, monday, 7 * 86_400),
            (Period::Month, first, 31 * 86_400),
            (Period::Every(Timespan::seconds(90)), 900, 90),
        ];
        for (period, begin, length) in table {
            let number = period.number(at(begin));
            assert_eq!(period.number(at(begin - 1)), number - 1, "{period:?}");
            assert_eq!(period.number(at(begin + length - 1)), number, "{period:?}");
            assert_eq!(period.number(at(begin + length)), number + 1, "{period:?}");
        }
    }
}
