//! An Ethernet address.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;

/// The MAC address of one interface: six bytes in hexadecimal between colons, of
/// which the first says that it is no group's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// Its bytes.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for Mac {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = |allowed| Invalid::form(text, "a MAC address", allowed);
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2);
            let number = part.and_then(|part| u8::from_str_radix(part, 16).ok());
            *octet = number.ok_or_else(|| refused("six bytes as 02:00:00:12:34:56"))?;
        }
        if parts.next().is_some() || text.contains('+') {
            return Err(refused("six bytes as 02:00:00:12:34:56"));
        }
        if octets[0] & 1 == 1 {
            return Err(refused(
                "that of one interface; this is a multicast address",
            ));
        }
        if octets == [0; 6] {
            return Err(refused("that of one interface; this is nobody's"));
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02x}")?;
        }
        Ok(())
    }
}
