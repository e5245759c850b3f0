//! What can go wrong with a group, by what a caller does about it.

use std::fmt;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use veld_sys::Failure;

use crate::knob::Limit;

/// An operation on a group did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Limits that this host cannot enforce, all of them.
    #[error("{}", joined(.0))]
    Unsupported(Vec<Refusal>),
    /// Neither cgroup v2 nor any v1 hierarchy is mounted for writing.
    #[error("cannot make groups: no cgroup hierarchy is mounted for writing")]
    NoHierarchy,
    /// There is no hierarchy of v1 that distributions without v2 need.
    #[error(
        "cannot delegate a v1 hierarchy: none of the name systemd is mounted (mount -t cgroup -o none,name=systemd systemd DIRECTORY makes it, where the kernel has v1)"
    )]
    NoNamed,
    /// Processes were in the group until the deadline, or the kernel held it.
    #[error("cannot remove group {group}: {} after {} ms", left(.pids), .waited.as_millis())]
    Busy {
        /// `PARENT/NAME`.
        group: String,
        /// The processes, in the caller's pid namespace; empty where there are
        /// none that it can see.
        pids: Vec<i32>,
        /// How long was waited.
        waited: Duration,
    },
    /// More memory would be guaranteed than there may be.
    #[error(
        "cannot guarantee {asked} bytes of memory: {others} are guaranteed to others, and {capacity} may be in all"
    )]
    Promised {
        /// What was asked for, in bytes.
        asked: u64,
        /// What other groups have, in bytes.
        others: u64,
        /// What all together may have, in bytes.
        capacity: u64,
    },
    /// A file or directory of a hierarchy could not be used.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What a caller may branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host cannot enforce it.
    Unsupported,
    /// The group is not there, or went away meanwhile.
    NotFound,
    /// The group is there already.
    Exists,
    /// Processes are left in the group.
    Busy,
    /// More memory would be guaranteed than there may be.
    Promised,
    /// Anything else; see [`Error::errno`].
    Other,
}

impl Error {
    /// What sort of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Unsupported(_) | Error::NoHierarchy | Error::NoNamed => ErrorKind::Unsupported,
            Error::Busy { .. } => ErrorKind::Busy,
            Error::Promised { .. } => ErrorKind::Promised,
            Error::Failed(failure) if vanished(failure) => ErrorKind::NotFound,
            Error::Failed(failure) if failure.kind() == io::ErrorKind::AlreadyExists => {
                ErrorKind::Exists
            }
            Error::Failed(_) => ErrorKind::Other,
        }
    }

    /// The errno, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Failed(failure) => failure.errno(),
            Error::Unsupported(_)
            | Error::NoHierarchy
            | Error::NoNamed
            | Error::Busy { .. }
            | Error::Promised { .. } => None,
        }
    }
}

/// Whether the file was not there, or its group was removed while it was open
/// (the files of a removed group answer ENODEV).
pub(crate) fn vanished(failure: &Failure) -> bool {
    failure.kind() == io::ErrorKind::NotFound
        || failure.errno() == Some(Errno::NODEV.raw_os_error())
}

/// One limit that cannot be enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Which limit.
    pub limit: Limit,
    /// The value asked for, with its unit.
    pub value: String,
    /// Why not, with the missing file or the bound that is passed.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot limit {} to {}: {}",
            self.limit.name(),
            self.value,
            self.reason
        )
    }
}

fn joined(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("; ")
}

/// How many pids an error text names.
const NAMED: usize = 8;

fn left(pids: &[i32]) -> String {
    let named: Vec<String> = pids.iter().take(NAMED).map(i32::to_string).collect();
    let named = named.join(", ");
    match (pids, pids.len().saturating_sub(NAMED)) {
        ([], _) => "the kernel still holds it".to_owned(),
        ([_], _) => format!("process {named} is still in it"),
        (_, 0) => format!("processes {named} are still in it"),
        (_, more) => format!("processes {named} and {more} more are still in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(pids: Vec<i32>) -> String {
        let error = Error::Busy {
            group: "veld/web1".to_owned(),
            pids,
            waited: Duration::from_millis(250),
        };
        assert_eq!(error.kind(), ErrorKind::Busy);
        error.to_string()
    }

    #[test]
    fn who_is_left_is_named() {
        let cannot = "cannot remove group veld/web1";
        assert_eq!(
            busy(vec![]),
            format!("{cannot}: the kernel still holds it after 250 ms")
        );
        assert_eq!(
            busy(vec![7]),
            format!("{cannot}: process 7 is still in it after 250 ms")
        );
        assert_eq!(
            busy(vec![7, 9]),
            format!("{cannot}: processes 7, 9 are still in it after 250 ms")
        );
        assert_eq!(
            busy((1..=10).collect()),
            format!(
                "{cannot}: processes 1, 2, 3, 4, 5, 6, 7, 8 and 2 more are still in it after 250 ms"
            )
        );
    }

    #[test]
    fn all_refusals_are_told() {
        let refusal = |limit, value: &str| Refusal {
            limit,
            value: value.to_owned(),
            reason: "no such knob".to_owned(),
        };
        let error = Error::Unsupported(vec![
            refusal(Limit::Swap, "1 byte"),
            refusal(Limit::Cpus, "9"),
        ]);
        assert_eq!(
            error.to_string(),
            "cannot limit swap to 1 byte: no such knob; cannot limit CPUs to 9: no such knob"
        );
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_file_of_a_removed_group_is_not_found() {
        for errno in [Errno::NOENT, Errno::NODEV] {
            let error = Error::from(Failure::new("read x", errno));
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert_eq!(error.errno(), Some(errno.raw_os_error()));
        }
        let error = Error::from(Failure::new("create x", Errno::EXIST));
        assert_eq!(error.kind(), ErrorKind::Exists);
    }
}
