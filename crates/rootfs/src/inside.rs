//! The child's half: kernel file systems of its own namespaces, and the pivot.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountAttrFlags, UnmountFlags, unmount};
use rustix::process::{chdir, fchdir, pivot_root};
use veld_sys::{Context, Failure, fault};

use crate::detached::{Extent, attach, clone_at, new_mount};

/// Makes the tree assembled on the stage the root of this process.
///
/// The process was cloned with the stage as its working directory. It has just
/// copied the launcher's mount namespace into one owned by its own user
/// namespace, in which it is root; all its other namespaces are its own too.
/// Afterwards nothing of the host's mount table is left in reach.
///
/// # Errors
/// Names the file system or the step. EPERM for proc or sysfs where the host's
/// own are partly covered, as in some containers.
///
/// # Kernel
/// pivot_root(2); mount_namespaces(7), "Restrictions on mount namespaces": a
/// tree copied as a unit keeps its locks, and its root is not locked.
pub fn enter() -> Result<(), Failure> {
    // proc and sysfs may be mounted here only while the host's are in sight.
    let kernel = KernelFileSystems::mount()?;
    let root = clone_at(CWD, "m", Extent::Whole)?;
    attach(root.as_fd(), open_path(".")?.as_fd(), "the stage")?;
    fchdir(&root).context(|| "enter the root file system")?;
    kernel.attach()?;

    // With both arguments the same directory, the old root ends up on top of
    // the new one, where the unmount takes it away with everything below it.
    fault::point("pivot root")
        .and_then(|()| Ok(pivot_root(".", ".")?))
        .context(|| "pivot into the root file system")?;
    fault::point("unmount old root")
        .and_then(|()| Ok(unmount(".", UnmountFlags::DETACH)?))
        .context(|| "unmount the old root")?;
    chdir("/").context(|| "enter the new root")
}

/// File systems that show the namespaces of who mounts them.
struct KernelFileSystems {
    mounts: Vec<(&'static str, OwnedFd)>,
}

impl KernelFileSystems {
    fn mount() -> Result<Self, Failure> {
        let safe = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        // /sys is read-only, as the container interface of systemd asks: its
        // device manager then knows that there is nothing for it to do.
        let table = [
            ("proc", "proc", safe),
            ("sysfs", "sys", safe | MountAttrFlags::MOUNT_ATTR_RDONLY),
            ("cgroup2", "sys/fs/cgroup", safe),
            ("mqueue", "dev/mqueue", safe),
        ];
        let mounts = table
            .into_iter()
            .map(|(kind, place, attributes)| {
                let source = [("source", kind)];
                Ok((place, new_mount(kind, &source, attributes)?))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self { mounts })
    }

    /// Attaches each below the working directory.
    fn attach(&self) -> Result<(), Failure> {
        for (place, mount) in &self.mounts {
            attach(
                mount.as_fd(),
                open_path(place)?.as_fd(),
                &format!("/{place}"),
            )?;
        }
        Ok(())
    }
}

fn open_path(path: &str) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty()).context(|| format!("open {path}"))
}
