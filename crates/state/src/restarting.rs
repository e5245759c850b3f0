//! A VE that waits to be started again: until when, and which process waits.

use std::collections::BTreeMap;
use std::path::Path;

use veld_durable::Life;
use veld_protocol::restart::Policy;
use veld_protocol::stamp::Stamp;
use veld_sys::Failure;

use crate::process::Process;

/// What the process that looks after a VE leaves for commands while it waits.
///
/// Lines of `key value`, as in [`crate::Record`]. It counts as long as that
/// process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restarting {
    /// The process that waits.
    pub shim: Process,
    /// When it starts the VE, by the host's wall clock.
    pub due: Stamp,
    /// The how manyeth start in a row it will be.
    pub restarts: u32,
    /// What the VE's config said of restarts when it could last be read.
    pub policy: Policy,
}

impl Restarting {
    /// Writes it to `path`.
    ///
    /// # Errors
    /// Names the path.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        veld_durable::replace(path, self.to_text().as_bytes(), Life::Volatile)
    }

    /// Reads it from `path`; nothing where it is not there or makes no sense.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    fn to_text(self) -> String {
        format!(
            "shim-pid {}\nshim-born {}\ndue {}\nrestarts {}\npolicy {}\n",
            self.shim.pid, self.shim.born, self.due, self.restarts, self.policy
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let pairs: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect();
        Some(Self {
            shim: Process {
                pid: pairs.get("shim-pid")?.parse().ok()?,
                born: pairs.get("shim-born")?.parse().ok()?,
            },
            due: pairs.get("due")?.parse().ok()?,
            restarts: pairs.get("restarts")?.parse().ok()?,
            policy: pairs.get("policy")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_half_of_it_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("restarting");
        assert_eq!(Restarting::read(&path), None);
        let restarting = Restarting {
            shim: Process { pid: 6, born: 60 },
            due: Stamp {
                seconds: 1_700_000_000,
                nanos: 5,
            },
            restarts: 3,
            policy: Policy::OnFailure,
        };
        restarting.write(&path).unwrap();
        assert_eq!(Restarting::read(&path), Some(restarting));
        assert_eq!(Restarting::parse("shim-pid 6\nshim-born 60\n"), None);
    }
}
