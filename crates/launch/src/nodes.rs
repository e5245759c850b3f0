//! Nodes of devices in the /dev of a VE that runs.
//!
//! Only host root can make a node that opens. So it is a child that keeps the
//! host's capabilities, and may touch nothing but the one directory that the
//! host itself made for the VE, found again by what the record says of it:
//! [`RunningDev`] has the look-ups. What it makes there can be used only as far
//! as the VE's list of devices goes, whoever gets hold of it.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use veld_privileges::Creator;
use veld_protocol::boot::Stage;
use veld_rootfs::{FileId, HostDevice, RunningDev};
use veld_sys::process::{Forked, exit_now, fork, send_signal};
use veld_sys::{Context, Failure};
use veld_units::DeviceNumbers;

use crate::channel::{ChildEnd, pair};
use crate::error::Error;
use crate::inherited::let_go_of_all_but;

/// How long the child may take. Nothing on its way waits for the VE; this is for
/// what nobody thought of.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is to become of a VE's nodes.
#[derive(Debug)]
pub struct Nodes<'a> {
    /// PID 1 of the VE, and its number.
    pub init: BorrowedFd<'a>,
    /// See `init`.
    pub pid: i32,
    /// The host id of its root, who owns the nodes.
    pub owner: u32,
    /// The /dev that it was started with.
    pub dev: FileId,
    /// Devices that get a node; one that is there stays as it is.
    pub make: &'a [HostDevice],
    /// Paths below /dev at which no node is to stay of a device that is not allowed.
    pub remove: &'a [PathBuf],
    /// All that the VE may use.
    pub allowed: &'a [DeviceNumbers],
}

/// Makes and removes nodes in the /dev of a running VE, all that can be. A child of this process
/// does it, which holds nothing of this process's but PID 1's descriptor.
///
/// # Errors
/// Names the node; ENODEV where the VE has another /dev now;
/// [`crate::ErrorKind::Silent`] where the child did not come to an end in time.
pub fn change_nodes(nodes: &Nodes<'_>) -> Result<(), Error> {
    let (channel, theirs) = pair()?;
    match fork().context(|| "create a process for the VE's /dev")? {
        Forked::Child => {
            drop(channel);
            run(nodes, &theirs)
        }
        Forked::Parent(child) => {
            drop(theirs);
            let outcome = channel.outcome_by(&child, Instant::now() + PATIENCE, PATIENCE);
            child.end(PATIENCE);
            outcome
        }
    }
}

fn run(nodes: &Nodes<'_>, channel: &ChildEnd) -> ! {
    let done = let_go_of_all_but(&[nodes.init, channel.as_fd()]).and_then(|()| change(nodes));
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

fn change(nodes: &Nodes<'_>) -> Result<(), Failure> {
    let open_root = || -> std::io::Result<_> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let path = format!("/proc/{}/root", nodes.pid);
        let root = openat(CWD, path, flags, Mode::empty());
        // Signal 0 is sent to nobody. If PID 1 is there now, it was its number.
        send_signal(nodes.init, 0)?;
        Ok(root?)
    };
    let root = open_root().context(|| "open the root of the VE")?;
    let dev = RunningDev::find(root.as_fd(), nodes.dev)?;
    // The process ends with this identity.
    let _owner = Creator::assume(nodes.owner)?;
    rustix::process::umask(Mode::empty());
    let made = nodes.make.iter().map(|device| dev.make_node(device));
    let removed = nodes.remove.iter();
    let removed = removed.map(|path| dev.remove_node(path, nodes.allowed));
    // All are tried, and the first failure is told.
    made.chain(removed).fold(Ok(()), Result::and)
}
