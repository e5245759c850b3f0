//! What makes an installed system this one and no other, taken out of a copy of it:
//! what is gone is made anew when the copy boots.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fchmod, fsync, openat, statat, unlinkat};
use rustix::io::Errno;
use veld_sys::{Context, Failure, fault};

use crate::root_dir::RootDir;

/// Files besides the machine-id, by directory.
const FILES: [(&str, &str); 2] = [
    ("var/lib/dbus", "machine-id"),
    ("var/lib/systemd", "random-seed"),
];
const KEYS: &str = "etc/ssh";

/// Whether [`renew`] would take anything out.
///
/// # Errors
/// Names what could not be looked at.
pub fn is_to_be_renewed(root: &RootDir, keys: bool) -> Result<bool, Failure> {
    for (directory, name) in FILES {
        let found = find(root, directory, |found| found == name);
        if found.context(|| format!("look for {directory}/{name} of the copy"))? {
            return Ok(true);
        }
    }
    let has_keys = || find(root, KEYS, is_key).context(|| "look for ssh host keys of the copy");
    if keys && has_keys()? {
        return Ok(true);
    }
    let etc = open(root, "etc").and_then(|etc| match etc {
        Some(etc) => has_machine_id(&etc),
        None => Ok(false),
    });
    etc.context(|| "look at etc/machine-id of the copy")
}

/// Takes machine-id and random seed out of a root, and the host keys of its ssh
/// server where `keys` is said; on disk when this returns. Symbolic links lead
/// nowhere outside.
///
/// # Errors
/// Names what could not be taken out.
pub fn renew(root: &RootDir, keys: bool) -> Result<(), Failure> {
    for (directory, name) in FILES {
        remove(root, directory, |found| found == name)
            .context(|| format!("remove {directory}/{name} of the copy"))?;
    }
    if keys {
        remove(root, KEYS, is_key).context(|| "remove ssh host keys of the copy")?;
    }
    empty_machine_id(root).context(|| "empty etc/machine-id of the copy")
}

fn is_key(name: &str) -> bool {
    name.starts_with("ssh_host_") && name.contains("_key")
}

/// The files of a directory whose names are meant. Links are none: they are the
/// distribution's own.
fn files(directory: &OwnedFd, is_meant: impl Fn(&str) -> bool) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if !name.to_str().is_ok_and(&is_meant) {
            continue;
        }
        let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode).is_file() {
            names.push(name);
        }
    }
    Ok(names)
}

fn find(root: &RootDir, directory: &str, is_meant: impl Fn(&str) -> bool) -> io::Result<bool> {
    match open(root, directory)? {
        Some(directory) => Ok(!files(&directory, is_meant)?.is_empty()),
        None => Ok(false),
    }
}

/// Removes the files of a directory whose names are meant.
fn remove(root: &RootDir, directory: &str, is_meant: impl Fn(&str) -> bool) -> io::Result<()> {
    let Some(directory) = open(root, directory)? else {
        return Ok(());
    };
    let names = files(&directory, is_meant)?;
    for name in &names {
        fault::point("remove a file of the copy")?;
        unlinkat(&directory, name, AtFlags::empty())?;
    }
    if !names.is_empty() {
        fsync(&directory)?;
    }
    Ok(())
}

/// Leaves an empty file where there was one, for systemd to make an id without
/// believing that it boots for the first time.
fn empty_machine_id(root: &RootDir) -> io::Result<()> {
    let Some(etc) = open(root, "etc")? else {
        return Ok(());
    };
    if !has_machine_id(&etc)? {
        return Ok(());
    }
    fault::point("empty machine-id of the copy")?;
    unlinkat(&etc, "machine-id", AtFlags::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o444);
    let file = openat(&etc, "machine-id", flags, mode)?;
    fchmod(&file, mode)?;
    Ok(fsync(&etc)?)
}

fn has_machine_id(etc: &OwnedFd) -> io::Result<bool> {
    match statat(etc, "machine-id", AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode).is_file() && stat.st_size > 0),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

fn open(root: &RootDir, directory: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    match root.open_file(directory, flags, Mode::empty()) {
        Ok(directory) => Ok(Some(directory)),
        Err(none) if none.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(none) if none.kind() == io::ErrorKind::NotADirectory => Ok(None),
        // A system that has made a link to itself of it has nothing there.
        Err(none) if none.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Ok(None),
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, metadata};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use veld_durable::Life;

    use super::*;

    fn put(path: &Path, text: &str) {
        create_dir_all(path.parent().unwrap()).unwrap();
        veld_durable::replace(path, text.as_bytes(), Life::Volatile).unwrap();
    }

    fn system(at: impl Fn(&str) -> std::path::PathBuf) {
        put(&at("etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
        for key in ["ssh_host_rsa_key", "ssh_host_rsa_key.pub"] {
            put(&at("etc/ssh").join(key), "secret");
        }
        put(&at("etc/ssh/sshd_config"), "");
        put(&at("etc/ssh/ssh_host_notes"), "");
        put(&at("var/lib/systemd/random-seed"), "seed");
    }

    #[test]
    fn what_makes_a_system_this_one_is_gone_and_all_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        system(at);
        let root = RootDir::open(dir.path()).unwrap();
        assert!(is_to_be_renewed(&root, false).unwrap());
        renew(&root, false).unwrap();
        assert!(!is_to_be_renewed(&root, false).unwrap());
        assert!(is_to_be_renewed(&root, true).unwrap());
        assert!(at("etc/ssh/ssh_host_rsa_key").exists());
        assert_eq!(metadata(at("etc/machine-id")).unwrap().len(), 0);
        assert!(!at("var/lib/systemd/random-seed").exists());
        renew(&root, true).unwrap();
        assert!(!is_to_be_renewed(&root, true).unwrap());
        for key in ["ssh_host_rsa_key", "ssh_host_rsa_key.pub"] {
            assert!(!at("etc/ssh").join(key).exists());
        }
        for kept in ["etc/ssh/sshd_config", "etc/ssh/ssh_host_notes"] {
            assert!(at(kept).exists(), "{kept}");
        }
    }

    #[test]
    fn nothing_outside_is_reached_and_nothing_is_made_where_nothing_was() {
        let outside = tempfile::tempdir().unwrap();
        system(|path| outside.path().join(path));
        let dir = tempfile::tempdir().unwrap();
        symlink(outside.path().join("etc"), dir.path().join("etc")).unwrap();
        symlink("../../../../var", dir.path().join("var")).unwrap();
        renew(&RootDir::open(dir.path()).unwrap(), true).unwrap();
        assert!(outside.path().join("etc/ssh/ssh_host_rsa_key").exists());
        assert_eq!(
            metadata(outside.path().join("etc/machine-id"))
                .unwrap()
                .len(),
            33
        );
        let empty = tempfile::tempdir().unwrap();
        create_dir_all(empty.path().join("etc")).unwrap();
        renew(&RootDir::open(empty.path()).unwrap(), true).unwrap();
        assert_eq!(
            std::fs::read_dir(empty.path().join("etc")).unwrap().count(),
            0
        );
    }
}
