//! Which of a VE's interfaces.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;

/// An interface of a VE: `eth0` to `eth9`. Its name on the host and its MAC address
/// follow from it, whatever it is called inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// `eth0`, which every VE has unless it is without a network.
    pub const FIRST: Self = Self(0);
    const LAST: u8 = 9;

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::LAST).map(Self)
    }

    /// The number behind `eth`.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl FromStr for Slot {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number = text.strip_prefix("eth").and_then(|digit| {
            let number = digit.parse::<u8>().ok()?;
            (digit.len() == 1 && number <= Self::LAST).then_some(Self(number))
        });
        number.ok_or_else(|| {
            let allowed = "eth0 to eth9; its key \"name\" gives it another name inside";
            Invalid::form(text, "an interface", allowed)
        })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eth{}", self.0)
    }
}
