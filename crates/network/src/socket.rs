//! A blocking netlink socket that talks to the kernel and to nobody else.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use netlink_packet_core::NetlinkBuffer;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{
    Timeout, set_socket_send_buffer_size_force, set_socket_timeout, socket_send_buffer_size,
};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send,
    socket_with,
};

/// How long the kernel may take for one answer; it answers before `send`
/// returns unless something is badly wrong.
const PATIENCE: Duration = Duration::from_secs(10);
/// No part of an answer is longer: the kernel cuts dumps into parts of at most
/// 32 KiB, and one link without its virtual functions has 2 KiB.
const LONGEST: usize = 64 * 1024;

/// One socket, and the network namespace that it was opened in.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    sequence: u32,
    received: Vec<u8>,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// It is connected to the kernel: in a guest's namespace the guest's root
    /// may write to any netlink socket, and such answers must not reach us.
    pub(crate) fn open(protocol: Option<Protocol>) -> io::Result<Self> {
        let fd = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            protocol,
        )?;
        connect(&fd, &SocketAddrNetlink::new(0, 0))?;
        set_socket_timeout(&fd, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self {
            fd,
            sequence: 0,
            received: vec![0; LONGEST],
        })
    }

    /// A number for the next request, which its answers will carry.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    pub(crate) fn send(&self, request: &[u8]) -> io::Result<()> {
        match send(&self.fd, request, SendFlags::empty())? {
            sent if sent == request.len() => Ok(()),
            _ => Err(Errno::MSGSIZE.into()),
        }
    }

    /// Waits for the next datagram and gives the messages in it that answer
    /// request `sequence`.
    ///
    /// # Errors
    /// ETIMEDOUT where the kernel does not answer, EMSGSIZE where the answer is
    /// longer than any should be.
    pub(crate) fn receive(
        &mut self,
        sequence: u32,
    ) -> io::Result<impl Iterator<Item = &[u8]> + use<'_>> {
        self.receive_between(sequence, sequence)
    }

    /// As [`receive`](Self::receive), of the requests numbered `first` to `last`.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive).
    pub(crate) fn receive_between(
        &mut self,
        first: u32,
        last: u32,
    ) -> io::Result<impl Iterator<Item = &[u8]> + use<'_>> {
        let length = loop {
            match recv(&self.fd, self.received.as_mut_slice(), RecvFlags::TRUNC) {
                Ok((_, whole)) if whole > LONGEST => return Err(Errno::MSGSIZE.into()),
                Ok((filled, _)) => break filled,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(Errno::TIMEDOUT.into()),
                Err(errno) => return Err(errno.into()),
            }
        };
        let datagram = self.received.get(..length).unwrap_or_default();
        Ok(Messages(datagram).filter(move |message| {
            NetlinkBuffer::new_checked(message)
                .is_ok_and(|header| (first..=last).contains(&header.sequence_number()))
        }))
    }

    /// Lets one request have `length` bytes.
    ///
    /// # Kernel
    /// `SO_SNDBUFFORCE` of socket(7), for which `CAP_NET_ADMIN` is needed, as for
    /// any request that is so long.
    pub(crate) fn make_room(&self, length: usize) -> io::Result<()> {
        // The kernel counts its own overhead in.
        let wanted = length.saturating_mul(2);
        if wanted > socket_send_buffer_size(&self.fd)? {
            set_socket_send_buffer_size_force(&self.fd, wanted)?;
        }
        Ok(())
    }
}

/// Cuts a datagram into messages by the length in each one's header.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = NetlinkBuffer::new_checked(self.0).ok()?.length();
        let length = usize::try_from(length).ok()?;
        let message = self.0.get(..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([0; 12]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn messages_are_cut_at_their_aligned_ends() {
        let mut datagram = message(17, b"a\0\0\0");
        datagram.extend(message(16, b""));
        let cut: Vec<usize> = Messages(&datagram).map(<[u8]>::len).collect();
        assert_eq!(cut, [17, 16]);
    }

    #[test]
    fn lengths_that_lie_end_the_datagram() {
        for length in [0, 15, 18, u32::MAX] {
            let datagram = message(length, b"a");
            assert_eq!(Messages(&datagram).count(), 0, "{length}");
        }
    }
}
