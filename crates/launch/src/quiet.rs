//! The console of a VE whose shim is gone, made into one that swallows all.
//!
//! The shim holds the other side of the console's terminal. Without it the
//! terminal is hung up: every open and write of it is an error, and an init that
//! tells the console how its shutdown goes may try for longer than a stop waits.
//!
//! Nothing can be mounted over a terminal that is hung up, and in the VE the
//! mount that makes it the console is locked. But a file that is a mount point
//! in other mount namespaces only can be removed, and the mount goes with it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, fstatfs, openat, openat2, symlinkat, unlinkat,
};
use rustix::io::Errno;
use veld_namespaces::join_users;
use veld_privileges::become_root;
use veld_protocol::boot::Stage;
use veld_sys::process::{Child, Forked, exit_now, fork, send_signal};
use veld_sys::{Context, Failure, fault};

use crate::channel::{ChildEnd, ParentEnd, pair};
use crate::error::Error;
use crate::inherited::let_go_of_all_but;

/// How long the child may take: the VE may have mounted a file system as /dev
/// that answers late or never.
const PATIENCE: Duration = Duration::from_secs(2);

/// "tmpfs" in linux/magic.h: what a VE's /dev is unless the VE changed it.
const TMPFS: i64 = 0x0102_1994;

/// A child that is at work on the console of a VE. Where this is dropped it is
/// left to itself.
#[derive(Debug)]
pub struct Quieting {
    child: Child,
    channel: ParentEnd,
    deadline: Instant,
}

/// Begins to make /dev/console a link to /dev/null in the VE whose PID 1 is
/// `init`, and has the number `pid`. A VE without a console is left as it is.
///
/// A child of this process does it, as root of the VE: it could not do to the
/// host what the VE could not. It stays in this process's pid namespace and is
/// not dumpable, so no process of the VE can see, signal or trace it. It has no
/// descriptor of this process's but `init`: where the VE keeps it stuck in the
/// kernel, it is left behind, holds no lock or pipe of the caller's, and dies
/// with what it waits for.
///
/// # Errors
/// There can be no such child.
///
/// # Kernel
/// mount_namespaces(7), "Restrictions on mount namespaces": unlink(2) of a file
/// that is a mount point elsewhere, Linux 3.18.
pub fn quiet_console(pid: i32, init: BorrowedFd<'_>) -> Result<Quieting, Error> {
    let (channel, theirs) = pair()?;
    match fork().context(|| "create a process for the VE's console")? {
        Forked::Child => {
            drop(channel);
            run(pid, init, &theirs)
        }
        Forked::Parent(child) => Ok(Quieting {
            child,
            channel,
            deadline: Instant::now() + PATIENCE,
        }),
    }
}

impl Quieting {
    /// Whether it is done, or has had its time: then [`finish`](Self::finish) does
    /// not wait.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let mut fds = [PollFd::new(&self.child.pidfd, PollFlags::IN)];
        let now = Some(&Timespec::default());
        Instant::now() >= self.deadline || !matches!(poll(&mut fds, now), Ok(0))
    }

    /// What came of it. A child that is late is killed, and left where it does not
    /// get to that.
    ///
    /// # Errors
    /// The step that failed, ENODEV where the VE has something else as /dev;
    /// [`crate::ErrorKind::Silent`] where the child did not come to an end in time.
    pub fn finish(self) -> Result<(), Error> {
        let outcome = self
            .channel
            .outcome_by(&self.child, self.deadline, PATIENCE);
        self.abandon();
        outcome
    }

    /// Kills the child, where it has not ended.
    pub fn abandon(self) {
        self.child.end(Duration::ZERO);
    }
}

fn run(pid: i32, init: BorrowedFd<'_>, channel: &ChildEnd) -> ! {
    let done = let_go_of_all_but(&[init, channel.as_fd()])
        .and_then(|()| devices(pid, init))
        .and_then(|devices| {
            join_users(init)?;
            become_root()?;
            replace_console(&devices)
        });
    match done {
        Ok(()) => {
            channel.executing();
            exit_now(0)
        }
        Err(failure) => {
            channel.failed(Stage::Preparing, &failure);
            exit_now(1)
        }
    }
}

/// The VE's /dev, which no link leads to.
fn devices(pid: i32, init: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let find = || -> std::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, format!("/proc/{pid}/root"), flags, Mode::empty());
        // Signal 0 is sent to nobody. If PID 1 is there now, it was its number.
        send_signal(init, 0)?;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let found = openat2(root?, "dev", flags, Mode::empty(), resolve)?;
        if fstatfs(&found)?.f_type == TMPFS {
            Ok(found)
        } else {
            Err(Errno::NODEV.into())
        }
    };
    find().context(|| "find the tmpfs /dev of the VE")
}

fn replace_console(devices: &OwnedFd) -> Result<(), Failure> {
    let name = "console";
    let replace = || -> std::io::Result<()> {
        fault::point("replace console")?;
        match unlinkat(devices, name, AtFlags::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            removed => removed?,
        }
        Ok(symlinkat("null", devices, name)?)
    };
    replace().context(|| "replace /dev/console of the VE")
}
