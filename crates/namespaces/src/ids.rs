//! The range of host ids that stands behind the ids of a user namespace.

use std::path::PathBuf;

use rustix::process::{Pid, RawUid};
use veld_sys::Failure;

/// How many users and groups a namespace has: 0 to 65535.
pub const IDS: u32 = 65_536;

/// A range of [`IDS`] host ids, users and groups alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    first: u32,
}

impl IdRange {
    /// The range that begins at host id `first`; none where it would pass the
    /// last id there is, or hold the host's root.
    #[must_use]
    pub fn starting_at(first: u32) -> Option<Self> {
        let last = first.checked_add(IDS - 1)?;
        // The id of all ones means "no change" to the kernel.
        (first > 0 && last < RawUid::MAX).then_some(Self { first })
    }

    /// The host id behind id 0 of the namespace.
    #[must_use]
    pub fn first(self) -> u32 {
        self.first
    }

    /// Gives the user namespace of `pid` this range, users and groups.
    ///
    /// # Errors
    /// EPERM where the namespace has a map already or the caller lacks
    /// CAP_SETUID and CAP_SETGID over its parent.
    ///
    /// # Kernel
    /// user_namespaces(7), "User and group ID mappings", Linux 3.8.
    pub fn map(self, pid: Pid) -> Result<(), Failure> {
        let line = format!("0 {} {IDS}", self.first);
        for file in ["uid_map", "gid_map"] {
            let path = PathBuf::from(format!("/proc/{pid}/{file}"));
            veld_kernfs::write(&path, &line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_neither_root_nor_the_invalid_id() {
        assert_eq!(IdRange::starting_at(0), None);
        assert_eq!(IdRange::starting_at(u32::MAX - IDS + 1), None);
        let last = IdRange::starting_at(u32::MAX - IDS).unwrap();
        assert_eq!(last.first(), u32::MAX - IDS);
    }
}
