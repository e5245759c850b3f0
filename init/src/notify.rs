//! Telling the host how far the VE is, over the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsString;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, UCred};
use rustix::process::{Gid, Pid, Uid};

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
        if let Some(socket) = self.connect() {
            let _ = socket.send(message.as_bytes());
        }
    }

    /// The same in the name of PID 1, by a process that PID 1 left behind. The host
    /// believes what the kernel lets pass, and the kernel lets root of the VE name
    /// any process of it.
    ///
    /// # Kernel
    /// unix(7), `SCM_CREDENTIALS`.
    pub(crate) fn send_as_init(&self, message: &str) {
        let Some(socket) = self.connect() else { return };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sender = UCred {
            pid: Pid::INIT,
            uid: Uid::ROOT,
            gid: Gid::ROOT,
        };
        if control.push(SendAncillaryMessage::ScmCredentials(sender)) {
            let data = [IoSlice::new(message.as_bytes())];
            let _ = rustix::net::sendmsg(&socket, &data, &mut control, SendFlags::NOSIGNAL);
        }
    }

    fn connect(&self) -> Option<UnixDatagram> {
        let path = self.socket.as_ref()?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(path).ok()?;
        Some(socket)
    }
}
