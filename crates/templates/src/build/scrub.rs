//! Taking out of a built tree what belongs to the host or must not be shared.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use veld_sys::{Context, Failure, fault};

use crate::root;

/// What mmdebstrap copies from the host, and what a boot inside would have left.
const FILES: [(&str, &str); 4] = [
    ("etc", "resolv.conf"),
    ("etc", "hostname"),
    ("var/lib/dbus", "machine-id"),
    ("var/lib/systemd", "random-seed"),
];

/// Removes host state from the tree below `root`. Links stay: they are the
/// distribution's own (etc/resolv.conf of systemd-resolved).
pub(crate) fn scrub(root: BorrowedFd<'_>) -> Result<(), Failure> {
    for (directory, name) in FILES {
        remove(root, directory, name)
            .context(|| format!("remove {directory}/{name} from the template"))?;
    }
    remove_host_keys(root).context(|| "remove ssh host keys from the template")?;
    empty_machine_id(root).context(|| "empty etc/machine-id of the template")
}

fn remove(root: BorrowedFd<'_>, directory: &str, name: &str) -> io::Result<()> {
    match open_directory(root, directory)? {
        Some(parent) => remove_file(parent.as_fd(), name),
        None => Ok(()),
    }
}

/// Every VE would answer with the same key.
fn remove_host_keys(root: BorrowedFd<'_>) -> io::Result<()> {
    let Some(directory) = open_directory(root, "etc/ssh")? else {
        return Ok(());
    };
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names
        .iter()
        .filter(|name| name.starts_with("ssh_host_"))
        .try_for_each(|name| remove_file(directory.as_fd(), name))
}

/// Leaves an empty file where systemd is, so that each VE makes an id of its own
/// and keeps it, and none believes that it boots for the first time.
fn empty_machine_id(root: BorrowedFd<'_>) -> io::Result<()> {
    if open_directory(root, "usr/lib/systemd")?.is_none() {
        return remove(root, "etc", "machine-id");
    }
    let Some(directory) = open_directory(root, "etc")? else {
        return Ok(());
    };
    remove_file(directory.as_fd(), "machine-id")?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o444);
    let file = openat(&directory, "machine-id", flags, mode)?;
    Ok(rustix::fs::fchmod(file, mode)?)
}

fn remove_file(parent: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let found = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    if !found.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file()) {
        return Ok(());
    }
    fault::point("remove host state")?;
    Ok(unlinkat(parent, name, AtFlags::empty())?)
}

fn open_directory(root: BorrowedFd<'_>, path: &str) -> io::Result<Option<OwnedFd>> {
    match root::resolve(root, path) {
        Ok(found) => match openat(&found, ".", root::DIRECTORY, Mode::empty()) {
            Ok(directory) => Ok(Some(directory)),
            Err(rustix::io::Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(errno.into()),
        },
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir_all};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn put(path: &Path, text: &str) {
        create_dir_all(path.parent().unwrap()).unwrap();
        veld_durable::replace(path, text.as_bytes(), veld_durable::Life::Volatile).unwrap();
    }

    #[test]
    fn host_state_goes_and_links_stay() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        put(&at("etc/hostname"), "host\n");
        put(&at("etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
        put(&at("etc/ssh/ssh_host_rsa_key"), "secret");
        put(&at("etc/ssh/sshd_config"), "");
        put(&at("usr/lib/systemd/systemd"), "");
        symlink(
            "../run/systemd/resolve/stub-resolv.conf",
            at("etc/resolv.conf"),
        )
        .unwrap();
        scrub(File::open(dir.path()).unwrap().as_fd()).unwrap();
        assert!(!at("etc/hostname").exists());
        assert!(!at("etc/ssh/ssh_host_rsa_key").exists());
        assert!(at("etc/ssh/sshd_config").exists());
        assert!(at("etc/resolv.conf").is_symlink());
        assert_eq!(std::fs::read(at("etc/machine-id")).unwrap(), b"");
    }

    #[test]
    fn nothing_of_the_host_is_reached_through_a_link() {
        let outside = tempfile::tempdir().unwrap();
        put(&outside.path().join("hostname"), "keep");
        let dir = tempfile::tempdir().unwrap();
        symlink(outside.path(), dir.path().join("etc")).unwrap();
        scrub(File::open(dir.path()).unwrap().as_fd()).unwrap();
        assert!(outside.path().join("hostname").exists());
    }
}
