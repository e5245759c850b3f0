//! mount_setattr(2), which neither rustix nor nix wraps.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use linux_raw_sys::general::{
    MOUNT_ATTR_IDMAP, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY,
    mount_attr,
};

use crate::fault;

/// Attributes of one mount, set or cleared together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent bit of the kernel's"
)]
pub struct Attributes {
    /// No write through this mount.
    pub read_only: bool,
    /// Set-user-id bits and file capabilities have no effect.
    pub no_suid: bool,
    /// Device nodes cannot be opened.
    pub no_dev: bool,
    /// Files cannot be executed.
    pub no_exec: bool,
}

impl Attributes {
    fn bits(self) -> u64 {
        let bit = |on: bool, bit: u32| if on { u64::from(bit) } else { 0 };
        bit(self.read_only, MOUNT_ATTR_RDONLY)
            | bit(self.no_suid, MOUNT_ATTR_NOSUID)
            | bit(self.no_dev, MOUNT_ATTR_NODEV)
            | bit(self.no_exec, MOUNT_ATTR_NOEXEC)
    }
}

/// Translates the ids of a detached, never attached mount by a user namespace's maps.
///
/// # Errors
/// EINVAL where the file system cannot be idmapped (9p, proc, an old tmpfs) or is
/// already mounted; EPERM where it is idmapped already.
///
/// # Kernel
/// mount_setattr(2) with `MOUNT_ATTR_IDMAP`, Linux 5.12.
pub fn idmap(mount: BorrowedFd<'_>, user_namespace: BorrowedFd<'_>) -> io::Result<()> {
    fault::point("idmap mount")?;
    let userns = u64::try_from(user_namespace.as_raw_fd())
        .map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    setattr(
        mount,
        0,
        &mount_attr {
            attr_set: u64::from(MOUNT_ATTR_IDMAP),
            attr_clr: 0,
            propagation: 0,
            userns_fd: userns,
        },
    )
}

/// Sets `set` on one mount, leaving its other attributes as they are.
///
/// # Errors
/// Those of mount_setattr(2).
///
/// # Kernel
/// mount_setattr(2), Linux 5.12.
pub fn set_attributes(mount: BorrowedFd<'_>, set: Attributes) -> io::Result<()> {
    fault::point("set mount attributes")?;
    setattr(
        mount,
        0,
        &mount_attr {
            attr_set: set.bits(),
            attr_clr: 0,
            propagation: 0,
            userns_fd: 0,
        },
    )
}

/// Sets `set` on a mount and on all below it, and cuts them off from those that
/// they were copied from: no mount made at one of them shows at the other. With a
/// user namespace all of them are idmapped too, as [`idmap`] does with one.
///
/// # Errors
/// Those of mount_setattr(2), and of [`idmap`]; nothing has changed then.
///
/// # Kernel
/// mount_setattr(2) with `AT_RECURSIVE`, Linux 5.12.
pub fn set_tree(
    mount: BorrowedFd<'_>,
    set: Attributes,
    user_namespace: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    fault::point("set attributes of mounts")?;
    let mut attributes = mount_attr {
        attr_set: set.bits(),
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: 0,
    };
    if let Some(user_namespace) = user_namespace {
        attributes.attr_set |= u64::from(MOUNT_ATTR_IDMAP);
        attributes.userns_fd = u64::try_from(user_namespace.as_raw_fd())
            .map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    }
    setattr(mount, libc::AT_RECURSIVE, &attributes)
}

fn setattr(mount: BorrowedFd<'_>, flags: i32, attributes: &mount_attr) -> io::Result<()> {
    // SAFETY: the path is a NUL-terminated literal and `attributes` a live struct
    // of the size passed beside it; the kernel only reads both during the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | flags,
            std::ptr::from_ref(attributes),
            size_of::<mount_attr>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
