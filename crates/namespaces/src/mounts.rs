//! A copy of the mount table that nobody else sees, and the way back.

use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use veld_sys::{Context, Failure, fault};

/// This process is in a mount namespace of its own until this is left or dropped.
///
/// The namespace belongs to the caller's user namespace. A child in another
/// user namespace that copies it therefore gets every mount locked in place.
#[derive(Debug)]
pub struct PrivateMounts {
    outside: OwnedFd,
    left: bool,
}

impl PrivateMounts {
    /// Copies the mount table and cuts it off from its origin, both ways.
    ///
    /// # Errors
    /// EPERM without CAP_SYS_ADMIN; ENOSPC past user.max_mnt_namespaces.
    ///
    /// # Kernel
    /// mount_namespaces(7), Linux 2.4.19.
    pub fn enter() -> Result<Self, Failure> {
        let outside = rustix::fs::openat(
            CWD,
            "/proc/self/ns/mnt",
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .context(|| "open /proc/self/ns/mnt")?;
        fault::point("unshare mount namespace")
            .and_then(|()| Ok(unshare(CloneFlags::CLONE_NEWNS)?))
            .context(|| "create mount namespace")?;
        let inside = Self {
            outside,
            left: false,
        };
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        fault::point("make mounts private")
            .and_then(|()| Ok(mount_change("/", private)?))
            .context(|| "make mounts private")?;
        Ok(inside)
    }

    /// Goes back; the copy ends with its last user. Root and working directory
    /// are then the root of the namespace outside.
    ///
    /// # Errors
    /// Those of setns(2).
    pub fn leave(mut self) -> Result<(), Failure> {
        self.left = true;
        self.go_back().context(|| "return to mount namespace")
    }

    fn go_back(&self) -> rustix::io::Result<()> {
        move_into_link_name_space(self.outside.as_fd(), Some(LinkNameSpaceType::Mount))
    }
}

/// For a step that failed before [`PrivateMounts::leave`].
impl Drop for PrivateMounts {
    fn drop(&mut self) {
        if !self.left {
            let _ = self.go_back();
        }
    }
}
