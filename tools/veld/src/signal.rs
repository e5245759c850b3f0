//! Signals by name and number.

use std::str::FromStr;

use nix::sys::signal::Signal;
use veld_units::Quoted;

/// The number of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignalNumber(pub(crate) i32);

/// What programs may call the first real-time signal: the kernel's is 32, and
/// the C library keeps two for itself.
const RTMIN: i32 = 34;
const LAST: i32 = 64;

impl FromStr for SignalNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let real_time = || match name.strip_prefix("RTMIN")? {
            "" => Some(RTMIN),
            rest => RTMIN.checked_add(rest.strip_prefix('+')?.parse().ok()?),
        };
        let named = || {
            Signal::from_str(&format!("SIG{name}"))
                .ok()
                .map(|signal| signal as i32)
        };
        name.parse()
            .ok()
            .or_else(real_time)
            .or_else(named)
            .filter(|number| (1..=LAST).contains(number))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "{} is not a signal: allowed are names as TERM or RTMIN+4 and 1 to {LAST}",
                    Quoted(text)
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_mean_the_same() {
        for text in ["9", "KILL", "SIGKILL", "sigkill"] {
            assert_eq!(text.parse(), Ok(SignalNumber(9)));
        }
        assert_eq!("RTMIN+4".parse(), Ok(SignalNumber(38)));
        assert_eq!("SIGRTMIN".parse(), Ok(SignalNumber(34)));
        for text in ["0", "65", "-1", "", "FOO", "RTMIN+99", "RTMIN4"] {
            let error = text.parse::<SignalNumber>().unwrap_err();
            assert!(
                error.starts_with(&format!("\"{text}\" is not a signal")),
                "{error}"
            );
        }
    }
}
