//! How a VE is called: by its name or by its id.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::Invalid;

/// The name of a VE: a lower-case letter or digit, then up to 62 of these or
/// hyphens; not digits alone, for `veld start 101` means the id.
///
/// Such a name is safe as a file name, a cgroup and, nearly, a host name
/// ([`crate::Hostname::of`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VeName(String);

impl VeName {
    /// The greatest length, in characters.
    pub const MAX_LENGTH: usize = 63;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VeName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Invalid::check_name(text, "a VE name", Self::MAX_LENGTH, |at, c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || (c == '-' && at > 0)
        })?;
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let text = text.to_owned();
            return Err(Invalid::Digits { text });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<Path> for VeName {
    fn as_ref(&self) -> &Path {
        Path::new(&self.0)
    }
}

/// The number of a VE on its host, 1 to 36,862: which range of user ids, which
/// link and which address of the pool are its own. It is no setting: neither kind
/// of config file has it.
///
/// The greatest is the number of ranges of 65,536 ids between the default first
/// one and the end of 32 bits, less the last, which holds -1, and one to spare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VeId(u32);

impl VeId {
    /// The least id.
    pub const MIN: Self = Self(1);
    /// The greatest id.
    pub const MAX: Self = Self(36_862);

    /// The id of this number, where it is in the range.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        if id < Self::MIN.0 || id > Self::MAX.0 {
            None
        } else {
            Some(Self(id))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for VeId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| text.parse().ok().and_then(Self::new))
            .flatten()
            .ok_or_else(|| Invalid::form(text, "a VE id", "1 to 36862"))
    }
}

impl fmt::Display for VeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What an administrator calls a VE by: digits alone are an id, all else is a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VeRef {
    /// By number.
    Id(VeId),
    /// By name.
    Name(VeName),
}

impl FromStr for VeRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().map(Self::Id)
        } else {
            text.parse().map(Self::Name)
        }
    }
}

impl fmt::Display for VeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_says_which_character_and_where() {
        let long = "a".repeat(64);
        let table = [
            ("a:b", "\"a:b\" is not a VE name: ':' at position 1"),
            ("", "\"\" is not a VE name: it is empty"),
            ("Web", "\"Web\" is not a VE name: 'W' at position 0"),
            ("-web", "\"-web\" is not a VE name: '-' at position 0"),
            ("a/b", "\"a/b\" is not a VE name: '/' at position 1"),
            ("..", "\"..\" is not a VE name: '.' at position 0"),
            ("web 1", "\"web 1\" is not a VE name: ' ' at position 3"),
            ("wéb", "\"wéb\" is not a VE name: 'é' at position 1"),
            ("a\n", "\"a\\n\" is not a VE name: '\\n' at position 1"),
            (
                "101",
                "\"101\" is not a VE name: digits alone are a VE's id",
            ),
            (
                &long,
                &format!("\"{long}\" is not a VE name: 64 characters, allowed are 63"),
            ),
        ];
        for (text, message) in table {
            assert_eq!(text.parse::<VeName>().unwrap_err().to_string(), message);
        }
        for text in ["a", "web1", "0a", "1-", "web-", &"a".repeat(63)] {
            assert_eq!(text.parse::<VeName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn digits_refer_to_an_id_and_all_else_to_a_name() {
        let id = VeId::new(101).unwrap();
        assert_eq!("101".parse(), Ok(VeRef::Id(id)));
        assert_eq!("36862".parse(), Ok(VeRef::Id(VeId::MAX)));
        assert_eq!(
            "web1".parse::<VeRef>().unwrap(),
            VeRef::Name("web1".parse().unwrap())
        );
        for text in ["0", "36863", "99999999999999999999"] {
            let message = format!("\"{text}\" is not a VE id: allowed is 1 to 36862");
            assert_eq!(text.parse::<VeRef>().unwrap_err().to_string(), message);
        }
        let empty = "".parse::<VeRef>().unwrap_err().to_string();
        assert_eq!(empty, "\"\" is not a VE name: it is empty");
        let signed = "+5".parse::<VeId>().unwrap_err().to_string();
        assert_eq!(signed, "\"+5\" is not a VE id: allowed is 1 to 36862");
    }
}
