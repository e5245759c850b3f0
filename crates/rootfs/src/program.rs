//! Programs of ours that are executed from a descriptor.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use veld_sys::{Context, Failure};

/// Opens the program at `path` for execution and nothing else.
///
/// # Errors
/// Names the path; EPERM where others than its owner may write it, for then
/// its owner is not the only one who decides what runs with the host's rights.
pub fn open_program(path: &Path) -> Result<OwnedFd, Failure> {
    let open = || -> io::Result<OwnedFd> {
        let program = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let found = fstat(&program)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(rustix::io::Errno::ACCESS.into());
        }
        if found.st_mode & 0o022 != 0 {
            return Err(rustix::io::Errno::PERM.into());
        }
        Ok(program)
    };
    open().context(|| format!("use {} as a program", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_program_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shim");
        std::fs::File::create(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o711)).unwrap();
        open_program(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o722)).unwrap();
        assert_eq!(
            open_program(&path).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(
            open_program(dir.path()).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
    }
}
