//! Processes: forks that are sound because nobody else is there, clones into
//! new namespaces, and what a process may say of itself to the kernel.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use linux_raw_sys::general::{
    CLONE_INTO_CGROUP, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER,
    CLONE_NEWUTS, CLONE_PARENT, CLONE_PIDFD, clone_args,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus, waitid};

use crate::fault;

/// The errno of an operation on a process that has ended, which the standard
/// library has no kind for.
pub const NO_SUCH_PROCESS: i32 = libc::ESRCH;

/// What a fork gave: the child sees [`Forked::Child`], its parent the rest.
#[derive(Debug)]
pub enum Forked {
    /// This is the new process.
    Child,
    /// This is the old process; the child, and a descriptor that stands for it
    /// even after its number was given to another.
    Parent(Child),
}

/// A child process as its parent holds it.
#[derive(Debug)]
pub struct Child {
    /// The number in the parent's pid namespace.
    pub pid: Pid,
    /// Readable once the process has ended.
    pub pidfd: OwnedFd,
}

/// Which namespaces a new process gets of its own. That of mounts it makes by
/// itself, when what it is to show is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent bit of the kernel's"
)]
pub struct Namespaces {
    /// Users and groups, and the owner of all others.
    pub user: bool,
    /// Process numbers.
    pub pid: bool,
    /// Links, addresses, routes, firewall, sockets.
    pub net: bool,
    /// Host name.
    pub uts: bool,
    /// System V and POSIX message queues, semaphores, shared memory.
    pub ipc: bool,
    /// What the root of the cgroup tree is.
    pub cgroup: bool,
}

impl Namespaces {
    fn flags(self) -> u64 {
        let bit = |on: bool, flag: u32| if on { u64::from(flag) } else { 0 };
        bit(self.user, CLONE_NEWUSER)
            | bit(self.pid, CLONE_NEWPID)
            | bit(self.net, CLONE_NEWNET)
            | bit(self.uts, CLONE_NEWUTS)
            | bit(self.ipc, CLONE_NEWIPC)
            | bit(self.cgroup, CLONE_NEWCGROUP)
    }
}

/// Copies this process.
///
/// # Errors
/// Those of clone3(2); EBUSY when this process has more than one thread.
///
/// # Kernel
/// clone3(2) with `CLONE_PIDFD`, Linux 5.3.
pub fn fork() -> io::Result<Forked> {
    clone_into(Namespaces::default(), None)
}

