//! Programs of ours that are executed from a descriptor.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use rustix::process::geteuid;
use veld_sys::{Context, Failure};

/// How every program begins that the kernel itself can load; elf(5).
const ELF: [u8; 4] = *b"\x7fELF";

/// Opens the program at `path` for execution and nothing else.
///
/// # Errors
/// Names the path; EPERM where it belongs neither to root nor to the user of
/// this process, or where others than its owner may write it: who can change it
/// decides what runs with the host's rights. ENOEXEC where it is no binary.
pub fn open_program(path: &Path) -> Result<OwnedFd, Failure> {
    let open = || -> io::Result<OwnedFd> {
        let program = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let found = fstat(&program)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(Errno::ACCESS.into());
        }
        if !trusted(found.st_uid, found.st_mode) {
            return Err(Errno::PERM.into());
        }
        if !is_binary(&program)? {
            return Err(Errno::NOEXEC.into());
        }
        Ok(program)
    };
    open().context(|| format!("use {} as a program", path.display()))
}

fn trusted(owner: u32, mode: u32) -> bool {
    let ours = owner == 0 || owner == geteuid().as_raw();
    ours && mode & 0o022 == 0
}

/// Reads from the very file that will be executed, whatever has its name by now.
fn is_binary(program: &OwnedFd) -> io::Result<bool> {
    let mut file = File::open(format!("/proc/self/fd/{}", program.as_raw_fd()))?;
    let mut begin = [0; ELF.len()];
    match file.read_exact(&mut begin) {
        Ok(()) => Ok(begin == ELF),
        Err(short) if short.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn errno(path: &Path) -> Option<i32> {
        open_program(path).unwrap_err().errno()
    }

    #[test]
    fn a_program_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shim");
        std::fs::copy("/proc/self/exe", &path).unwrap();
        let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        set(0o711);
        open_program(&path).unwrap();
        for mode in [0o722, 0o770, 0o777] {
            set(mode);
            assert_eq!(errno(&path), Some(Errno::PERM.raw_os_error()), "{mode:o}");
        }
        assert_eq!(errno(dir.path()), Some(Errno::ACCESS.raw_os_error()));
    }

    #[test]
    fn a_program_of_another_user_is_refused() {
        assert!(trusted(0, 0o755));
        assert!(trusted(geteuid().as_raw(), 0o755));
        assert!(!trusted(geteuid().as_raw() + 1, 0o755));
    }

    #[test]
    fn what_is_no_binary_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shim");
        for content in ["", "\x7fEL", "#!/bin/sh\n", "text"] {
            let mut file = File::create(&path).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
            assert_eq!(
                errno(&path),
                Some(Errno::NOEXEC.raw_os_error()),
                "{content:?}"
            );
        }
    }
}
