//! Mounts added to the tree of a VE that runs, and taken away from it.
//!
//! A child does both. It goes into the VE's user namespace by way of a copy of the
//! mounts, which locks what is set of a mount, and then into its mount namespace: there it is
//! root of the VE, so that no link and no mount of the VE's leads it to where the VE could
//! not go by itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use veld_namespaces::{PrivateMounts, join_mounts, join_users};
use veld_privileges::become_root;
use veld_protocol::boot::Stage;
use veld_rootfs::{Added, FileId, Shelf, attach_added, can_take_away, take_away};
use veld_sys::process::{Forked, exit_now, fork};
use veld_sys::{Context, Failure};

use crate::channel::{ChildEnd, pair};
use crate::error::Error;
use crate::inherited::let_go_of_all_but;
use crate::steps::copy_mounts;

/// How long the child may take: a file system of the VE's own, on the way to a place,
/// may answer late or never.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is to become of mounts in a VE.
#[derive(Debug)]
pub struct Mounts<'a> {
    /// PID 1 of the VE.
    pub init: BorrowedFd<'a>,
    /// A directory of the host's, for the child's own mounts.
    pub place: &'a Path,
    /// What is taken away first, in this order; what is not there any more is left.
    pub remove: &'a [Removal],
    /// What is added then.
    pub add: &'a [Added],
    /// Where, each.
    pub targets: &'a [PathBuf],
}

/// A mount that is to be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Where it is.
    pub target: PathBuf,
    /// What its root is.
    pub id: FileId,
    /// Whether it may never have been there: then the place need not be one where a
    /// mount could be.
    pub is_doubtful: bool,
}

/// Looks whether what is not doubtful of this can be taken away.
///
/// # Errors
/// As [`change_mounts`]; nothing has changed.
pub fn check_removals(init: BorrowedFd<'_>, removals: &[Removal]) -> Result<(), Error> {
    in_a_child(|channel| {
        let_go_of_all_but(&[init, channel.as_fd()])?;
        join_users(init)?;
        become_root()?;
        join_mounts(init)?;
        let mut certain = removals.iter().filter(|removal| !removal.is_doubtful);
        certain.try_for_each(|removal| can_take_away(&removal.target, removal.id))
    })
}

/// Changes the mounts of a running VE. Where it fails, some may have been taken away
/// and some added.
///
/// # Errors
/// Names the place; EBUSY where the VE has mounted something over what is to be taken
/// away; [`crate::ErrorKind::Silent`] where the child did not come to an end in time.
///
/// # Kernel
/// mount_namespaces(7), "Restrictions on mount namespaces"; move_mount(2).
pub fn change_mounts(mounts: &Mounts<'_>) -> Result<(), Error> {
    in_a_child(|channel| change(mounts, channel))
}

fn in_a_child(work: impl FnOnce(&ChildEnd) -> Result<(), Failure>) -> Result<(), Error> {
    let (channel, theirs) = pair()?;
    match fork().context(|| "create a process for the VE's mounts")? {
        Forked::Child => {
            drop(channel);
            let done = work(&theirs);
            match &done {
                Ok(()) => theirs.executing(),
                Err(failure) => theirs.failed(Stage::Preparing, failure),
            }
            exit_now(i32::from(done.is_err()))
        }
        Forked::Parent(child) => {
            drop(theirs);
            let outcome = channel.outcome_by(&child, Instant::now() + PATIENCE, PATIENCE);
            child.end(Duration::ZERO);
            outcome
        }
    }
}

fn change(mounts: &Mounts<'_>, channel: &ChildEnd) -> Result<(), Failure> {
    let mut keep = vec![mounts.init, channel.as_fd()];
    keep.extend(mounts.add.iter().map(AsFd::as_fd));
    let_go_of_all_but(&keep)?;
    // While /proc is the host's.
    let own = own_descriptors()?;
    let added = into_users(mounts)?;
    join_mounts(mounts.init)?;
    rustix::process::umask(Mode::empty());
    for removal in mounts.remove {
        let taken = take_away(&removal.target, removal.id, own.as_fd());
        if !removal.is_doubtful {
            taken?;
        }
    }
    attach_added(mounts.targets, &added)
}

fn own_descriptors() -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let path = "/proc/self/fd";
    openat(CWD, path, flags, Mode::empty()).context(|| format!("open {path}"))
}

/// Becomes root of the VE; the mounts as it sees them.
fn into_users(mounts: &Mounts<'_>) -> Result<Vec<OwnedFd>, Failure> {
    if mounts.add.is_empty() {
        join_users(mounts.init)?;
        become_root()?;
        return Ok(Vec::new());
    }
    // The process ends with these mounts.
    std::mem::forget(PrivateMounts::enter()?);
    Shelf::mount(mounts.place)?.put(mounts.add)?;
    join_users(mounts.init)?;
    become_root()?;
    copy_mounts()?;
    Shelf::take(mounts.add.len())
}
