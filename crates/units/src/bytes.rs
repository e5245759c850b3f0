//! Sizes of memory, swap and disk.

use std::fmt;
use std::str::FromStr;

use crate::{Error, number};

/// A number of bytes.
///
/// Written as a plain number (bytes) or with a suffix in either case: `B`;
/// `K`, `M`, `G`, `T` for powers of 1024; `P` for pages of 4096 bytes, as OpenVZ
/// has it (it is never peta). `KiB` and `KB` are both `K`, and so on: there is
/// no decimal unit here, because the limits are the kernel's and it counts in
/// pages. A fraction (`1.5G`) is rounded down to a byte.
///
/// Zero is a size; a parameter that needs more says so itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(u64);

const ALLOWED: &str = "a number with K, M, G, T or P (pages)";
/// Largest first, as `Display` tries them.
const UNITS: [(u64, char); 4] = [
    (1 << 40, 'T'),
    (1 << 30, 'G'),
    (1 << 20, 'M'),
    (1 << 10, 'K'),
];
const PAGE: u64 = 4096;
/// Digits behind the point that can matter for a size in terabytes.
const FRACTION_DIGITS: usize = 12;

impl Bytes {
    /// The largest size: the kernel's own "no limit" of a memory counter, the
    /// last page below 2^63.
    pub const MAX: Self = Self((1 << 63) - PAGE);

    /// So many bytes; more than [`Bytes::MAX`] is taken as that, as the kernel does.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        if bytes > Self::MAX.0 {
            Self::MAX
        } else {
            Self(bytes)
        }
    }

    /// So many mebibytes.
    #[must_use]
    pub const fn mib(count: u32) -> Self {
        // A u32 times 2^20 is below 2^52.
        Self((count as u64) << 20)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Bytes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let exact = parse(text).ok_or_else(|| Error::malformed(text, "a size", ALLOWED))?;
        match u64::try_from(exact) {
            Ok(bytes) if bytes <= Self::MAX.0 => Ok(Self(bytes)),
            _ => Err(Error::out_of_range(text, "less than 8388608T")),
        }
    }
}

/// The bytes that `text` says, saturated; nothing where it is no size.
fn parse(text: &str) -> Option<u128> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(end)?;
    let unit = unit(suffix)?;
    let Some((before, behind)) = digits.split_once('.') else {
        return Some(number::whole(digits)?.saturating_mul(unit));
    };
    if unit == 1 || behind.len() > FRACTION_DIGITS {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(behind.len()).ok()?)?;
    let fraction = number::whole(behind)?
        .checked_mul(unit)?
        .checked_div(scale)?;
    let whole = number::whole(before)?.saturating_mul(unit);
    Some(whole.saturating_add(fraction))
}

fn unit(suffix: &str) -> Option<u128> {
    Some(match suffix.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        "T" | "TB" | "TIB" => 1 << 40,
        "P" => u128::from(PAGE),
        _ => return None,
    })
}

/// The largest unit that gives a whole number: `512M`, `1536M`, `1000`.
///
/// The alternate form, `{:#}`, is for people and does not read back: a number of
/// more than four digits has a rounded one beside it, as in `203356K (198.6M)`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS
            .iter()
            .find(|(unit, _)| self.0 != 0 && self.0.is_multiple_of(*unit));
        let number = match unit {
            Some((unit, letter)) => {
                let number = self.0 / unit;
                write!(f, "{number}{letter}")?;
                number
            }
            None => {
                write!(f, "{}", self.0)?;
                self.0
            }
        };
        let largest = UNITS.iter().find(|(unit, _)| self.0 >= *unit);
        match largest {
            Some((unit, letter)) if f.alternate() && number > 9999 => {
                // The remainder is below 2^40, so that ten times it is no overflow.
                let (whole, tenth) = (self.0 / unit, self.0 % unit * 10 / unit);
                write!(f, " ({whole}.{tenth}{letter})")
            }
            _ => Ok(()),
        }
    }
}
