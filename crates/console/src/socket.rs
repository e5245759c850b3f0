//! The console's socket, both ends of it.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use veld_sys::{Context, Failure, fault};

/// Makes the socket `name` in `dir` and listens on it; root alone may connect.
///
/// # Errors
/// Names the path.
///
/// # Kernel
/// unix(7): a socket's path may have 107 bytes, so it is named through a
/// descriptor of the directory.
pub fn listen(dir: &Path, name: &str) -> Result<OwnedFd, Failure> {
    let bind = || -> std::io::Result<OwnedFd> {
        fault::point("bind console socket")?;
        let dir = open(dir)?;
        let path = short(&dir, name);
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        // Nobody can have come through before: the directory is root's alone.
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
        Ok(listener.into())
    };
    bind().context(|| format!("listen on {}", dir.join(name).display()))
}

/// Connects to the socket `name` in `dir`.
///
/// # Errors
/// Names the path; ConnectionRefused where nobody listens any more.
pub fn connect(dir: &Path, name: &str) -> Result<UnixStream, Failure> {
    open(dir)
        .and_then(|dir| UnixStream::connect(short(&dir, name)))
        .context(|| format!("connect to {}", dir.join(name).display()))
}

fn open(dir: &Path) -> std::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, dir, flags, Mode::empty())?)
}

fn short(dir: &OwnedFd, name: &str) -> String {
    format!("/proc/self/fd/{}/{name}", dir.as_raw_fd())
}
