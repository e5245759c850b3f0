//! Extended attributes of files, which no shell of a small distribution sets.

use std::io;

use rustix::fs::{XattrFlags, setxattr};

use super::Operands;

/// `struct vfs_cap_data` of linux/capability.h: version 2, effective, and of the
/// permitted ones `CAP_NET_RAW` alone. The kernel notes itself whose root gives it.
const NET_RAW: [u32; 5] = [0x0200_0001, 1 << 13, 0, 0, 0];

/// Gives a program the capability `CAP_NET_RAW`, and an attribute of its owner's.
pub(super) fn entitle(operands: Operands<'_>) -> io::Result<()> {
    let capability = NET_RAW.map(u32::to_le_bytes).concat();
    let [file] = operands else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    setxattr(file, "user.mark", b"kept", XattrFlags::empty())?;
    Ok(setxattr(
        file,
        "security.capability",
        &capability,
        XattrFlags::empty(),
    )?)
}
