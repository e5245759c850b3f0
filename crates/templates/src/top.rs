//! Which directory of an archive is the root of the system.
//!
//! Usually it is the archive's own top. It may be one directory below: `rootfs` of
//! an LXC or Incus image, or a single directory that holds everything. Two that
//! could be it are refused, since either may be meant.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, FileType, statat};
use veld_sys::Context;

use crate::error::Error;
use crate::lxc::{MAX_METADATA, METADATA, check};
use crate::root;

/// Directories that a root has: one is enough at the top; `etc`, or two of them,
/// make a root of a directory below.
const OF_A_ROOT: [&str; 7] = ["bin", "etc", "lib", "sbin", "usr", "var", "dev"];
const ROOTFS: &str = "rootfs";

/// The directory that holds the root, where it is not the top.
///
/// # Errors
/// [`Error::TwoRoots`]; [`Error::Architecture`] by what the image says of itself,
/// unless any will do.
pub(crate) fn find(top: BorrowedFd<'_>, any_architecture: bool) -> Result<Option<String>, Error> {
    let entries = entries(top)?;
    let is_directory = |wanted: &str| {
        let mut all = entries.iter();
        all.any(|(name, kind)| name == wanted && kind.is_dir())
    };
    let has_metadata = entries.iter().any(|(name, _)| name == METADATA);
    let own = |name: &&str| is_there(top, name);
    let is_own_root = OF_A_ROOT.iter().copied().any(|name| own(&name));
    if has_metadata && !is_own_root {
        let text = root::read_start(top, METADATA, MAX_METADATA).unwrap_or_default();
        if !any_architecture {
            check(&text)?;
        }
        if !is_directory(ROOTFS) {
            return Err(Error::Usage {
                what: "archive is the metadata of a split image: import its root file system, \
                       with this as --metadata",
            });
        }
    }
    let mut roots = entries
        .iter()
        .filter(|(name, kind)| kind.is_dir() && looks_like_root(top, name))
        .map(|(name, _)| name);
    match (roots.next(), roots.next()) {
        _ if has_metadata && !is_own_root => Ok(Some(ROOTFS.to_owned())),
        _ if is_own_root => Ok(None),
        (Some(first), Some(second)) => Err(Error::TwoRoots {
            first: first.clone(),
            second: second.clone(),
        }),
        (Some(only), None) if entries.iter().filter(|(_, kind)| kind.is_dir()).count() == 1 => {
            Ok(Some(only.clone()))
        }
        _ => Ok(None),
    }
}

fn entries(top: BorrowedFd<'_>) -> Result<Vec<(String, FileType)>, Error> {
    let reading = || "read the top of the archive";
    let mut found = Vec::new();
    for entry in Dir::read_from(top).context(reading)? {
        let entry = entry.context(reading)?;
        let name = entry.file_name();
        let Ok(text) = name.to_str() else {
            continue;
        };
        if text == "." || text == ".." {
            continue;
        }
        let stat = statat(top, name, AtFlags::SYMLINK_NOFOLLOW).context(reading)?;
        found.push((text.to_owned(), FileType::from_raw_mode(stat.st_mode)));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

fn is_there(at: BorrowedFd<'_>, name: &str) -> bool {
    statat(at, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        kind.is_dir() || kind.is_symlink()
    })
}

fn looks_like_root(top: BorrowedFd<'_>, name: &str) -> bool {
    let Ok(directory) = root::open_named(top, name.as_bytes()) else {
        return false;
    };
    let all = OF_A_ROOT.iter();
    let there = all.filter(|inside| is_there(directory.as_fd(), inside));
    is_there(directory.as_fd(), "etc") || there.count() >= 2
}
