//! The child's half: kernel file systems of its own namespaces, and the pivot.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::mount::{MountAttrFlags, UnmountFlags, unmount};
use rustix::process::{chdir, fchdir, pivot_root};
use veld_sys::{Context, Failure, fault};

use crate::added::{Shelf, attach_added};
use crate::detached::{Extent, attach, clone_at, new_mount};

/// What is at /sys/fs/cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CgroupTree {
    /// The tree of v2.
    #[default]
    Unified,
    /// A directory with v1's hierarchy of no controllers that systemd sorts its
    /// services in, and nothing else: for distributions that know no v2.
    Legacy,
}

/// Makes the tree assembled on the stage the root of this process.
///
/// The process was cloned with the stage as its working directory. It has just
/// copied the launcher's mount namespace into one owned by its own user
/// namespace, in which it is root; all its other namespaces are its own too.
/// Afterwards nothing of the host's mount table is left in reach. What waits on the
/// stage's shelf is attached at the places `added`, in this order.
///
/// # Errors
/// Names the file system or the step. EPERM for proc or sysfs where the host's
/// own are partly covered, as in some containers.
///
/// # Kernel
/// pivot_root(2); mount_namespaces(7), "Restrictions on mount namespaces": a
/// tree copied as a unit keeps its locks, and its root is not locked.
pub fn enter(cgroups: CgroupTree, added: &[PathBuf]) -> Result<(), Failure> {
    // proc and sysfs may be mounted here only while the host's are in sight.
    let kernel = KernelFileSystems::mount(cgroups)?;
    let root = clone_at(CWD, "m", Extent::Whole)?;
    let mounts = Shelf::take(added.len())?;
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
    chdir("/").context(|| "enter the new root")?;
    attach_added(added, &mounts)
}

/// File systems that show the namespaces of who mounts them.
struct KernelFileSystems {
    mounts: Vec<(&'static str, OwnedFd)>,
}

impl KernelFileSystems {
    fn mount(cgroups: CgroupTree) -> Result<Self, Failure> {
        let safe = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        // /sys is read-only, as the container interface of systemd asks: its
        // device manager then knows that there is nothing for it to do.
        let table = [
            ("proc", "proc", safe),
            ("sysfs", "sys", safe | MountAttrFlags::MOUNT_ATTR_RDONLY),
            ("mqueue", "dev/mqueue", safe),
        ];
        let mut mounts = table
            .into_iter()
            .map(|(kind, place, attributes)| {
                let source = [("source", kind)];
                Ok((place, new_mount(kind, &source, attributes)?))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        match cgroups {
            CgroupTree::Unified => {
                let tree = new_mount("cgroup2", &[("source", "cgroup2")], safe)?;
                mounts.push(("sys/fs/cgroup", tree));
            }
            CgroupTree::Legacy => mounts.extend(legacy(safe)?),
        }
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

/// The directory of hierarchies, and the one hierarchy in it.
///
/// # Kernel
/// cgroups(7), "Cgroups version 1 named hierarchies". One that is not mounted
/// anywhere can be made by root of the host alone, and then EPERM is the answer.
fn legacy(safe: MountAttrFlags) -> Result<[(&'static str, OwnedFd); 2], Failure> {
    let settings = [
        ("source", "tmpfs"),
        ("mode", "0755"),
        ("size", "64k"),
        ("nr_inodes", "16"),
    ];
    let directory = new_mount("tmpfs", &settings, safe)?;
    fault::point("make directory of a hierarchy")
        .and_then(|()| Ok(mkdirat(&directory, SYSTEMD, Mode::from_raw_mode(0o755))?))
        .context(|| format!("create /sys/fs/cgroup/{SYSTEMD}"))?;
    let settings = [("source", "cgroup"), ("none", ""), ("name", SYSTEMD)];
    let hierarchy = new_mount("cgroup", &settings, safe)?;
    Ok([
        ("sys/fs/cgroup", directory),
        ("sys/fs/cgroup/systemd", hierarchy),
    ])
}

/// The name of systemd's hierarchy, and of the directory that it is mounted on.
const SYSTEMD: &str = "systemd";

fn open_path(path: &str) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty()).context(|| format!("open {path}"))
}
