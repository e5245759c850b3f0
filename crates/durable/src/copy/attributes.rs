//! Extended attributes, by the inode that is open: its name may be another's.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{XattrFlags, getxattr, listxattr, setxattr};
use rustix::io::Errno;

use super::{Trusted, Walk};

/// Size of the largest list or value: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX`.
const KERNEL_MAX: usize = 65_536;

impl Walk<'_> {
    /// Copies the attributes that are kept, `O_PATH` being enough of both.
    ///
    /// # Kernel
    /// xattr(7), through proc_pid_fd(5).
    pub(super) fn copy_attributes(
        &mut self,
        source: BorrowedFd<'_>,
        target: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let from = format!("/proc/self/fd/{}", source.as_raw_fd());
        let list = self.data.get_mut(..KERNEL_MAX).unwrap_or_default();
        let length = match listxattr(from.as_str(), list) {
            Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(()),
            Ok(length) => length,
            Err(errno) => return Err(errno.into()),
        };
        let to = format!("/proc/self/fd/{}", target.as_raw_fd());
        let list = self.data.get(..length).unwrap_or_default().to_vec();
        for name in list
            .split(|&byte| byte == 0)
            .filter(|name| !name.is_empty())
        {
            if name.starts_with(b"trusted.SGI_ACL_") {
                // The same as `system.posix_acl_*`, once more, by XFS.
                continue;
            }
            if !is_kept(name, self.options.trusted) {
                self.copied.skipped += 1;
                continue;
            }
            let room = self.data.get_mut(..KERNEL_MAX).unwrap_or_default();
            let length = match getxattr(from.as_str(), name, room) {
                Ok(length) => length,
                // Removed since it was listed.
                Err(Errno::NODATA) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let value = self.data.get(..length).unwrap_or_default();
            match setxattr(to.as_str(), name, value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(Errno::OPNOTSUPP | Errno::PERM | Errno::INVAL) if is_of_the_host(name) => {
                    self.copied.skipped += 1;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }
}

fn is_kept(name: &[u8], trusted: Trusted) -> bool {
    match trusted {
        Trusted::Kept => true,
        Trusted::NoLayers => !name.starts_with(b"trusted.overlay."),
    }
}

/// Labels and signatures that belong to the system that the source is on.
fn is_of_the_host(name: &[u8]) -> bool {
    name.starts_with(b"security.") && name != b"security.capability"
}
