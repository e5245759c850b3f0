//! Telling the host how far the VE is, over the socket that `NOTIFY_SOCKET` names.

use std::ffi::OsString;
use std::io::{ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram;

use rustix::io::Errno;
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

    /// Sends one message of `KEY=value` lines, as sd_notify(3) has them. False where
    /// the host is to be told again later, since it had no room for it; one that does
    /// not listen changes nothing for the VE, and cannot be told so.
    pub(crate) fn send(&self, message: &str) -> bool {
        let sent = self.connect().map(|socket| socket.send(message.as_bytes()));
        !matches!(sent, Some(Err(full)) if full.kind() == ErrorKind::WouldBlock)
    }

    /// The same in the name of PID 1, by a process that PID 1 left behind. The host
    /// believes what the kernel lets pass, and the kernel lets root of the VE name
    /// any process of it.
    ///
    /// # Kernel
    /// unix(7), `SCM_CREDENTIALS`.
    pub(crate) fn send_as_init(&self, message: &str) -> bool {
        let Some(socket) = self.connect() else {
            return true;
        };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sender = UCred {
            pid: Pid::INIT,
            uid: Uid::ROOT,
            gid: Gid::ROOT,
        };
        if !control.push(SendAncillaryMessage::ScmCredentials(sender)) {
            return true;
        }
        let data = [IoSlice::new(message.as_bytes())];
        let sent = rustix::net::sendmsg(&socket, &data, &mut control, SendFlags::NOSIGNAL);
        sent != Err(Errno::AGAIN)
    }

    fn connect(&self) -> Option<UnixDatagram> {
        let path = self.socket.as_ref()?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        socket.connect(path).ok()?;
        Some(socket)
    }
}
