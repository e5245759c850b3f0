//! Single steps of a child on its way into a VE.

use std::io;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use veld_sys::{Context, Failure, fault};

/// One step: it changes this process for good, or says what it could not do.
#[derive(Debug)]
pub(crate) struct Step<T>(pub(crate) fn(&T) -> Result<(), Failure>);

/// Takes the steps in order up to the first that fails.
pub(crate) fn walk<T>(steps: &[Step<T>], with: &T) -> Result<(), Failure> {
    steps.iter().try_for_each(|step| step.0(with))
}

/// Key rings are not separated by namespaces: the one inherited is the host's.
pub(crate) fn new_key_ring() -> Result<(), Failure> {
    fault::point("new key ring")
        .and_then(|()| veld_sys::keyring::new_session())
        .context(|| "create a session key ring")
}

/// Copies the parent's mounts, which locks them, and makes the cgroup this
/// process is in the root of the tree that it sees.
///
/// # Kernel
/// mount_namespaces(7), cgroup_namespaces(7).
pub(crate) fn copy_mounts_and_root_cgroups() -> Result<(), Failure> {
    fault::point("unshare mount and cgroup namespaces")
        .and_then(|()| {
            Ok(unshare(
                CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWCGROUP,
            )?)
        })
        .context(|| "create mount and cgroup namespaces")
}

/// Copies the mounts that this process sees, into a namespace of those whose root it
/// is: what is set of them is locked then.
///
/// # Kernel
/// mount_namespaces(7).
pub(crate) fn copy_mounts() -> Result<(), Failure> {
    fault::point("unshare mount namespace")
        .and_then(|()| Ok(unshare(CloneFlags::CLONE_NEWNS)?))
        .context(|| "create mount namespace")
}

const BOOT_ID: &str = "/run/host/boot-id";
const KERNEL_BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Gives the VE a boot of its own: journals and others tell boots apart by it.
///
/// # Kernel
/// random(4), "/proc interfaces".
pub(crate) fn own_boot_id() -> Result<(), Failure> {
    let mount = || -> io::Result<()> {
        fault::point("mount boot id")?;
        let id = std::fs::read("/proc/sys/kernel/random/uuid")?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(CWD, BOOT_ID, flags, Mode::from_raw_mode(0o444))?;
        rustix::io::write(&file, &id)?;
        let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let id = open_tree(CWD, BOOT_ID, clone)?;
        move_mount(
            id,
            "",
            CWD,
            KERNEL_BOOT_ID,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        )?;
        Ok(())
    };
    mount().context(|| "give the VE a boot id")
}

/// Leaves the caller's session and terminal, and makes the console the standard
/// input and outputs.
pub(crate) fn console_as_stdio() -> Result<(), Failure> {
    rustix::process::setsid().context(|| "begin a session")?;
    let stdio = || -> rustix::io::Result<()> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let console = openat(CWD, "/dev/console", flags, Mode::empty())?;
        dup2_stdin(&console)?;
        dup2_stdout(&console)?;
        dup2_stderr(&console)
    };
    stdio().context(|| "use /dev/console as standard input and output")
}
