//! A file system that stands still: all of it on its disk, and nothing written until
//! it goes on.

use std::io;
use std::os::fd::AsFd;

use crate::ioctl;

/// `_IOWR('X', 119, int)` and `_IOWR('X', 120, int)`.
const FREEZE: u32 = 0xc004_5877;
const THAW: u32 = 0xc004_5878;

/// Writes all of a mounted file system to its disk and keeps it from being altered:
/// whoever writes to it waits.
///
/// # Errors
/// EBUSY where it stands still already; EOPNOTSUPP of one that cannot.
///
/// # Kernel
/// fsfreeze(8), `FIFREEZE`: Linux 2.6.29.
pub fn freeze(root: impl AsFd) -> io::Result<()> {
    crate::fault::point("freeze file system")?;
    ask(root, FREEZE)
}

/// Lets a file system go on.
///
/// # Errors
/// EINVAL where it does not stand still.
///
/// # Kernel
/// fsfreeze(8), `FITHAW`: Linux 2.6.29.
pub fn thaw(root: impl AsFd) -> io::Result<()> {
    ask(root, THAW)
}

fn ask(root: impl AsFd, request: u32) -> io::Result<()> {
    // SAFETY: these requests take no argument.
    unsafe { ioctl::bare(root.as_fd(), request) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_stand_still_cannot_go_on() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: freezing takes root");
            return;
        }
        let file = std::fs::File::open("/proc/version").unwrap();
        assert!(thaw(&file).is_err());
    }
}
