//! Moments as people read them.

use veld_protocol::stamp::Stamp;

const DAY: u64 = 86_400;

/// `2026-11-26 10:55:18 UTC`: a time that does not depend on who looks.
pub(crate) fn utc(stamp: Stamp) -> String {
    let (year, month, day) = date(stamp.seconds / DAY);
    let second = stamp.seconds % DAY;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_700_000_000, "2023-11-14 22:13:20 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(Stamp { seconds, nanos: 0 }), text);
        }
    }
}
