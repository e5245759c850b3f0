//! The root of a VE that runs, handed out for looking into it.
//!
//! A child goes in and makes a copy of the VE's mounts in a namespace that goes with it;
//! what is left of them when all that is the VE's own is unmounted there it sends back.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use veld_namespaces::{join_mounts, join_users};
use veld_privileges::become_root;
use veld_protocol::boot::Stage;
use veld_rootfs::look_from_inside;
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure};

use crate::channel::pair;
use crate::copy::root_of;
use crate::error::Error;
use crate::inherited::let_go_of_all_but;
use crate::steps::copy_mounts;

/// How long the child may take. Nothing on its way waits for the VE; this is for what
/// nobody thought of.
const PATIENCE: Duration = Duration::from_secs(5);

/// The root of the VE whose PID 1 is `init`, of this number on the host, with what Veld has mounted in it: a tree of
/// mounts that is attached nowhere.
///
/// # Errors
/// The step that failed; [`crate::ErrorKind::Silent`] where the child did not come to an
/// end in time.
///
/// # Kernel
/// open_tree(2) with `OPEN_TREE_CLONE`, Linux 5.2: of one mount alone it is refused where
/// others on it are locked. unix(7), `SCM_RIGHTS`.
pub fn look_into(init: BorrowedFd<'_>, pid: i32) -> Result<OwnedFd, Error> {
    let (channel, theirs) = pair()?;
    let (ours, sender) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .context(|| "create a socket pair")?;
    match fork().context(|| "create a process that looks into the VE")? {
        Forked::Child => {
            drop((channel, ours));
            let keep = [init, theirs.as_fd(), sender.as_fd()];
            let done = let_go_of_all_but(&keep).and_then(|()| find(init, pid, &sender));
            match &done {
                Ok(()) => theirs.executing(),
                Err(failure) => theirs.failed(Stage::Preparing, failure),
            }
            exit_now(i32::from(done.is_err()))
        }
        Forked::Parent(child) => {
            drop((theirs, sender));
            let outcome = channel.outcome_by(&child, Instant::now() + PATIENCE, PATIENCE);
            child.end(PATIENCE);
            outcome?;
            Ok(receive(&ours)?)
        }
    }
}

fn find(init: BorrowedFd<'_>, pid: i32, sender: &OwnedFd) -> Result<(), Failure> {
    // While /proc is the host's.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let own = openat(CWD, "/proc/self", flags, Mode::empty()).context(|| "open /proc/self")?;
    let top = root_of(init, pid)?;
    join_users(init)?;
    become_root()?;
    join_mounts(init)?;
    // And not what the VE has mounted over it, to which joining leads.
    let enter = || -> rustix::io::Result<()> {
        rustix::process::fchdir(&top)?;
        rustix::process::chroot(".")
    };
    enter().context(|| "enter the root of the VE")?;
    drop(top);
    copy_mounts()?;
    let root = look_from_inside(own.as_fd())?;
    let fds = [root.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(
        sender,
        &[IoSlice::new(&[0])],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .map(drop)
    .context(|| "send the root of the VE")
}

fn receive(socket: &OwnedFd) -> Result<OwnedFd, Failure> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let what = || "receive the root of the VE";
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        flags,
    )
    .context(what)?;
    control
        .drain()
        .find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            // Nothing else was asked for.
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        })
        .ok_or(Errno::NODATA)
        .context(what)
}
