//! The console of a VE whose shim is gone, made into one that swallows all.
//!
//! The shim holds the other side of the console's terminal. Without it the
//! terminal is hung up: every open and write of it is an error, and an init that
//! tells the console how its shutdown goes may try for longer than a stop waits.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_namespaces::join_mounts;
use veld_protocol::boot::Stage;
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure, fault};

use crate::channel::{ChildEnd, pair};
use crate::error::Error;
use crate::steps::{Step, walk};

/// How long the child may take: the VE may have mounted a file system over
/// /dev that answers late or never.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a killed child may take to go.
const DYING: Duration = Duration::from_millis(500);

const NULL: &str = "/dev/null";
const CONSOLE: &str = "/dev/console";

/// Puts /dev/null over /dev/console in the VE whose PID 1 is `init`.
///
/// A child of this process does it, as one with all capabilities in the VE's
/// user namespace and none outside. It stays in this process's pid namespace and
/// is not dumpable, so no process of the VE can see, signal or trace it. It has
/// no descriptor of this process's but `init`: where the VE keeps it stuck in the
/// kernel, it is left behind, holds no lock or pipe of the caller's, and dies
/// with what it waits for.
///
/// # Errors
/// The step that failed; [`crate::ErrorKind::Silent`] where the child does not
/// come to an end in time.
///
/// # Kernel
/// setns(2) with a pidfd, Linux 5.8; open_tree(2), move_mount(2), Linux 5.2.
pub fn quiet_console(init: BorrowedFd<'_>) -> Result<(), Error> {
    // Before the child can be reached by anybody.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context(|| "make this process untraceable")?;
    let (ours, theirs) = pair()?;
    let child = match fork().context(|| "create a process for the VE's console")? {
        Forked::Child => {
            drop(ours);
            run(&Inside {
                init,
                channel: theirs,
            })
        }
        Forked::Parent(child) => child,
    };
    drop(theirs);
    let outcome = ours.outcome(&child, PATIENCE);
    if child.reap(DYING).is_none() {
        child.end(DYING);
    }
    outcome
}

/// What the child has.
struct Inside<'a> {
    init: BorrowedFd<'a>,
    channel: ChildEnd,
}

fn run(inside: &Inside<'_>) -> ! {
    let steps = [
        // First, while /dev is the host's.
        Step(let_go_of_all),
        Step(|inside: &Inside<'_>| join_mounts(inside.init)),
        Step(|_| bind_null()),
    ];
    match walk(&steps, inside) {
        Ok(()) => {
            inside.channel.executing();
            exit_now(0)
        }
        Err(failure) => {
            inside.channel.failed(Stage::Preparing, &failure);
            exit_now(1)
        }
    }
}

fn let_go_of_all(inside: &Inside<'_>) -> Result<(), Failure> {
    let stdio = || -> rustix::io::Result<()> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let null = openat(CWD, NULL, flags, Mode::empty())?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        dup2_stderr(&null)
    };
    stdio().context(|| format!("use {NULL} as standard input and output"))?;
    veld_sys::exec::close_all_but(&[inside.init, inside.channel.as_fd()])
        .context(|| "close descriptors")
}

fn bind_null() -> Result<(), Failure> {
    let null = place(NULL)?;
    let console = place(CONSOLE)?;
    let bind = || -> std::io::Result<()> {
        fault::point("bind null over console")?;
        let clone = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        let copy = open_tree(&null, "", clone)?;
        let here =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(move_mount(&copy, "", &console, "", here)?)
    };
    bind().context(|| format!("bind {NULL} over {CONSOLE} of the VE"))
}

/// A device of the VE's by its path, which leads through no link; it is looked
/// up and not opened, which might wait or have an effect.
fn place(path: &str) -> Result<OwnedFd, Failure> {
    let find = || -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        let found = openat2(CWD, path, flags, Mode::empty(), resolve)?;
        if FileType::from_raw_mode(fstat(&found)?.st_mode) == FileType::CharacterDevice {
            Ok(found)
        } else {
            Err(Errno::NODEV)
        }
    };
    find().context(|| format!("find the device {path} of the VE"))
}
