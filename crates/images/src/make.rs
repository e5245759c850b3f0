//! Making a file system in a new file.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use veld_sys::{Context, Failure, fault};

use crate::file_system::FileSystem;
use crate::mount::{Access, mount};
use crate::program::{is_there, run};

/// What a file system is to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Which one.
    pub kind: FileSystem,
    /// Bytes of the image.
    pub size: u64,
    /// How many inodes it has, where not as many as is usual.
    pub inodes: Option<u64>,
}

impl FileSystem {
    /// The tool that makes it, and its package.
    fn maker(self) -> (&'static str, &'static str) {
        match self {
            Self::Ext4 => ("mkfs.ext4", "e2fsprogs"),
            Self::Xfs => ("mkfs.xfs", "xfsprogs"),
        }
    }

    /// The fewest bytes that one takes.
    #[must_use]
    pub fn least_size(self) -> u64 {
        match self {
            Self::Ext4 => 16 << 20,
            // mkfs.xfs makes none that is smaller.
            Self::Xfs => 300 << 20,
        }
    }

    /// The tool that is missing to make it, and its package.
    #[must_use]
    pub fn lacks(self) -> Option<(&'static str, &'static str)> {
        Some(self.maker()).filter(|(tool, _)| !is_there(tool))
    }
}

/// Makes a sparse file that is not there yet, with an empty file system that keeps
/// account of its users where this kernel can.
///
/// # Errors
/// Names the image, and what the tool said.
pub fn make(image: &Path, wish: Wish) -> Result<(), Failure> {
    let failed = || format!("make {} in {}", wish.kind, image.display());
    fault::point("create image")
        .and_then(|()| {
            File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(image)
        })
        .and_then(|file| file.set_len(wish.size))
        .context(|| format!("create {}", image.display()))?;
    match wish.kind {
        FileSystem::Xfs => make_xfs(image, wish).context(failed),
        FileSystem::Ext4 => {
            make_ext4(image, wish, true).context(failed)?;
            // A kernel without quotas does not mount what has them.
            if mount(image, Access::Write).is_err() {
                make_ext4(image, wish, false).context(failed)?;
            }
            Ok(())
        }
    }
}

fn make_ext4(image: &Path, wish: Wish, quotas: bool) -> io::Result<()> {
    // The file is one hole: nothing has to be written to be zero, now or by the
    // kernel once it is mounted.
    let mut extended = "root_owner=0:0,assume_storage_prezeroed=1,nodiscard".to_owned();
    // Blocks that every device can have: where the host has sectors of 4096 bytes, a
    // loop device has too.
    let mut words = vec!["-q", "-F", "-m", "0", "-b", "4096"];
    if quotas {
        words.extend(["-O", "quota"]);
        extended.push_str(",quotatype=usrquota:grpquota");
    }
    let inodes = wish.inodes.map(|inodes| inodes.to_string());
    if let Some(inodes) = &inodes {
        words.extend(["-N", inodes]);
    }
    words.extend(["-E", &extended]);
    with_image(wish.kind, &words, image)
}

fn make_xfs(image: &Path, wish: Wish) -> io::Result<()> {
    if wish.inodes.is_some() {
        let text = "xfs makes inodes as they are needed; ext4 can be held to a number";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    with_image(wish.kind, &["-q", "-f", "-K", "-s", "size=4096"], image)
}

fn with_image(kind: FileSystem, words: &[&str], image: &Path) -> io::Result<()> {
    let (tool, package) = kind.maker();
    let mut words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    words.push(image.as_os_str());
    run(tool, package, &words, &[0]).map(drop)
}
