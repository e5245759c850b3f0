//! Joining the namespaces of a running process through its pidfd.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};
use veld_sys::{Context, Failure, fault};

/// Moves this process into all namespaces of `pidfd`'s process, and its later
/// children into the pid namespace, which no process can change for itself. Its
/// root and working directory are then those of the mount namespace, and its
/// capabilities those of a creator of the user namespace.
///
/// The caller's own ids are kept; they have no name in the new user namespace
/// until the caller changes them.
///
/// # Errors
/// EBUSY/EINVAL where this process has several threads or shares its file
/// system state; ESRCH where the other has ended.
///
/// # Kernel
/// setns(2) with a pidfd, Linux 5.8.
pub fn join(pidfd: BorrowedFd<'_>) -> Result<(), Failure> {
    let all = ThreadNameSpaceType::USER
        | ThreadNameSpaceType::MOUNT
        | ThreadNameSpaceType::NETWORK
        | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
        | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION
        | ThreadNameSpaceType::CONTROL_GROUP
        | ThreadNameSpaceType::PROCESS_ID;
    fault::point("join namespaces")
        .and_then(|()| Ok(move_into_thread_name_spaces(pidfd, all)?))
        .context(|| "join namespaces")
}

/// Moves this process into the user namespace of `pidfd`'s process, and into no
/// other: it then has the power that a creator of it has, and no other power.
///
/// # Errors
/// As [`join`].
///
/// # Kernel
/// setns(2) with a pidfd, Linux 5.8.
pub fn join_users(pidfd: BorrowedFd<'_>) -> Result<(), Failure> {
    fault::point("join user namespace")
        .and_then(|()| {
            Ok(move_into_thread_name_spaces(
                pidfd,
                ThreadNameSpaceType::USER,
            )?)
        })
        .context(|| "join user namespace")
}

/// Moves this process into the mount namespace of `pidfd`'s process, whose root is
/// then its root and working directory.
///
/// # Errors
/// As [`join`].
///
/// # Kernel
/// setns(2) with a pidfd, Linux 5.8.
pub fn join_mounts(pidfd: BorrowedFd<'_>) -> Result<(), Failure> {
    fault::point("join mount namespace")
        .and_then(|()| {
            Ok(move_into_thread_name_spaces(
                pidfd,
                ThreadNameSpaceType::MOUNT,
            )?)
        })
        .context(|| "join mount namespace")
}

/// Opens a namespace of a process (`user`, `net`), so that others can be put
/// into it. `pid` is the number of `pidfd`'s process.
///
/// # Errors
/// Names the file; ESRCH where the process has ended, even if another has its
/// number by now.
///
/// # Kernel
/// proc_pid_ns(5).
pub fn open(pid: i32, kind: &str, pidfd: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let path = format!("/proc/{pid}/ns/{kind}");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let opened = openat(CWD, path.as_str(), flags, Mode::empty());
    // Signal 0 is sent to nobody: it only asks whether the process is there. It
    // was there when the file was opened if it is there now.
    veld_sys::process::send_signal(pidfd, 0)
        .and_then(|()| Ok(opened?))
        .context(|| format!("open {path}"))
}
