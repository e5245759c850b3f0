//! The names that copies have before they take their own, and what is left under them by
//! whoever was killed meanwhile.
//!
//! A name has the number of the process that made it. While there is a process of this
//! number, be it another, the file stays.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Dir, unlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use veld_sys::fault;

use super::owners::Ids;
use super::walk::Spot;

const PREFIX: &str = ".veld-cp.";

/// How many names of a directory are looked at.
const MOST: usize = 100_000;

/// The name of the copy of this number by this process.
pub(super) fn name(number: u32) -> CString {
    let text = format!("{PREFIX}{}.{number}", std::process::id());
    CString::new(text).unwrap_or_default()
}

/// Removes from a directory what copies have left whose processes are gone.
///
/// # Errors
/// Where it cannot be read or a file cannot be removed: then that is in nobody's way.
///
/// # Kernel
/// kill(2) with signal 0.
pub(super) fn sweep(directory: BorrowedFd<'_>, ids: Ids) -> io::Result<()> {
    let mut left = Vec::new();
    for entry in Dir::read_from(directory)?.take(MOST) {
        let name = entry?.file_name().to_owned();
        if maker(&name).is_some_and(is_gone) {
            left.push(name);
        }
    }
    for name in left {
        ids.must_replace(Spot {
            above: directory,
            name: &name,
        })?;
        fault::point("remove copy that was left")?;
        match unlinkat(directory, &name, AtFlags::empty()) {
            // Another copy sweeps, too; or it is a directory, which no copy has made.
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The number of the process that a name has in it, if it is of a copy.
fn maker(name: &CStr) -> Option<Pid> {
    let rest = name.to_str().ok()?.strip_prefix(PREFIX)?;
    let (process, number) = rest.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(process) || !digits(number) {
        return None;
    }
    Pid::from_raw(process.parse().ok()?)
}

fn is_gone(process: Pid) -> bool {
    test_kill_process(process) == Err(Errno::SRCH)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make files as people do")]
mod tests {
    use std::os::fd::AsFd;
    use std::process::Command;

    use super::*;

    #[test]
    fn what_a_dead_process_left_goes_and_all_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let dead = child.id();
        let own = name(7).into_string().unwrap();
        let file = |name: &str| std::fs::write(dir.path().join(name), "half").unwrap();
        let stays = [
            own,
            ".veld-cp.1.1".to_owned(),
            ".veld-cp.0.1".to_owned(),
            format!(".veld-cp.-{dead}.1"),
            format!(".veld-cp.{dead}"),
            format!(".veld-cp.{dead}.x"),
            format!("veld-cp.{dead}.1"),
            "file".to_owned(),
        ];
        stays.iter().for_each(|name| file(name));
        let goes = [1, 2].map(|number| format!(".veld-cp.{dead}.{number}"));
        file(&goes[0]);
        std::os::unix::fs::symlink(dir.path().join("file"), dir.path().join(&goes[1])).unwrap();
        std::fs::create_dir(dir.path().join(format!(".veld-cp.{dead}.3"))).unwrap();
        let opened = std::fs::File::open(dir.path()).unwrap();
        sweep(opened.as_fd(), Ids::Host).unwrap();
        for name in stays {
            assert!(dir.path().join(&name).exists(), "{name}");
        }
        for name in goes {
            assert!(dir.path().join(&name).symlink_metadata().is_err(), "{name}");
        }
        assert!(dir.path().join(format!(".veld-cp.{dead}.3")).is_dir());
    }
}
