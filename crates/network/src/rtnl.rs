//! Requests about links, addresses, routes and neighbours, one at a time.

use std::io;
use std::ops::ControlFlow;

use netlink_packet_core::{
    DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkMessage;
use rustix::io::Errno;
use rustix::net::netlink;
use veld_sys::fault;

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
        Socket::open(netlink::ROUTE).map(Self)
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
    pub(crate) fn link(&mut self, request: RouteNetlinkMessage) -> io::Result<Option<LinkMessage>> {
        match self.get(request) {
            Ok(RouteNetlinkMessage::NewLink(link)) => Ok(Some(link)),
            Ok(_) => Err(io::ErrorKind::InvalidData.into()),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number of the link called `name`.
    pub(crate) fn index(&mut self, name: &str) -> io::Result<u32> {
        self.link(message::get_link(name))?
            .map(|link| link.header.index)
            .ok_or_else(|| Errno::NODEV.into())
    }

    /// Shows `visit` each object of a kind until it has seen enough. A message
    /// that cannot be understood is shown as none: in a guest's namespace the
    /// guest chooses names, and one bad name must not hide all other links.
    ///
    /// Takes the conversation, since an answer that was not read to its end
    /// would be in the way of the next.
    pub(crate) fn dump(
        mut self,
        message: RouteNetlinkMessage,
        mut visit: impl FnMut(Option<RouteNetlinkMessage>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let sequence = self.send(message, NLM_F_DUMP)?;
        loop {
            for answer in self.0.receive(sequence)? {
                let flow = match decode(answer).map(|message| message.payload) {
                    Ok(NetlinkPayload::Done(_)) => return Ok(()),
                    Ok(NetlinkPayload::Error(error)) => return Err(error.to_io()),
                    Ok(NetlinkPayload::InnerMessage(object)) => visit(Some(object)),
                    Ok(_) => ControlFlow::Continue(()),
                    Err(_) => visit(None),
                };
                if flow.is_break() {
                    return Ok(());
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
                    _ => {}
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
