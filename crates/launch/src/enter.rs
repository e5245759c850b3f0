//! A process that joins a running VE and executes a program there.
//!
//! ```text
//! command                 usher                        program
//! not dumpable    clone   into the VE's v2 cgroup
//!   |           ------->  v1 groups, all namespaces
//!   |                     closes all descriptors
//!   |                     becomes root of the VE
//!   |  <----- Born -----  clones its sibling  ------>  waits
//!   |  reaps the usher
//!   |  ------------------- Go ---------------------->  session, user, terminal,
//!   |  <------------------ Executing ----------------  directory; executes
//! ```
//!
//! No process of the VE ever sees one that is not wholly inside: the usher is in
//! the host's pid namespace, and the program is born with everything joined,
//! with nothing open but its standard input and outputs and the way to say that
//! it failed. It is not dumpable, so that until it executes the VE can neither
//! trace it nor read its environment and memory.

mod inside;
mod usher;

use std::ffi::CString;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};
use rustix::process::{
    DumpableBehavior, PidfdFlags, Signal, WaitIdStatus, pidfd_open, set_dumpable_behavior,
};
use veld_cgroups::Entry as CgroupEntry;
use veld_privileges::Bounds;
use veld_rootfs::TerminalSize;
use veld_sys::process::{Child, Forked, Namespaces, clone_into, send_signal};
use veld_sys::{Context, Failure};

use crate::channel::{ChildEnd, ParentEnd, pair};
use crate::error::Error;
use crate::users::Who;

/// How long the child may take to its program: every step is local and quick,
/// but the VE may have put anything in the way.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a killed child may take to go.
const DYING: Duration = Duration::from_secs(1);

/// What is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A program, looked up in PATH where it has no slash, and its arguments.
    Command(Vec<CString>),
    /// The user's own shell as a login shell.
    LoginShell,
}

/// How a process enters.
#[derive(Debug)]
pub struct Entry<'a> {
    /// PID 1 of the VE.
    pub init: BorrowedFd<'a>,
    /// The way into its cgroups.
    pub cgroup: CgroupEntry,
    /// The host id of its root.
    pub owner: u32,
    /// As whom.
    pub who: Who,
    /// Where; the user's home where not given.
    pub directory: Option<CString>,
    /// Variables beside TERM, PATH, HOME and the user's name, `K=V`.
    pub environment: Vec<String>,
    /// What.
    pub program: Program,
    /// On a new terminal of the VE's, of this size; otherwise on the caller's
    /// standard input and outputs.
    pub terminal: Option<TerminalSize>,
    /// The caller's TERM, for programs on a terminal.
    pub term: Option<String>,
    /// Descriptors that are the program's standard ones, instead of the caller's.
    pub stdio: [Option<BorrowedFd<'a>>; 3],
    /// What the process may have, and its badness.
    pub bounds: Bounds,
}

/// A process that runs its program in the VE.
#[derive(Debug)]
pub struct Entered {
    /// The process; a child of the caller.
    pub child: Child,
    /// Its terminal, where one was asked for.
    pub master: Option<OwnedFd>,
    /// PID 1 of the VE.
    init: OwnedFd,
}

impl Entered {
    /// Waits at most `patience` for the process to end, and reaps it.
    ///
    /// PID 1 hears of it as of a child: an init that is going down waits for all
    /// processes that it sees, and looks again only when one of its own has ended;
    /// systemd waited ten seconds for one that had come from outside.
    #[must_use]
    pub fn reap(&self, patience: Duration) -> Option<WaitIdStatus> {
        let status = self.child.reap(patience);
        if status.is_some() {
            tell_of_an_end(self.init.as_fd());
        }
        status
    }

    /// Kills the process, and reaps it where it ends within `patience`; whether it
    /// has.
    pub fn end(&self, patience: Duration) -> bool {
        let ended = self.child.end(patience);
        if ended {
            tell_of_an_end(self.init.as_fd());
        }
        ended
    }
}

fn tell_of_an_end(init: BorrowedFd<'_>) {
    // One that has ended itself need not know.
    let _ = send_signal(init, Signal::CHILD.as_raw());
}

/// Starts the program. This process is not dumpable any more.
///
/// # Errors
/// [`crate::ErrorKind::ProgramNotFound`] and
/// [`crate::ErrorKind::NotExecutable`] of the program, others of the way there.
pub fn enter(entry: Entry<'_>) -> Result<Entered, Error> {
    // Before any copy of this process gets near the VE.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .context(|| "make this process untraceable")?;
    let (ours, theirs) = pair()?;
    let (masters, master_from) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .context(|| "create a socket pair")?;
    let wants_terminal = entry.terminal.is_some();
    let init = entry.init.try_clone_to_owned();
    let init = init.context(|| "duplicate the descriptor of PID 1")?;
    let usher = match clone_into_group(&entry.cgroup)? {
        Forked::Child => {
            let on_the_way = OnTheWay {
                entry,
                channel: theirs,
                master: master_from,
            };
            usher::run(&on_the_way)
        }
        Forked::Parent(usher) => usher,
    };
    drop((theirs, master_from));
    let child = adopt(&ours, &usher);
    // The usher has said all it has to say, and a stuck one dies with the VE.
    usher.end(DYING);
    let child = child?;
    let running = ours.go().map_err(Error::from);
    let running = running.and_then(|()| ours.outcome(&child, PATIENCE));
    let running = running.and_then(|()| {
        let master = wants_terminal.then(|| receive(&masters)).transpose()?;
        Ok(master)
    });
    match running {
        Ok(master) => Ok(Entered {
            child,
            master,
            init,
        }),
        Err(error) => {
            child.end(DYING);
            tell_of_an_end(init.as_fd());
            Err(error)
        }
    }
}

/// What the processes on the way to the program know. Nothing in it is dropped
/// there: they end by exec or at once.
struct OnTheWay<'a> {
    entry: Entry<'a>,
    channel: ChildEnd,
    master: OwnedFd,
}

fn clone_into_group(group: &CgroupEntry) -> Result<Forked, Failure> {
    let mut cloned = clone_into(Namespaces::default(), group.v2());
    let busy = Some(Errno::BUSY.raw_os_error());
    if cloned
        .as_ref()
        .is_err_and(|cause| cause.raw_os_error() == busy)
    {
        let side = group.side_v2()?;
        cloned = clone_into(Namespaces::default(), side.as_ref().map(AsFd::as_fd));
    }
    cloned.context(|| "create a process in the VE")
}

/// The process that the usher made: a child of this one, so nobody else can have
/// its number before it is waited for.
fn adopt(channel: &ParentEnd, usher: &Child) -> Result<Child, Error> {
    let pid = channel.born(usher, PATIENCE)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).context(|| format!("open process {pid}"))?;
    Ok(Child { pid, pidfd })
}

fn receive(socket: &OwnedFd) -> Result<OwnedFd, Failure> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .context(|| "receive the terminal")?;
    control
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            // Nothing else was asked for.
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        })
        .ok_or_else(|| Failure::new("receive the terminal", Errno::NODATA))
}
