//! What a network interface may be called.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;

/// The name of a network interface: 1 to 15 printable characters of ASCII, none of
/// them a slash, a colon or a per cent sign; not `.` or `..`.
///
/// # Kernel
/// netdevice(7), IFNAMSIZ; `dev_valid_name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName(String);

const WHAT: &str = "the name of an interface";

impl LinkName {
    /// The greatest length, in characters.
    pub const MAX_LENGTH: usize = 15;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LinkName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // A comma or an equals sign would end it on a command line.
        Invalid::check_name(text, WHAT, Self::MAX_LENGTH, |_, c| {
            c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%' | ',' | '=')
        })?;
        if matches!(text, "." | ".." | "lo" | "all" | "default") {
            let allowed = "any other than ., .., lo, all and default";
            return Err(Invalid::form(text, WHAT, allowed));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
