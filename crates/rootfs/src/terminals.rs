//! The devpts of a VE, which its launcher makes while it is still in the mount
//! namespace of the host.
//!
//! All terminals of a machine count against `kernel.pty.max`, 4096 by default. The
//! last `kernel.pty.reserve` of them, 1024, are kept for the devpts that were made in
//! the first mount namespace: the host's own, and these. Root of a VE can mount as many
//! more as it likes, without `max`, and take what is not reserved; its neighbours
//! and the host still have terminals then, and of those it has no more than
//! [`TERMINALS`].

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Gid, Uid, chownat};
use rustix::mount::MountAttrFlags;
use veld_sys::{Context, Failure, fault};

use crate::detached::new_mount;

/// Group of terminals in every Linux distribution.
const TTY_GROUP: u32 = 5;

/// Terminals one VE may have open on its own devpts.
const TERMINALS: u32 = 128;

/// A devpts that is attached nowhere yet.
#[derive(Debug)]
pub struct Terminals {
    mount: OwnedFd,
    owner: u32,
}

impl Terminals {
    /// Makes it, for the VE whose root is host id `owner`.
    ///
    /// Whoever calls this in a mount namespace of its own gets one whose terminals
    /// a neighbour can exhaust.
    ///
    /// # Errors
    /// EPERM without CAP_SYS_ADMIN.
    ///
    /// # Kernel
    /// Documentation/filesystems/devpts.rst; `kernel.pty.reserve`, Linux 3.3.
    pub fn make(owner: u32) -> Result<Self, Failure> {
        let terminals = (owner + TTY_GROUP).to_string();
        let most = TERMINALS.to_string();
        let settings = [
            ("source", "devpts"),
            ("gid", &terminals),
            ("mode", "0620"),
            ("ptmxmode", "0666"),
            ("max", &most),
        ];
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let mount = new_mount("devpts", &settings, flags)?;
        // Its directory has no option of its own, and would be nobody's inside.
        let (user, group) = (Uid::from_raw(owner), Gid::from_raw(owner));
        fault::point("own devpts")
            .and_then(|()| {
                let by_itself = AtFlags::EMPTY_PATH;
                Ok(chownat(&mount, "", Some(user), Some(group), by_itself)?)
            })
            .context(|| "own the directory of devpts")?;
        Ok(Self { mount, owner })
    }

    pub(crate) fn mount(&self) -> &OwnedFd {
        &self.mount
    }

    pub(crate) fn owner(&self) -> u32 {
        self.owner
    }
}
