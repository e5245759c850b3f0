//! A directory that takes the place of another: who may do what there.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Mode, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, fsetxattr};
use rustix::fs::{Stat, fstat};
use rustix::io::Errno;
use veld_sys::fault;

/// Size of the largest list or value: `XATTR_LIST_MAX` and `XATTR_SIZE_MAX`.
const KERNEL_MAX: usize = 65_536;

/// Gives the directory `target` owner, mode and attributes of `source`, but for those
/// that are the host's: `trusted.*`. A label of the host's may be refused.
///
/// # Errors
/// Those of fchown(2), fchmod(2) and fsetxattr(2).
pub fn inherit(source: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    fault::point("inherit attributes")?;
    let (wanted, has) = (fstat(source)?, fstat(target)?);
    if owners(&wanted) != owners(&has) {
        let (user, group) = owners(&wanted);
        fchown(
            target,
            Some(Uid::from_raw(user)),
            Some(Gid::from_raw(group)),
        )?;
    }
    if wanted.st_mode != has.st_mode {
        fchmod(target, Mode::from_raw_mode(wanted.st_mode))?;
    }
    for (name, value) in attributes(source)? {
        match fsetxattr(target, name.as_slice(), &value, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP | Errno::PERM) if name.starts_with(b"security.") => {}
            set => set?,
        }
    }
    Ok(())
}

/// Whether two directories have the same owner, mode and attributes, in the sense of
/// [`inherit`].
///
/// # Errors
/// Those of fstat(2) and fgetxattr(2).
pub fn is_like(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> io::Result<bool> {
    let (first, second) = (fstat(one)?, fstat(other)?);
    Ok(owners(&first) == owners(&second)
        && first.st_mode == second.st_mode
        && attributes(one)? == attributes(other)?)
}

fn owners(stat: &Stat) -> (u32, u32) {
    (stat.st_uid, stat.st_gid)
}

fn attributes(directory: BorrowedFd<'_>) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut room = vec![0; KERNEL_MAX];
    let length = match flistxattr(directory, room.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => return Ok(found),
        Err(errno) => return Err(errno.into()),
    };
    let names = room.get(..length).unwrap_or_default().to_vec();
    let names = names.split(|&byte| byte == 0);
    for name in names.filter(|name| !name.is_empty() && !name.starts_with(b"trusted.")) {
        match fgetxattr(directory, name, room.as_mut_slice()) {
            Ok(length) => {
                let value = room.get(..length).unwrap_or_default();
                found.insert(name.to_vec(), value.to_vec());
            }
            // Removed since it was listed.
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, set_permissions};
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn a_directory_is_as_open_as_the_one_before() {
        let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [source, target] = dirs.each_ref().map(|dir| File::open(dir.path()).unwrap());
        set_permissions(dirs[0].path(), PermissionsExt::from_mode(0o1731)).unwrap();
        fsetxattr(&source, "user.a", b"value", XattrFlags::empty()).unwrap();
        if rustix::process::geteuid().is_root() {
            fchown(&source, Some(Uid::from_raw(7)), None).unwrap();
            fchmod(&source, Mode::from_raw_mode(0o1731)).unwrap();
            fsetxattr(&source, "trusted.a", b"mine", XattrFlags::empty()).unwrap();
        }
        assert!(!is_like(source.as_fd(), target.as_fd()).unwrap());
        inherit(source.as_fd(), target.as_fd()).unwrap();
        assert!(is_like(source.as_fd(), target.as_fd()).unwrap());
        let (wanted, has) = (source.metadata().unwrap(), target.metadata().unwrap());
        assert_eq!(has.mode() & 0o7777, 0o1731);
        assert_eq!(has.uid(), wanted.uid());
        let found = attributes(target.as_fd()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found.get(&b"user.a"[..]).unwrap(), b"value");
    }
}
