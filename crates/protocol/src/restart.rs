//! Whether a VE that ended without a command's doing is started again.
//!
//! An administrator sets the policy in a VE's config; the launcher puts it on the
//! record of the run, so that whoever comes after the end still knows it when the
//! config has become nonsense meanwhile.

use std::fmt;
use std::str::FromStr;

use crate::ending::Ending;

/// After which ends a VE is started again.
///
/// ```text
///              reboot  exit status, signal, unseen  exit 0  power off, halt
/// no           yes     no                           no      no
/// on-failure   yes     yes                          no      no
/// always       yes     yes                          yes     yes
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// After a reboot from inside alone.
    #[default]
    No,
    /// Also after an end that its PID 1 did not mean.
    OnFailure,
    /// After each.
    Always,
}

/// A word that is not a [`Policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPolicy;

impl Policy {
    /// Whether a VE that ended like this is started again.
    #[must_use]
    pub fn restarts(self, ending: Ending) -> bool {
        match (self, ending) {
            (_, Ending::Reboot) | (Self::Always, _) => true,
            (Self::No, _) | (Self::OnFailure, Ending::PowerOff | Ending::Exited(0)) => false,
            (Self::OnFailure, Ending::Exited(_) | Ending::Killed(_) | Ending::Unseen) => true,
        }
    }

    /// Whether a start again that failed is tried again.
    #[must_use]
    pub fn retries(self) -> bool {
        match self {
            Self::No => false,
            Self::OnFailure | Self::Always => true,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::OnFailure => "on-failure",
            Self::Always => "always",
        })
    }
}

impl FromStr for Policy {
    type Err = NotAPolicy;

    fn from_str(text: &str) -> Result<Self, NotAPolicy> {
        match text {
            "no" => Ok(Self::No),
            "on-failure" => Ok(Self::OnFailure),
            "always" => Ok(Self::Always),
            _ => Err(NotAPolicy),
        }
    }
}

impl fmt::Display for NotAPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a restart policy")
    }
}

impl std::error::Error for NotAPolicy {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_restarts_after_the_ends_of_its_table() {
        let ends = [
            Ending::Reboot,
            Ending::Exited(1),
            Ending::Killed(9),
            Ending::Unseen,
            Ending::Exited(0),
            Ending::PowerOff,
        ];
        for (policy, restarts) in [
            (Policy::No, [true, false, false, false, false, false]),
            (Policy::OnFailure, [true, true, true, true, false, false]),
            (Policy::Always, [true; 6]),
        ] {
            assert_eq!(ends.map(|end| policy.restarts(end)), restarts, "{policy}");
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for text in ["", "yes", "No", "on_failure", "always "] {
            assert_eq!(text.parse::<Policy>(), Err(NotAPolicy), "{text:?}");
        }
    }
}
