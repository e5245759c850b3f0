//! Questions to nftables about one object: is it there, and what does it hold?
//! Asked at every start, so without running nft and without reading any rule.

use std::io;

use netlink_packet_core::{
    Emitable, NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, parse_i32,
};
use rustix::io::Errno;
use rustix::net::netlink;

use super::attributes::{Attributes, find};
use super::expression::{ELEMENT, VALUE};
use super::{Family, INET, NFTABLES};
use crate::socket::Socket;

const GET_TABLE: u16 = NFTABLES | 1;
const GET_CHAIN: u16 = NFTABLES | 4;
const GET_ELEMENT: u16 = NFTABLES | 13;
const TABLE_HANDLE: u16 = 4;
/// Of an element, and of the list that it is in.
const KEY: u16 = 1;
const DATA: u16 = 2;
const ELEMENTS: u16 = 3;

/// A conversation about one table of the network namespace that it was begun in.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    family: Family,
    name: &'a str,
    socket: Socket,
}

impl<'a> Table<'a> {
    /// About the table `inet TABLE`.
    ///
    /// # Errors
    /// EPROTONOSUPPORT where the kernel has no nftables.
    pub(crate) fn open(name: &'a str) -> io::Result<Self> {
        Self::open_of(INET, name)
    }

    /// About the table of this name of a family.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub(crate) fn open_of(family: Family, name: &'a str) -> io::Result<Self> {
        let socket = Socket::open(Some(netlink::NETFILTER))?;
        Ok(Self {
            family,
            name,
            socket,
        })
    }

    /// The table's number, which no other table ever has; none where there is no
    /// such table.
    ///
    /// # Errors
    /// EPERM without `CAP_NET_ADMIN`; EINVAL, EOPNOTSUPP or EPROTONOSUPPORT where
    /// the kernel has no nftables.
    ///
    /// # Kernel
    /// nftables, `NFT_MSG_GETTABLE`; `inet` since Linux 3.14.
    pub(crate) fn number(&mut self) -> io::Result<Option<u64>> {
        let answer = self.ask(GET_TABLE, &Attributes::new().text(1, self.name))?;
        let Some(answer) = answer else {
            return Ok(None);
        };
        find(&answer, &[TABLE_HANDLE])
            .and_then(|handle| handle.try_into().ok())
            .map(|handle| Some(u64::from_be_bytes(handle)))
            .ok_or_else(|| Errno::PROTO.into())
    }

    /// Whether the table is there and has a chain of this name.
    ///
    /// # Errors
    /// Those of [`number`](Self::number).
    ///
    /// # Kernel
    /// nftables, `NFT_MSG_GETCHAIN`.
    pub(crate) fn has_chain(&mut self, chain: &str) -> io::Result<bool> {
        let named = Attributes::new().text(1, self.name).text(3, chain);
        Ok(self.ask(GET_CHAIN, &named)?.is_some())
    }

    /// What a set or map holds under a key: none where the key, the set or the
    /// table is not there, nothing for a set's entry and for one that leads to a
    /// chain.
    ///
    /// # Errors
    /// Those of [`number`](Self::number).
    ///
    /// # Kernel
    /// nftables, `NFT_MSG_GETSETELEM` of one element, Linux 4.15.
    pub(crate) fn element(&mut self, set: &str, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let entry = Attributes::new().nest(KEY, &Attributes::new().bytes(VALUE, key));
        let asked = Attributes::new()
            .text(1, self.name)
            .text(2, set)
            .nest(ELEMENTS, &Attributes::new().nest(ELEMENT, &entry));
        let Some(answer) = self.ask(GET_ELEMENT, &asked)? else {
            return Ok(None);
        };
        let data = find(&answer, &[ELEMENTS, ELEMENT, DATA, VALUE]);
        Ok(Some(data.unwrap_or_default().to_vec()))
    }

    /// The attributes of the object that a question names, or none where it is
    /// not there.
    fn ask(&mut self, message_type: u16, attributes: &Attributes) -> io::Result<Option<Vec<u8>>> {
        let sequence = self.socket.next_sequence();
        self.socket
            .send(&request(self.family, message_type, sequence, attributes)?)?;
        loop {
            if let Some(answer) = self.socket.receive(sequence)?.next() {
                return read(NetlinkBuffer::new(answer));
            }
        }
    }
}

/// An answer is an errno or the object itself, behind a `struct nfgenmsg`.
fn read(answer: NetlinkBuffer<&[u8]>) -> io::Result<Option<Vec<u8>>> {
    let payload = answer.payload();
    if answer.message_type() != NLMSG_ERROR {
        let attributes = payload.get(INET.len()..).unwrap_or_default();
        return Ok(Some(attributes.to_vec()));
    }
    let code = payload.get(..4).and_then(|code| parse_i32(code).ok());
    match code.map(i32::wrapping_neg) {
        Some(errno) if errno == Errno::NOENT.raw_os_error() => Ok(None),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(Errno::PROTO.into()),
    }
}

fn request(
    family: Family,
    message_type: u16,
    sequence: u32,
    attributes: &Attributes,
) -> io::Result<Vec<u8>> {
    let attributes = attributes.as_bytes();
    let mut header = NetlinkHeader::default();
    let begin = header.buffer_len() + INET.len();
    let length = begin + attributes.len();
    header.length =
        u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    header.message_type = message_type;
    header.flags = NLM_F_REQUEST;
    header.sequence_number = sequence;
    let mut bytes = vec![0; header.buffer_len()];
    header.emit(&mut bytes);
    bytes.extend(family);
    bytes.extend(attributes);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_nft_would_send() {
        let attributes = Attributes::new().text(1, "veld").text(3, "abc");
        let bytes = request(INET, GET_CHAIN, 7, &attributes).unwrap();
        let mut expected = Vec::new();
        expected.extend(40_u32.to_ne_bytes());
        expected.extend(0x0a04_u16.to_ne_bytes());
        expected.extend(1_u16.to_ne_bytes());
        expected.extend(7_u32.to_ne_bytes());
        expected.extend(0_u32.to_ne_bytes());
        expected.extend([1, 0, 0, 0]);
        expected.extend(9_u16.to_ne_bytes());
        expected.extend(1_u16.to_ne_bytes());
        expected.extend(b"veld\0\0\0\0");
        expected.extend(8_u16.to_ne_bytes());
        expected.extend(3_u16.to_ne_bytes());
        expected.extend(b"abc\0");
        assert_eq!(bytes, expected);
    }
}
