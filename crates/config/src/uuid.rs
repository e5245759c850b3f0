//! What a VE is, whatever it is called and wherever it moves.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use veld_sys::Failure;

use crate::Invalid;

/// A UUID as in RFC 9562, written in lower case: `8-4-4-4-12` hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uuid(u128);

/// Where the hyphens are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Uuid {
    /// A new one, from the kernel's random numbers.
    ///
    /// # Errors
    /// /proc is not there; InvalidData where it is not the kernel's.
    ///
    /// # Kernel
    /// random(4), /proc/sys/kernel/random/uuid. Linux 2.4.
    pub fn random() -> Result<Self, Failure> {
        let path = "/proc/sys/kernel/random/uuid";
        let text = veld_kernfs::read(Path::new(path))?;
        text.parse().map_err(|_| {
            let cause = std::io::Error::from(std::io::ErrorKind::InvalidData);
            Failure::new(format!("read a UUID from {path}"), cause)
        })
    }

    /// The number, most significant digit first in the text.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl FromStr for Uuid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let placed = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| {
                if HYPHENS.contains(&at) {
                    byte == b'-'
                } else {
                    byte.is_ascii_hexdigit()
                }
            });
        let number = placed
            .then(|| u128::from_str_radix(&text.replace('-', ""), 16).ok())
            .flatten();
        match number {
            Some(number) if number != 0 => Ok(Self(number)),
            _ => {
                let allowed = "8-4-4-4-12 hexadecimal digits, not all zero";
                Err(Invalid::form(text, "a UUID", allowed))
            }
        }
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        for (at, digit) in digits.char_indices() {
            if matches!(at, 8 | 12 | 16 | 20) {
                f.write_str("-")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_reads_back_as_it_was_written() {
        let text = "01234567-89ab-4def-8123-456789abcdef";
        let uuid: Uuid = text.parse().unwrap();
        assert_eq!(uuid.to_string(), text);
        assert_eq!(uuid.as_u128(), 0x0123_4567_89ab_4def_8123_4567_89ab_cdef);
        assert_eq!(text.to_uppercase().parse(), Ok(uuid));
        let (one, other) = (Uuid::random().unwrap(), Uuid::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.to_string().parse(), Ok(one));
    }

    #[test]
    fn anything_else_is_refused() {
        let nil = "00000000-0000-0000-0000-000000000000";
        let bare = "0123456789ab4def8123456789abcdef";
        let signed = "+1234567-89ab-4def-8123-456789abcdef";
        for text in [
            "",
            nil,
            bare,
            signed,
            "01234567-89ab-4def-8123-456789abcdeé",
        ] {
            assert_eq!(
                text.parse::<Uuid>().unwrap_err().to_string(),
                format!(
                    "\"{text}\" is not a UUID: \
                     allowed is 8-4-4-4-12 hexadecimal digits, not all zero"
                )
            );
        }
    }
}