/// Copies this process into new namespaces and, where given, a cgroup v2.
///
/// A process that is born in its cgroup never has to be migrated, which would
/// wait for a grace period of the kernel's.
///
/// # Errors
/// Those of clone3(2); EBUSY when this process has more than one thread.
///
/// # Kernel
/// clone3(2): Linux 5.3; `CLONE_INTO_CGROUP`: 5.7.
pub fn clone_into(new: Namespaces, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Forked> {
    fault::point("clone process")?;
    if !single_threaded() {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let mut pidfd: libc::c_int = -1;
    let mut flags = u64::from(CLONE_PIDFD) | new.flags();
    let mut cgroup_fd = 0;
    if let Some(cgroup) = cgroup {
        flags |= CLONE_INTO_CGROUP;
        cgroup_fd = u64::try_from(cgroup.as_raw_fd())
            .map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    }
    let args = clone_args {
        flags,
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: cgroup_fd,
    };
    match raw_clone(&args)? {
        0 => Ok(Forked::Child),
        number => {
            let pid = Pid::from_raw(number).ok_or_else(io::Error::last_os_error)?;
            // SAFETY: the kernel just stored a new descriptor here that nobody else owns.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Forked::Parent(Child { pid, pidfd }))
        }
    }
}

/// Copies this process into a sibling: a child of this process's parent.
///
/// The number is that of the pid namespace this process is in, whatever
/// namespace its children are born into.
///
/// # Errors
/// Those of clone3(2); EBUSY when this process has more than one thread.
///
/// # Kernel
/// clone3(2) with `CLONE_PARENT`: the exit signal is this process's own.
pub fn fork_sibling() -> io::Result<Option<Pid>> {
    fault::point("clone process")?;
    if !single_threaded() {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let args = clone_args {
        flags: u64::from(CLONE_PARENT),
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: 0,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    match raw_clone(&args)? {
        0 => Ok(None),
        number => Ok(Pid::from_raw(number)),
    }
}

/// # Kernel
/// clone3(2), Linux 5.3.
fn raw_clone(args: &clone_args) -> io::Result<i32> {
    // SAFETY: `args`, and what it points at, live across the call and the size is
    // that of `args`. No memory is shared and no stack is given, so the child goes
    // on with a copy of everything; both callers have checked that no other thread
    // exists which could have held a lock at this moment.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            std::ptr::from_ref(args),
            size_of::<clone_args>(),
        )
    };
    match i32::try_from(pid) {
        Ok(number) if number >= 0 => Ok(number),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether this process has no thread but the calling one.
///
/// # Kernel
/// unshare(2): `CLONE_THREAD` changes nothing for a process with one thread and
/// is refused to any other, which needs no /proc.
#[must_use]
pub fn single_threaded() -> bool {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_THREAD).is_ok()
}

impl Child {
    /// Kills the child and reaps it, waiting at most `patience`; whether it is
    /// gone. One that is stuck in the kernel is left to whoever reaps later.
    ///
    /// The signal meets the child and nobody else: it is not reaped yet.
    pub fn end(&self, patience: Duration) -> bool {
        let _ = send_signal(self.pidfd.as_fd(), libc::SIGKILL);
        self.reap(patience).is_some()
    }

    /// Waits at most `patience` for the child to end, and reaps it.
    ///
    /// # Kernel
    /// waitid(2) with `P_PIDFD`, Linux 5.4.
    #[must_use]
    pub fn reap(&self, patience: Duration) -> Option<WaitIdStatus> {
        let patience = Timespec::try_from(patience).unwrap_or_default();
        // An interrupted wait ends early, and the look after it tells the truth.
        let _ = poll(
            &mut [PollFd::new(&self.pidfd, PollFlags::IN)],
            Some(&patience),
        );
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        waitid(WaitId::PidFd(self.pidfd.as_fd()), options).ok()?
    }
}

/// The state of a process and when it was born, in clock ticks since the host booted,
/// from what its `stat` file holds. No memory is taken.
///
/// # Kernel
/// proc_pid_stat(5), fields 3 and 22: the name in field 2 may hold anything, so
/// fields count from the last parenthesis.
#[must_use]
pub fn state_and_birth(stat: &[u8]) -> Option<(u8, u64)> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat.get(name_ends..)?.split(|byte| *byte == b' ').skip(1);
    let state = fields.next()?.first().copied()?;
    let born = std::str::from_utf8(fields.nth(18)?).ok()?;
    Some((state, born.parse().ok()?))
}

/// Ends this process at once: no destructor runs and nothing is flushed.
///
/// For a forked child, whose copy of the parent's state is not its own to tidy.
///
/// # Kernel
/// _exit(2).
pub fn exit_now(status: i32) -> ! {
    // SAFETY: takes a number and does not return.
    unsafe { libc::_exit(status) }
}

/// Sends a signal, a real-time one too, to the process that a pidfd stands for.
///
/// # Errors
/// ESRCH where it has ended, EPERM where it is another's, EINVAL for a number
/// that is no signal.
///
/// # Kernel
/// pidfd_send_signal(2), Linux 5.1; signal(7) for the numbers.
pub fn send_signal(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<()> {
    // 0 only asks whether there is somebody.
    if number != 0 {
        fault::point("send signal")?;
    }
    // SAFETY: takes numbers, and null for the information that the kernel then
    // makes up itself.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let fields: Vec<String> = (4..=25).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b) Z {}", fields.join(" "));
        assert_eq!(state_and_birth(stat.as_bytes()), Some((b'Z', 22)));
        assert_eq!(state_and_birth(b"7 (a"), None);
        assert_eq!(state_and_birth(b"7 (a) S 1 2"), None);
    }
}
