//! A process that is the one meant, and not a later one of the same number.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use veld_sys::process::state_and_birth;
use veld_sys::{Context, Failure};

/// A number and when the process that had it was born, in clock ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// The number in the host's pid namespace.
    pub pid: i32,
    /// Field 22 of /proc/PID/stat.
    pub born: u64,
}

impl Process {
    /// The process that has the number now.
    ///
    /// # Errors
    /// NotFound where there is none.
    pub fn of(pid: i32) -> Result<Self, Failure> {
        let path = format!("/proc/{pid}/stat");
        let text = veld_kernfs::read(Path::new(&path))?;
        let born = state_and_birth(text.as_bytes())
            .map(|(_, born)| born)
            .ok_or(rustix::io::Errno::PROTO)
            .context(|| format!("parse {path}"))?;
        Ok(Self { pid, born })
    }

    /// A descriptor of this very process, if it lives and is not a zombie.
    #[must_use]
    pub fn open(self) -> Option<OwnedFd> {
        // The descriptor first: what is then read belongs to its process or a
        // later one, and a later one was born later.
        let pidfd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        let now = Self::of(self.pid).ok()?;
        (now.born == self.born && !has_ended(&pidfd)).then_some(pidfd)
    }
}

/// Whether the process of a pidfd has ended, reaped or not.
fn has_ended(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    !matches!(poll(&mut fds, Some(&Timespec::default())), Ok(0))
}

/// Whether a process catches or blocks the signal `number`: PID 1 of a
/// namespace never gets one that it does neither with.
///
/// # Errors
/// NotFound where the process has ended.
///
/// # Kernel
/// proc_pid_status(5), `SigBlk` and `SigCgt`.
pub fn signals_handled(pid: i32, number: i32) -> Result<bool, Failure> {
    let path = format!("/proc/{pid}/status");
    let text = veld_kernfs::read(Path::new(&path))?;
    let mask = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    let bit = u32::try_from(number - 1)
        .ok()
        .and_then(|bit| 1_u64.checked_shl(bit))
        .unwrap_or(0);
    let either = mask("SigBlk:").unwrap_or(0) | mask("SigCgt:").unwrap_or(0);
    Ok(either & bit != 0)
}

/// Parents of processes that have ended, belonged to one of the host ids from
/// `first` on, and were not waited for.
///
/// A process that joined a VE from outside is waited for by its parent outside;
/// until that is done, its pid namespace cannot end.
#[must_use]
pub fn parents_of_zombies(ids: std::ops::Range<u32>) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut parents: Vec<i32> = pids
        .filter_map(|pid: i32| {
            let status = veld_kernfs::read(Path::new(&format!("/proc/{pid}/status"))).ok()?;
            zombie_parent(&status, &ids)
        })
        .collect();
    parents.sort_unstable();
    parents.dedup();
    parents
}

/// # Kernel
/// proc_pid_status(5).
fn zombie_parent(status: &str, ids: &std::ops::Range<u32>) -> Option<i32> {
    let field = |key: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(str::trim)
    };
    let user: u32 = field("Uid:")?
        .split_ascii_whitespace()
        .next()?
        .parse()
        .ok()?;
    let parent = field("PPid:")?.parse().ok()?;
    (field("State:")?.starts_with('Z') && ids.contains(&user) && parent > 1).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_itself_and_no_other() {
        let me = Process::of(std::process::id().cast_signed()).unwrap();
        assert!(me.open().is_some());
        let former = Process {
            born: me.born - 1,
            ..me
        };
        assert!(former.open().is_none());
    }

    #[test]
    fn zombies_of_the_range_name_their_parents() {
        let status = |state: &str, uid: u32| {
            format!("Name:\tx\nState:\t{state}\nPPid:\t7\nUid:\t{uid}\t0\t0\t0\n")
        };
        let ids = 1000..2000;
        assert_eq!(zombie_parent(&status("Z (zombie)", 1500), &ids), Some(7));
        assert_eq!(zombie_parent(&status("S (sleeping)", 1500), &ids), None);
        assert_eq!(zombie_parent(&status("Z (zombie)", 2000), &ids), None);
        assert_eq!(zombie_parent("", &ids), None);
    }

    #[test]
    fn a_rust_program_does_not_handle_real_time_signals_by_itself() {
        // Not the first thread, which makes those of the other tests: the C library
        // blocks all signals while it makes one.
        let this = std::fs::read_link("/proc/thread-self").unwrap();
        let thread = this.file_name().unwrap().to_str().unwrap();
        let thread = thread.parse().unwrap();
        assert!(!signals_handled(thread, 40).unwrap());
        assert!(!signals_handled(thread, 400).unwrap());
    }
}
