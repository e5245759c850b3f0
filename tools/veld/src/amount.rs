//! Amounts as short as a table wants them.

/// The units of sizes, each 1024 times the one before.
const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];

/// A number of bytes in at most five characters: `0`, `512`, `1.5K`, `198M`; cut, not
/// rounded, so that what is not full does not look so.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut scale: u64 = 1024;
    let mut unit = UNITS[0];
    for next in UNITS.into_iter().skip(1) {
        if bytes / scale < 1024 {
            break;
        }
        scale *= 1024;
        unit = next;
    }
    let (whole, rest) = (bytes / scale, bytes % scale);
    if whole < 100 {
        // The rest is below 2^50.
        format!("{whole}.{}{unit}", rest * 10 / scale)
    } else {
        format!("{whole}{unit}")
    }
}

/// Bytes per second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and no rate is negative"
)]
pub(crate) fn rate(bytes: f64) -> String {
    size(bytes as u64)
}

/// A percentage with as many digits as matter.
pub(crate) fn percent(percent: f64) -> String {
    if percent < 99.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// A time in its two largest units, or to a hundredth of a second below a minute.
pub(crate) fn time(usec: u64) -> String {
    let seconds = usec / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}.{:02}s", usec % 1_000_000 / 10_000),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// The part of `whole` that `part` is, in per cent.
#[expect(
    clippy::cast_precision_loss,
    reason = "for people, who are shown four digits"
)]
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_never_too_large() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1536, "1.5K"),
            (102_399, "99.9K"),
            (102_400, "100K"),
            ((1 << 20) - 1, "1023K"),
            (1 << 20, "1.0M"),
            (208_236_544, "198M"),
            (3 << 29, "1.5G"),
            (5 << 40, "5.0T"),
            (7 << 50, "7.0P"),
            (u64::MAX, "16383P"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!((rate(1536.9), rate(0.4)), ("1.5K".into(), "0".into()));
    }

    #[test]
    fn shares_and_times_have_the_digits_that_matter() {
        assert_eq!(percent(0.04), "0.0");
        assert_eq!(percent(99.94), "99.9");
        assert_eq!(
            (percent(99.96), percent(812.4)),
            ("100".into(), "812".into())
        );
        assert_eq!((share(1, 4), share(1, 0)), (Some(25.0), None));
        for (usec, text) in [
            (0, "0.00s"),
            (12_345_678, "12.34s"),
            (61_000_000, "1m1s"),
            (3_660_000_000, "1h1m"),
            (90_000_000_000, "1d1h"),
        ] {
            assert_eq!(time(usec), text);
        }
    }
}
