//! Who is at the other end of a socket, as the kernel vouches for it.
//!
//! rustix reads the sender's pid as a number that is never 0; the kernel gives 0
//! for a process outside the reader's pid namespace.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::process::Pid;

/// A datagram that was received into the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its length in the buffer, in bytes.
    pub length: usize,
    /// Whether the buffer was too short for it.
    pub truncated: bool,
    /// Who sent it, in the reader's pid namespace; None for a process that has
    /// no number there, or where the socket did not ask for credentials yet when
    /// it was sent.
    pub sender: Option<Pid>,
}

/// Room for credentials, aligned for the header; with nothing left for
/// descriptors, which the kernel then closes instead of installing them here.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    credentials: libc::ucred,
}

/// Receives one datagram without waiting, and who sent it. Descriptors that come
/// with it never become this process's.
///
/// # Errors
/// EAGAIN where none is there.
///
/// # Kernel
/// recvmsg(2); unix(7), `SO_PASSCRED` (to be set on the socket) and
/// `SCM_CREDENTIALS`; `SCM_RIGHTS`: what does not fit is closed.
pub fn receive_datagram(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control = Control {
        header: libc::cmsghdr {
            cmsg_len: 0,
            cmsg_level: 0,
            cmsg_type: 0,
        },
        credentials: libc::ucred {
            pid: 0,
            uid: 0,
            gid: 0,
        },
    };
    let mut data = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: a msghdr of zeros is one without name, data and control.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = std::ptr::from_mut(&mut data);
    header.msg_iovlen = 1;
    header.msg_control = std::ptr::from_mut(&mut control).cast();
    header.msg_controllen = size_of::<Control>();
    // SAFETY: `header` points at one iovec over `buffer` and at `control`, whose
    // sizes stand beside them; all live across the call.
    let length = unsafe {
        libc::recvmsg(
            socket.as_raw_fd(),
            &raw mut header,
            libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC,
        )
    };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let credentials_came = header.msg_controllen >= size_of::<libc::cmsghdr>()
        && control.header.cmsg_level == libc::SOL_SOCKET
        && control.header.cmsg_type == libc::SCM_CREDENTIALS;
    Ok(Received {
        length,
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        sender: if credentials_came {
            Pid::from_raw(control.credentials.pid)
        } else {
            None
        },
    })
}

/// The user who connected to a stream socket, in the caller's user namespace.
///
/// # Errors
/// ENOTSOCK, ENOPROTOOPT where it is no socket with a peer.
///
/// # Kernel
/// unix(7), `SO_PEERCRED`.
pub fn peer_user(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>())
        .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: `peer` has room for as many bytes as `length` says; both live
    // across the call.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            std::ptr::from_mut(&mut peer).cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        Ok(peer.uid)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

    use super::*;

    fn open_descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn the_sender_is_known_and_its_descriptors_are_not_kept() {
        let (from, to) = UnixDatagram::pair().unwrap();
        rustix::net::sockopt::set_socket_passcred(&to, true).unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let sent = [null.as_fd(), null.as_fd(), null.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&sent)));
        let data = [IoSlice::new(b"READY=1")];
        rustix::net::sendmsg(&from, &data, &mut control, SendFlags::empty()).unwrap();

        let before = open_descriptors();
        let mut buffer = [0; 5];
        let received = receive_datagram(to.as_fd(), &mut buffer).unwrap();
        assert_eq!(open_descriptors(), before);
        assert_eq!(received.length, 5);
        assert!(received.truncated);
        assert_eq!(received.sender, Some(rustix::process::getpid()));
        let none = receive_datagram(to.as_fd(), &mut buffer).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_peer_is_known_by_its_user() {
        let (one, _other) = UnixStream::pair().unwrap();
        let user = rustix::process::getuid().as_raw();
        assert_eq!(peer_user(one.as_fd()).unwrap(), user);
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(peer_user(file.as_fd()).is_err());
    }
}
