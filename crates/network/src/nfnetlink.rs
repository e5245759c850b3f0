//! One question to nftables: is this there? Asked at every start, so without
//! running nft and without reading any rule.

use std::io;

use netlink_packet_core::{
    DefaultNla, Emitable, NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, parse_i32,
};
use rustix::io::Errno;
use rustix::net::netlink;

use crate::socket::Socket;

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of a message's type.
const NFTABLES: u16 = 10 << 8;
const GET_TABLE: u16 = NFTABLES | 1;
const GET_CHAIN: u16 = NFTABLES | 4;
/// `struct nfgenmsg`: `NFPROTO_INET`, version 0, resource 0.
const INET: [u8; 4] = [1, 0, 0, 0];
const TABLE_NAME: u16 = 1;
const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;

/// Whether there is a table `inet TABLE`.
///
/// # Errors
/// EPERM without `CAP_NET_ADMIN`; EINVAL, EOPNOTSUPP or EPROTONOSUPPORT where
/// the kernel has no nftables.
///
/// # Kernel
/// nftables, `NFT_MSG_GETTABLE`; `inet` since Linux 3.14.
pub(crate) fn has_table(table: &str) -> io::Result<bool> {
    ask(GET_TABLE, &[text(TABLE_NAME, table)])
}

/// Whether table `inet TABLE` is there and has a chain called `chain`.
///
/// # Errors
/// Those of [`has_table`].
///
/// # Kernel
/// nftables, `NFT_MSG_GETCHAIN`.
pub(crate) fn has_chain(table: &str, chain: &str) -> io::Result<bool> {
    ask(
        GET_CHAIN,
        &[text(CHAIN_TABLE, table), text(CHAIN_NAME, chain)],
    )
}

/// Whether an errno of a question says that the kernel has no nftables.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INVAL | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT)
    )
}

fn ask(message_type: u16, attributes: &[DefaultNla]) -> io::Result<bool> {
    let mut socket = Socket::open(Some(netlink::NETFILTER))?;
    let sequence = socket.next_sequence();
    socket.send(&request(message_type, sequence, attributes)?)?;
    loop {
        if let Some(answer) = socket.receive(sequence)?.next() {
            return read(NetlinkBuffer::new(answer));
        }
    }
}

/// An answer is an errno or the object itself.
fn read(answer: NetlinkBuffer<&[u8]>) -> io::Result<bool> {
    if answer.message_type() != NLMSG_ERROR {
        return Ok(true);
    }
    let code = answer
        .payload()
        .get(..4)
        .and_then(|code| parse_i32(code).ok());
    match code.map(i32::wrapping_neg) {
        Some(errno) if errno == Errno::NOENT.raw_os_error() => Ok(false),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(Errno::PROTO.into()),
    }
}

fn request(message_type: u16, sequence: u32, attributes: &[DefaultNla]) -> io::Result<Vec<u8>> {
    let mut header = NetlinkHeader::default();
    let begin = header.buffer_len() + INET.len();
    let length = begin + attributes.buffer_len();
    header.length =
        u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    header.message_type = message_type;
    header.flags = NLM_F_REQUEST;
    header.sequence_number = sequence;
    let mut bytes = vec![0; length];
    let (head, tail) = bytes.split_at_mut(begin);
    let (head, family) = head.split_at_mut(header.buffer_len());
    header.emit(head);
    family.copy_from_slice(&INET);
    attributes.emit(tail);
    Ok(bytes)
}

/// A string attribute; the kernel wants the NUL.
fn text(kind: u16, text: &str) -> DefaultNla {
    let mut value = text.as_bytes().to_vec();
    value.push(0);
    DefaultNla::new(kind, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_nft_would_send() {
        let attributes = [text(CHAIN_TABLE, "veld"), text(CHAIN_NAME, "abc")];
        let bytes = request(GET_CHAIN, 7, &attributes).unwrap();
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
