//! Inodes remembered by what their file system calls them, without a descriptor
//! each and whatever becomes of their names.

use std::ffi::CStr;
use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// Size of the largest handle, in bytes: `MAX_HANDLE_SZ`.
const MAX: usize = 128;

/// A handle as the kernel lays it out, with room for the largest.
#[repr(C)]
struct Raw {
    bytes: u32,
    kind: i32,
    handle: [u8; MAX],
}

/// The handle of an inode. It means something to the file system that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle {
    kind: i32,
    bytes: Box<[u8]>,
}

impl Handle {
    /// The handle of what `name` is in `directory`; a link is not followed.
    ///
    /// # Errors
    /// EOPNOTSUPP where the file system has no handles.
    ///
    /// # Kernel
    /// `name_to_handle_at`(2), Linux 2.6.39.
    pub fn of(directory: impl AsFd, name: &CStr) -> io::Result<Self> {
        let mut raw = Raw {
            bytes: 128,
            kind: 0,
            handle: [0; MAX],
        };
        let mut mount = MaybeUninit::<libc::c_int>::uninit();
        // SAFETY: the name ends with NUL, `raw` has the room that its first field
        // says, and all three pointers live across the call.
        let done = unsafe {
            libc::syscall(
                libc::SYS_name_to_handle_at,
                directory.as_fd().as_raw_fd(),
                name.as_ptr(),
                &raw mut raw,
                mount.as_mut_ptr(),
                0,
            )
        };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        let length = usize::try_from(raw.bytes).unwrap_or(MAX).min(MAX);
        Ok(Self {
            kind: raw.kind,
            bytes: raw.handle.iter().copied().take(length).collect(),
        })
    }

    /// Opens the inode without reading or writing it (`O_PATH`), whatever its
    /// name is by now; `beside` is anything open on the same mount.
    ///
    /// # Errors
    /// ESTALE where it is gone; EPERM without `CAP_DAC_READ_SEARCH`.
    ///
    /// # Kernel
    /// `open_by_handle_at`(2), Linux 2.6.39.
    pub fn open(&self, beside: impl AsFd) -> io::Result<OwnedFd> {
        let mut raw = Raw {
            bytes: u32::try_from(self.bytes.len()).unwrap_or_default(),
            kind: self.kind,
            handle: [0; MAX],
        };
        for (to, from) in raw.handle.iter_mut().zip(&self.bytes) {
            *to = *from;
        }
        // SAFETY: `raw` is a whole handle and lives across the call.
        let opened = unsafe {
            libc::syscall(
                libc::SYS_open_by_handle_at,
                beside.as_fd().as_raw_fd(),
                &raw mut raw,
                libc::O_PATH | libc::O_CLOEXEC | libc::O_NOFOLLOW,
            )
        };
        let Ok(opened) = i32::try_from(opened) else {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        };
        if opened < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given this number, and nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(opened) })
    }
}

const _: () = assert!(offset_of!(Raw, handle) == 8);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, metadata, rename};
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_handle_finds_what_was_renamed_and_not_what_is_gone() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: opening by handle takes root");
            return;
        }
        let top = std::env::temp_dir().join(format!("veld-handle-{}", std::process::id()));
        std::fs::create_dir(&top).unwrap();
        let (old, new) = (top.join("old"), top.join("new"));
        File::create(&old).unwrap();
        let directory = File::open(&top).unwrap();
        let handle = Handle::of(&directory, c"old").unwrap();
        rename(&old, &new).unwrap();
        let found = File::from(handle.open(&directory).unwrap());
        let number = found.metadata().unwrap().ino();
        assert_eq!(number, metadata(&new).unwrap().ino());
        drop(found);
        std::fs::remove_file(&new).unwrap();
        let gone = handle.open(&directory).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESTALE));
        std::fs::remove_dir(&top).unwrap();
    }
}
