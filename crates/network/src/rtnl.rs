//! Requests about links, addresses, routes and neighbours, one at a time.

use std::io;
use std::ops::ControlFlow;

use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer,
    NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use rustix::io::Errno;
use veld_sys::fault;

use crate::answer::Link;
use crate::message;
use crate::socket::Socket;

/// A conversation with one network namespace's rtnetlink.
#[derive(Debug)]
pub(crate) struct Rtnl(Socket);

impl Rtnl {
    /// Opens a conversation with the calling thread's network namespace, which
    /// it stays with wherever the thread goes.
    ///
    /// # Kernel
    /// rtnetlink(7).
    pub(crate) fn open() -> io::Result<Self> {
        // NETLINK_ROUTE is 0, which rustix calls no protocol in particular.
        Socket::open(None).map(Self)
    }

    /// Makes one change and waits until it is made; `point` names it to fault tests.
    pub(crate) fn change(
        &mut self,
        point: &str,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<()> {
        fault::point(point)?;
        self.ask(message, NLM_F_ACK | flags).map(|_| ())
    }

    /// Asks for one object. The kernel says with an errno that there is none.
    pub(crate) fn get(&mut self, message: RouteNetlinkMessage) -> io::Result<RouteNetlinkMessage> {
        self.ask(message, 0)?
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The link that `request` names, or none.
    pub(crate) fn link(&mut self, request: RouteNetlinkMessage) -> io::Result<Option<Link>> {
        match self.get(request) {
            Ok(RouteNetlinkMessage::NewLink(link)) => Ok(Some(link.into())),
            Ok(_) => Err(io::ErrorKind::InvalidData.into()),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number of the link called `name`.
    pub(crate) fn index(&mut self, name: &str) -> io::Result<u32> {
        self.link(message::get_link(name))?
            .map(|link| link.index)
            .ok_or_else(|| Errno::NODEV.into())
    }

    /// The bytes of the link that `request` names, or none: where a guest may have
    /// named it, see [`dump`](Self::dump).
    pub(crate) fn look(&mut self, request: RouteNetlinkMessage) -> io::Result<Option<Vec<u8>>> {
        let sequence = self.send(request, 0)?;
        loop {
            let Some(answer) = self.0.receive(sequence)?.next() else {
                continue;
            };
            let raw = NetlinkBuffer::new(answer);
            if raw.message_type() != NLMSG_ERROR {
                return Ok(Some(raw.payload().to_vec()));
            }
            let error = error_in(answer);
            return match Errno::from_io_error(&error) {
                Some(Errno::NODEV) => Ok(None),
                _ => Err(error),
            };
        }
    }

    /// Shows `visit` the bytes of each object of a kind until it has seen enough.
    ///
    /// Bytes, because in a guest's namespace the guest chooses names, and one
    /// that is no text must not hide what carries it.
    ///
    /// Takes the conversation, since an answer that was not read to its end
    /// would be in the way of the next.
    pub(crate) fn dump(
        mut self,
        message: RouteNetlinkMessage,
        mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let sequence = self.send(message, NLM_F_DUMP)?;
        loop {
            for answer in self.0.receive(sequence)? {
                let raw = NetlinkBuffer::new(answer);
                match raw.message_type() {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return Err(error_in(answer)),
                    _ if visit(raw.payload()).is_break() => return Ok(()),
                    _ => {}
                }
            }
        }
    }

    fn ask(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Option<RouteNetlinkMessage>> {
        let sequence = self.send(message, flags)?;
        loop {
            for answer in self.0.receive(sequence)? {
                let answer = decode(answer)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                match answer.payload {
                    NetlinkPayload::Error(answer) if answer.code.is_none() => return Ok(None),
                    NetlinkPayload::Error(answer) => return Err(answer.to_io()),
                    NetlinkPayload::InnerMessage(object) => return Ok(Some(object)),
                    NetlinkPayload::Done(_)
                    | NetlinkPayload::Noop
                    | NetlinkPayload::Overrun(_)
                    | _ => {}
                }
            }
        }
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<u32> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.0.next_sequence();
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.0.send(&bytes)?;
        Ok(request.header.sequence_number)
    }
}

fn decode(bytes: &[u8]) -> Result<NetlinkMessage<RouteNetlinkMessage>, DecodeError> {
    NetlinkMessage::deserialize(bytes)
}

fn error_in(answer: &[u8]) -> io::Error {
    match decode(answer).map(|message| message.payload) {
        Ok(NetlinkPayload::Error(error)) => error.to_io(),
        _ => io::ErrorKind::InvalidData.into(),
    }
}
