//! Which file system an image has, by what is written at its beginning.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::str::FromStr;

/// A file system that is kept in images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileSystem {
    /// Can be grown, and shrunk while it is not mounted.
    #[default]
    Ext4,
    /// Can be grown.
    Xfs,
}

/// What is needed of the superblock of either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SuperBlock {
    pub(crate) kind: FileSystem,
    /// Bytes of a block.
    pub(crate) block: u64,
    /// Blocks of all.
    pub(crate) blocks: u64,
    /// Whether it keeps account of users, or can.
    pub(crate) quotas: bool,
}

/// Bytes at the end of a file that a file system may leave unused: ext4 a last group
/// that could hardly hold its own tables, xfs the blocks of one that is too small.
const UNUSED: u64 = 16 << 20;
/// Bytes that are read: those of xfs are the first, those of ext4 begin at 1024.
const READ: usize = 2048;
/// Where ext4 begins.
const EXT4: usize = 1024;
/// The feature `64bit` of ext4, of its incompatible ones.
const EXT4_64BIT: u32 = 0x80;
/// The feature `quota` of ext4, of those with which older kernels only read.
const EXT4_QUOTA: u32 = 0x100;

impl FileSystem {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    /// As the kernel calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FileSystem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found
            .ok_or_else(|| format!("{text:?} is no file system of an image: allowed are ext4, xfs"))
    }
}

impl SuperBlock {
    /// Bytes of the file system.
    pub(crate) fn bytes(&self) -> u64 {
        self.block.saturating_mul(self.blocks)
    }

    /// Whether a file of this length is as long as a file system of so many bytes can be
    /// made in it.
    pub(crate) fn fills(bytes: u64, length: u64) -> bool {
        length.saturating_sub(bytes) < UNUSED
    }

    /// # Errors
    /// InvalidData where neither file system is there.
    pub(crate) fn read(image: &File) -> io::Result<Self> {
        let mut bytes = [0; READ];
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, "it has no ext4 and no xfs");
        image.read_exact_at(&mut bytes, 0).map_err(|short| {
            if short.kind() == io::ErrorKind::UnexpectedEof {
                unknown()
            } else {
                short
            }
        })?;
        Self::parse(&bytes).ok_or_else(unknown)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..4)? == b"XFSB" {
            let block = u32::from_be_bytes(field(bytes, 4)?);
            let blocks = u64::from_be_bytes(field(bytes, 8)?);
            return Some(Self {
                kind: FileSystem::Xfs,
                block: u64::from(block),
                blocks,
                quotas: true,
            });
        }
        let ext4 = bytes.get(EXT4..)?;
        if ext4.get(0x38..0x3a)? != [0x53, 0xef] {
            return None;
        }
        let shift = u32::from_le_bytes(field(ext4, 0x18)?);
        let low = u32::from_le_bytes(field(ext4, 0x04)?);
        let has_high = u32::from_le_bytes(field(ext4, 0x60)?) & EXT4_64BIT != 0;
        let high = if has_high {
            u32::from_le_bytes(field(ext4, 0x150)?)
        } else {
            0
        };
        Some(Self {
            kind: FileSystem::Ext4,
            block: 1024_u64.checked_shl(shift).filter(|block| *block > 0)?,
            blocks: u64::from(high) << 32 | u64::from(low),
            quotas: u32::from_le_bytes(field(ext4, 0x64)?) & EXT4_QUOTA != 0,
        })
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_a_little_longer_than_its_file_system() {
        for (bytes, length, fills) in [
            (1 << 30, 1 << 30, true),
            (1 << 30, (1 << 30) + (1 << 20), true),
            (1 << 30, (1 << 30) + UNUSED, false),
            (1 << 30, 1 << 29, true),
        ] {
            assert_eq!(SuperBlock::fills(bytes, length), fills, "{bytes} {length}");
        }
    }

    #[test]
    fn what_is_neither_is_not_taken_for_one() {
        for bytes in [&[][..], &[0; 2048], b"XFSB", &[0xff; 1090]] {
            assert_eq!(SuperBlock::parse(bytes), None);
        }
    }

    #[test]
    fn the_length_of_an_ext4_has_two_halves() {
        let mut bytes = [0; READ];
        bytes[EXT4 + 0x38..EXT4 + 0x3a].copy_from_slice(&[0x53, 0xef]);
        bytes[EXT4 + 0x18] = 2;
        bytes[EXT4 + 0x04] = 7;
        bytes[EXT4 + 0x150] = 1;
        let found = SuperBlock::parse(&bytes).unwrap();
        assert_eq!((found.block, found.blocks), (4096, 7));
        bytes[EXT4 + 0x60] = 0x80;
        let found = SuperBlock::parse(&bytes).unwrap();
        assert_eq!(found.blocks, (1 << 32) + 7);
        assert!(!found.quotas);
        bytes[EXT4 + 0x65] = 1;
        assert!(SuperBlock::parse(&bytes).unwrap().quotas);
        bytes[EXT4 + 0x18] = 255;
        assert_eq!(SuperBlock::parse(&bytes), None);
    }
}
