//! Devices by their numbers, and what may be done with one.

use std::fmt;
use std::str::FromStr;

use crate::{Error, number};

/// What sort of device a pair of numbers is of: each sort has its own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// A stream of bytes, or whatever its driver makes of it: a terminal, /dev/kvm.
    Character,
    /// Blocks of a disk.
    Block,
}

impl DeviceKind {
    /// The letter for it in mknod(1), in `ls -l` and in the kernel's lists.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Character => 'c',
            Self::Block => 'b',
        }
    }
}

/// One device, or all of one driver's: `c:10:232`, or `b:7:*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumbers {
    /// Whose numbers they are.
    pub kind: DeviceKind,
    /// The driver.
    pub major: u32,
    /// The driver's device; `None` is each of them.
    pub minor: Option<u32>,
}

impl DeviceNumbers {
    /// Whether this is the other one, or all of a driver's of which it is one.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        (self.kind, self.major) == (other.kind, other.major)
            && (self.minor.is_none() || self.minor == other.minor)
    }
}

/// The largest numbers: a `dev_t` of the kernel has 12 bits for the driver and
/// 20 for its device.
const LAST_MAJOR: u32 = (1 << 12) - 1;
const LAST_MINOR: u32 = (1 << 20) - 1;

impl FromStr for DeviceNumbers {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || {
            let allowed = "c or b, and two numbers, as c:10:232, or b:7:* for each of the driver's";
            Error::malformed(text, "a device", allowed)
        };
        let parts: Vec<&str> = text.split(':').collect();
        let [kind, major, minor] = parts[..] else {
            return Err(malformed());
        };
        let kind = match kind {
            "c" => DeviceKind::Character,
            "b" => DeviceKind::Block,
            _ => return Err(malformed()),
        };
        let at_most = |text: &str, last: u32| {
            let number = number::whole(text).ok_or_else(malformed)?;
            u32::try_from(number)
                .ok()
                .filter(|number| *number <= last)
                .ok_or(())
                .map_err(|()| {
                    Error::out_of_range(text, "0 to 4095 for a driver, to 1048575 for its device")
                })
        };
        Ok(Self {
            kind,
            major: at_most(major, LAST_MAJOR)?,
            minor: match minor {
                "*" => None,
                minor => Some(at_most(minor, LAST_MINOR)?),
            },
        })
    }
}

impl fmt::Display for DeviceNumbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.kind.letter(), self.major)?;
        match self.minor {
            Some(minor) => write!(f, "{minor}"),
            None => f.write_str("*"),
        }
    }
}

/// What may be done with a device: `r` to read it, `w` to write it, `m` to make
/// a node of it. At least one, each once, in any order; written in this one.
///
/// To open a device for both takes both: an open file may do whatever its driver
/// offers for it, as ioctl(2), which these letters do not tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceRights(u8);

/// The letters, from the lowest bit on.
const LETTERS: [char; 3] = ['r', 'w', 'm'];

impl DeviceRights {
    /// To read.
    pub const READ: Self = Self(1);
    /// To write.
    pub const WRITE: Self = Self(2);
    /// To make a node.
    pub const MAKE: Self = Self(4);
    /// To read and write, which is what a device is good for.
    pub const USE: Self = Self(3);

    /// What either allows.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What this allows and the other does not, if that is anything.
    #[must_use]
    pub const fn without(self, other: Self) -> Option<Self> {
        match self.0 & !other.0 {
            0 => None,
            rest => Some(Self(rest)),
        }
    }

    /// Whether this allows all that the other does.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.without(self).is_none()
    }
}

impl FromStr for DeviceRights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bit = |letter: char| LETTERS.iter().position(|known| *known == letter);
        let mut bits = 0_u8;
        for letter in text.chars() {
            let new = bit(letter)
                .map(|at| 1 << at)
                .filter(|new| bits & new == 0)
                .ok_or_else(|| malformed_rights(text))?;
            bits |= new;
        }
        if bits == 0 {
            return Err(malformed_rights(text));
        }
        Ok(Self(bits))
    }
}

fn malformed_rights(text: &str) -> Error {
    Error::malformed(text, "an access to a device", "r, w, m or more of them")
}

impl fmt::Display for DeviceRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in LETTERS.iter().enumerate() {
            if self.0 & (1 << at) != 0 {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written() {
        let kvm = DeviceNumbers {
            kind: DeviceKind::Character,
            major: 10,
            minor: Some(232),
        };
        let loops = DeviceNumbers {
            kind: DeviceKind::Block,
            major: 7,
            minor: None,
        };
        for (text, numbers) in [("c:10:232", kvm), ("b:7:*", loops)] {
            assert_eq!(text.parse(), Ok(numbers));
            assert_eq!(numbers.to_string(), text);
        }
        assert!("c:4095:1048575".parse::<DeviceNumbers>().is_ok());
    }

    #[test]
    fn all_of_a_driver_are_more_than_one() {
        let [all, one, other] = ["c:10:*", "c:10:232", "b:10:232"].map(|text| {
            let numbers: DeviceNumbers = text.parse().unwrap();
            numbers
        });
        assert!(all.covers(one) && all.covers(all) && one.covers(one));
        assert!(!one.covers(all) && !all.covers(other));
    }

    #[test]
    fn what_is_no_device_is_refused_in_words() {
        let form = "is not a device: allowed is c or b, and two numbers, as c:10:232, or \
                    b:7:* for each of the driver's";
        for text in [
            "", "c", "c:1", "c:1:2:3", "a:1:2", "c:*:2", "c:-1:2", "c:1:", "c: 1:2",
        ] {
            let refused = text.parse::<DeviceNumbers>().unwrap_err();
            assert_eq!(refused.to_string(), format!("{text:?} {form}"));
        }
        for (text, number) in [("c:4096:0", "4096"), ("b:7:1048576", "1048576")] {
            let refused = text.parse::<DeviceNumbers>().unwrap_err();
            let range =
                "is out of range: allowed is 0 to 4095 for a driver, to 1048575 for its device";
            assert_eq!(refused.to_string(), format!("{number:?} {range}"));
        }
    }

    #[test]
    fn rights_are_letters_in_any_order() {
        for (text, written) in [("r", "r"), ("wr", "rw"), ("mwr", "rwm"), ("m", "m")] {
            let rights: DeviceRights = text.parse().unwrap();
            assert_eq!(rights.to_string(), written);
        }
        assert_eq!("rw".parse(), Ok(DeviceRights::USE));
        for text in ["", "x", "rr", "rw ", "RW"] {
            let refused = text.parse::<DeviceRights>().unwrap_err();
            let form = "is not an access to a device: allowed is r, w, m or more of them";
            assert_eq!(refused.to_string(), format!("{text:?} {form}"));
        }
    }

    #[test]
    fn rights_are_sets() {
        let (read, write) = (DeviceRights::READ, DeviceRights::WRITE);
        assert_eq!(read.union(write), DeviceRights::USE);
        assert_eq!(DeviceRights::USE.without(read), Some(write));
        assert_eq!(read.without(DeviceRights::USE), None);
        assert!(DeviceRights::USE.covers(write));
        assert!(!DeviceRights::USE.covers(DeviceRights::MAKE));
    }
}
