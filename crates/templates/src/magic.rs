//! Formats by their first bytes. What is no archive of a system is refused by
//! what it is, which helps more than that it is no tar archive.

use crate::error::Error;

/// Bytes that are enough to tell.
pub(crate) const ENOUGH: u64 = 16;

const FOREIGN: [(&[u8], &str); 6] = [
    (
        b"\x89LZO\0\r\n\x1a\n",
        "is compressed by lzop; decompress it with lzop -d first",
    ),
    (
        b"VMA\0",
        "is a vma backup of a virtual machine, which has no root directory of a VE",
    ),
    (
        b"QFI\xfb",
        "is a qcow2 disk of a virtual machine, which has no root directory of a VE",
    ),
    (
        b"PK\x03\x04",
        "is a zip archive; repack it as a tar archive",
    ),
    (
        b"BZh",
        "is compressed by bzip2; decompress it with bunzip2 first",
    ),
    (
        b"\x04\x22\x4d\x18",
        "is compressed by lz4; decompress it with lz4 -d first",
    ),
];

/// Whether this begins a squashfs file system.
pub(crate) fn is_squashfs(start: &[u8]) -> bool {
    start.starts_with(b"hsqs")
}

/// Whether it is compressed in none of the ways that are known.
pub(crate) fn is_plain(start: &[u8]) -> bool {
    const COMPRESSED: [&[u8]; 3] = [b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"\xfd7zXZ\0"];
    !COMPRESSED.iter().any(|magic| start.starts_with(magic))
}

/// Refuses what is known not to be an archive of a system.
///
/// # Errors
/// [`Error::Unsupported`].
pub(crate) fn check(start: &[u8]) -> Result<(), Error> {
    let found = FOREIGN.iter().find(|(magic, _)| start.starts_with(magic));
    match found {
        Some((_, flaw)) => Err(Error::Unsupported { flaw }),
        None => Ok(()),
    }
}
