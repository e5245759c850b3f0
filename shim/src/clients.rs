//! Who is attached to the console: a fixed number of seats, and no waiting for
//! any of them.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags};
use veld_protocol::console::{Decoder, MAX_CLIENTS};
use veld_sys::{Context, Failure};

use crate::console::INPUT;

/// Output that may wait in the kernel for one slow client, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// What one more than [`MAX_CLIENTS`] is told.
const NO_SEAT: &[u8] = b"veld: this console has 16 clients already\r\n";

/// A seat's number, below [`MAX_CLIENTS`].
pub(crate) type Seat = usize;

/// The seats.
#[derive(Debug)]
pub(crate) struct Clients {
    listener: OwnedFd,
    seats: [Option<Client>; MAX_CLIENTS],
}

/// One attached client.
#[derive(Debug)]
pub(crate) struct Client {
    socket: OwnedFd,
    /// Where in its messages it is.
    pub(crate) decoder: Decoder,
}

impl Clients {
    /// # Errors
    /// Those of fcntl(2).
    pub(crate) fn new(listener: OwnedFd) -> Result<Self, Failure> {
        rustix::fs::fcntl_getfl(&listener)
            .and_then(|flags| rustix::fs::fcntl_setfl(&listener, flags | OFlags::NONBLOCK))
            .context(|| "make the socket of console clients non-blocking")?;
        Ok(Self {
            listener,
            seats: [const { None }; MAX_CLIENTS],
        })
    }

    pub(crate) fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Seats the next who connected, if it is root and a seat is free; it is
    /// shown `past` first. None once nobody waits any more.
    pub(crate) fn accept(&mut self, past: [&[u8]; 2]) -> Option<Option<Seat>> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = match rustix::net::accept_with(&self.listener, flags) {
            Ok(socket) => socket,
            // This one gave up; there may be another.
            Err(Errno::CONNABORTED | Errno::INTR) => return Some(None),
            // Nobody, or no descriptor free: the next to connect is a new event.
            Err(_) => return None,
        };
        // The socket lies in a directory of root's; this is the second fence.
        if veld_sys::credentials::peer_user(socket.as_fd()).ok() != Some(0) {
            return Some(None);
        }
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER);
        let Some(seat) = self.seats.iter().position(Option::is_none) else {
            let _ = show(&socket, NO_SEAT);
            return Some(None);
        };
        for part in past.into_iter().filter(|part| !part.is_empty()) {
            let _ = show(&socket, part);
        }
        self.seats[seat] = Some(Client {
            socket,
            decoder: Decoder::default(),
        });
        Some(Some(seat))
    }

    /// Shows output to all. One that has no room loses it; one that is gone
    /// loses its seat.
    pub(crate) fn show(&mut self, output: &[u8]) {
        for seat in &mut self.seats {
            if seat
                .as_ref()
                .is_some_and(|client| show(&client.socket, output).is_err())
            {
                *seat = None;
            }
        }
    }

    /// Whoever sits there.
    pub(crate) fn at(&mut self, seat: Seat) -> Option<&mut Client> {
        self.seats.get_mut(seat)?.as_mut()
    }

    /// Everybody, with the seat's number.
    pub(crate) fn seated(&self) -> impl Iterator<Item = (Seat, BorrowedFd<'_>)> {
        self.seats
            .iter()
            .enumerate()
            .filter_map(|(seat, client)| Some((seat, client.as_ref()?.socket.as_fd())))
    }

    /// Closes the connection of whoever sits there.
    pub(crate) fn dismiss(&mut self, seat: Seat) {
        if let Some(seat) = self.seats.get_mut(seat) {
            *seat = None;
        }
    }
}

impl Client {
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next of what it said, as raw bytes; None once it has left.
    pub(crate) fn said<'a>(&self, buffer: &'a mut [u8; INPUT]) -> Option<&'a [u8]> {
        match rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => None,
            Ok((length, _)) => buffer.get(..length),
            Err(Errno::AGAIN | Errno::INTR) => Some(&[]),
            Err(_) => None,
        }
    }
}

/// # Errors
/// The client is gone; a full socket is not an error.
fn show(socket: &OwnedFd, output: &[u8]) -> rustix::io::Result<()> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    match rustix::net::send(socket, output, flags) {
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}
