//! Telling the host how far the VE is, over the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;

/// Where messages go; nowhere when the host did not ask for any.
#[derive(Debug)]
pub(crate) struct Notify {
    socket: Option<OsString>,
}

impl Notify {
    /// Takes the socket's path from the environment. Only a path is taken: an
    /// abstract name would belong to the VE's network namespace.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET")
            .filter(|path| path.as_encoded_bytes().starts_with(b"/"));
        Self { socket }
    }

    /// Sends one message of `KEY=value` lines, as sd_notify(3) has them.
    ///
    /// Readiness is a courtesy: a host that no longer listens, or whose queue
    /// is full, changes nothing for the VE and cannot be told so.
    pub(crate) fn send(&self, message: &str) {
        let Some(path) = &self.socket else { return };
        let Ok(socket) = UnixDatagram::unbound() else {
            return;
        };
        if socket.set_nonblocking(true).is_ok() {
            let _ = socket.send_to(message.as_bytes(), path);
        }
    }
}
