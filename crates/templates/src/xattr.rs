//! Which extended attributes a template keeps, and how they are read.
//!
//! Kept are those that mean something to a VE: `user.*`, file capabilities and
//! POSIX ACLs. All others belong to the host that the source came from or to the
//! one that it goes to (`security.selinux`, `security.ima`), or would speak to
//! the host's overlay file system (`trusted.overlay.*`): nothing in an image is
//! configuration of the host. They are left out and counted.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{getxattr, listxattr};
use rustix::io::Errno;

use crate::acl;
use crate::limits::{MAX_XATTR_BYTES, MAX_XATTRS};
use crate::meta::Meta;
use crate::refusal::Refusal;

/// Size of the largest list or value: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX`.
const KERNEL_MAX: usize = 65_536;

/// Whether a template keeps the attribute.
pub(crate) fn is_kept(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name == b"security.capability"
        || name == acl::ACCESS.to_bytes()
        || name == acl::DEFAULT.to_bytes()
}

/// Adds an attribute, if it is kept; false where it is left out. One of the same
/// name that was there before is replaced.
pub(crate) fn add(meta: &mut Meta, name: &[u8], value: Vec<u8>) -> Result<bool, Refusal> {
    if !is_kept(name) {
        return Ok(false);
    }
    if name.len() > 255 {
        return Err(Refusal::Xattrs);
    }
    let name = CString::new(name).map_err(|_| Refusal::Nul)?;
    if name.as_bytes().starts_with(b"system.posix_acl_") {
        acl::check_binary(&value)?;
    }
    meta.xattrs.retain(|(other, _)| *other != name);
    let bytes: usize = meta.xattrs.iter().map(|(_, value)| value.len()).sum();
    if meta.xattrs.len() >= MAX_XATTRS || bytes.saturating_add(value.len()) > MAX_XATTR_BYTES {
        return Err(Refusal::Xattrs);
    }
    meta.xattrs.push((name, value));
    Ok(true)
}

/// The value of an attribute that was set in a user namespace whose root is `root`
/// on the host. The kernel notes that in file capabilities; a tree has them plain.
///
/// # Kernel
/// capabilities(7), "File capability extended attribute versioning": version 3 is
/// version 2 with four more bytes at its end. The version is in the first word.
pub(crate) fn without_root(value: Vec<u8>, name: &[u8], root: u32) -> Vec<u8> {
    const LENGTH: usize = 20;
    let Some((plain, owner)) = value.split_at_checked(LENGTH) else {
        return value;
    };
    if name != b"security.capability" || owner != root.to_le_bytes() {
        return value;
    }
    let mut plain = plain.to_vec();
    if let Some(version) = plain.get_mut(3) {
        *version = 2;
    }
    plain
}

/// Name and value of each attribute.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// All attributes of an open inode, `O_PATH` being enough.
///
/// # Kernel
/// listxattr(2), getxattr(2) through proc_pid_fd(5).
pub(crate) fn read_all(inode: BorrowedFd<'_>) -> io::Result<Pairs> {
    let path = format!("/proc/self/fd/{}", inode.as_raw_fd());
    let mut buffer = vec![0_u8; KERNEL_MAX];
    let length = match listxattr(path.as_str(), buffer.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => 0,
        Err(errno) => return Err(errno.into()),
    };
    let names: Vec<Vec<u8>> = buffer
        .get(..length)
        .unwrap_or_default()
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    let mut pairs = Vec::new();
    for name in names {
        match getxattr(path.as_str(), name.as_slice(), buffer.as_mut_slice()) {
            Ok(length) => pairs.push((name, buffer.get(..length).unwrap_or_default().to_vec())),
            // Removed since it was listed.
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(pairs)
}
