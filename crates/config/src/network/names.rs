//! What an administrator calls things of the host that VEs share.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;

/// A name of up to 15 lower-case letters, digits and hyphens, a letter first: such a
/// name cannot be taken for an address.
fn check(text: &str, what: &'static str) -> Result<String, Invalid> {
    Invalid::check_name(text, what, 15, |at, c| {
        c.is_ascii_lowercase() || (at > 0 && (c.is_ascii_digit() || c == '-'))
    })?;
    Ok(text.to_owned())
}

/// The name of a group of VEs that have a policy in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(String);

/// The name of a pool of addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolName(String);

impl GroupName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PoolName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check(text, "the name of a group").map(Self)
    }
}

impl FromStr for PoolName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check(text, "the name of a pool").map(Self)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
