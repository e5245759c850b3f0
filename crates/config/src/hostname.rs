//! What a VE calls itself.

use std::fmt;
use std::str::FromStr;

use crate::{Invalid, VeName};

/// A host name of RFC 1123: labels of letters, digits and hyphens between dots,
/// each of 1 to 63 and without a hyphen at either end; 64 characters in all,
/// for the kernel takes no more.
///
/// # Kernel
/// sethostname(2), HOST_NAME_MAX.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hostname(String);

const WHAT: &str = "a host name";

impl Hostname {
    /// The greatest length, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// The host name of a VE for which none is given: its name, less hyphens at
    /// the end, which a VE's name may have and a host name may not.
    #[must_use]
    pub fn of(name: &VeName) -> Self {
        Self(name.as_str().trim_end_matches('-').to_owned())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hostname {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Invalid::check_name(text, WHAT, Self::MAX_LENGTH, |_, c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
        })?;
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.split('.').all(label) {
            Ok(Self(text.to_owned()))
        } else {
            let allowed = "labels of 1 to 63 letters, digits and inner hyphens, between dots";
            Err(Invalid::form(text, WHAT, allowed))
        }
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_rfc_1123() {
        for text in ["web1", "Web1.example.org", "3com", "a-b.c", &"a".repeat(63)] {
            assert_eq!(text.parse::<Hostname>().unwrap().as_str(), text);
        }
        let allowed =
            "allowed is labels of 1 to 63 letters, digits and inner hyphens, between dots";
        for text in [".", "a..b", "a.", "-a", "a-", "a.-b", &"a".repeat(64)] {
            assert_eq!(
                text.parse::<Hostname>().unwrap_err().to_string(),
                format!("\"{text}\" is not a host name: {allowed}")
            );
        }
        let long = format!("{}.{}", "a".repeat(40), "b".repeat(24));
        let table = [
            ("", "\"\" is not a host name: it is empty".to_owned()),
            (
                "a_b",
                "\"a_b\" is not a host name: '_' at position 1".to_owned(),
            ),
            (
                &long,
                format!("\"{long}\" is not a host name: 65 characters, allowed are 64"),
            ),
        ];
        for (text, message) in table {
            assert_eq!(text.parse::<Hostname>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn every_name_of_a_ve_gives_a_host_name() {
        for (name, hostname) in [("web1", "web1"), ("web--", "web"), ("0-", "0")] {
            let of = Hostname::of(&name.parse().unwrap());
            assert_eq!(of.as_str(), hostname);
            assert_eq!(of.as_str().parse(), Ok(of));
        }
    }
}
