//! Changes that are made all at once or not at all.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer, parse_i32,
};
use rustix::io::Errno;
use rustix::net::netlink;
use veld_sys::fault;

use super::attributes::Attributes;
use super::expression::{ELEMENT, Expressions, Outcome, VALUE, verdict};
use super::{Family, INET, NFTABLES};
use crate::socket::Socket;

const NEW_CHAIN: u16 = NFTABLES | 3;
const DELETE_CHAIN: u16 = NFTABLES | 5;
const NEW_RULE: u16 = NFTABLES | 6;
const DELETE_RULE: u16 = NFTABLES | 8;
const NEW_SET: u16 = NFTABLES | 9;
const NEW_ELEMENT: u16 = NFTABLES | 12;
const DELETE_ELEMENT: u16 = NFTABLES | 14;
/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`.
const BEGIN: u16 = 16;
const END: u16 = 17;
/// Rules go behind those that are there.
const APPEND: u16 = 0x800;
/// `struct nlmsghdr`, and where in it the flags are.
const HEADER: usize = 16;
const FLAGS: usize = 6;

/// nft's number of the type of keys that are link names, by which it prints them.
const IFNAME: u32 = 41;
/// What nft keeps with a set for itself, here that keys are in the host's order of
/// bytes; without it, it prints no names.
const HOST_ENDIAN: [u8; 6] = {
    let [a, b, c, d] = 1_u32.to_ne_bytes();
    [0, 4, a, b, c, d]
};
/// `IFNAMSIZ`.
pub(crate) const IFNAME_LENGTH: usize = 16;

/// How often a transaction is tried that met what was not there, or no longer,
/// when the table was looked at.
pub(crate) const ATTEMPTS: u32 = 4;

/// Whether a transaction failed since it met what it was not made for.
pub(crate) fn changed_meanwhile(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::EXIST | Errno::BUSY)
    )
}

/// One entry of a set or map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// The set or map.
    pub(crate) set: String,
    /// Its key: fields one after the other, each padded to four bytes.
    pub(crate) key: Vec<u8>,
    /// What a map leads to from it.
    pub(crate) value: Value,
}

/// What an entry holds besides its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing: a set's.
    None,
    /// Bytes, as the key's.
    Data(Vec<u8>),
    /// On in this chain.
    Jump(String),
}

/// Changes to one table of the calling thread's network namespace, in the order in
/// which they are made.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    family: Family,
    table: &'a str,
    bytes: Vec<u8>,
    messages: u32,
    /// Where the last message begins, and its flags.
    last: usize,
    last_flags: u16,
}

impl<'a> Batch<'a> {
    /// To the table `inet TABLE`.
    pub(crate) fn new(table: &'a str) -> Self {
        Self::of(INET, table)
    }

    /// To the table of this name of a family.
    pub(crate) fn of(family: Family, table: &'a str) -> Self {
        let mut batch = Self {
            family,
            table,
            bytes: Vec::with_capacity(4096),
            messages: 0,
            last: 0,
            last_flags: 0,
        };
        batch.border(BEGIN);
        batch
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages == 1
    }

    /// Adds an entry, which must not be there.
    pub(crate) fn add(&mut self, element: &Element) {
        let entry = Attributes::new().nest(1, &Attributes::new().bytes(VALUE, &element.key));
        let entry = match &element.value {
            Value::None => entry,
            Value::Data(data) => entry.nest(2, &Attributes::new().bytes(VALUE, data)),
            Value::Jump(chain) => entry.nest(2, &verdict(&Outcome::Jump(chain.clone()))),
        };
        let attributes = elements(self.table, &element.set, &entry);
        self.push(NEW_ELEMENT, NLM_F_CREATE | NLM_F_EXCL, &attributes);
    }

    /// Takes away the entry of a key, which must be there.
    pub(crate) fn remove(&mut self, set: &str, key: &[u8]) {
        let entry = Attributes::new().nest(1, &Attributes::new().bytes(VALUE, key));
        let attributes = elements(self.table, set, &entry);
        self.push(DELETE_ELEMENT, 0, &attributes);
    }

    /// Makes a chain have these rules and no others, whether it is there or not.
    pub(crate) fn set_chain(&mut self, chain: &str, rules: &[Expressions]) {
        let named = Attributes::new().text(1, self.table).text(3, chain);
        self.push(NEW_CHAIN, NLM_F_CREATE, &named);
        self.push(DELETE_RULE, 0, &self.of_chain(chain));
        for rule in rules {
            let attributes = self.of_chain(chain).nest(4, rule.attributes());
            self.push(NEW_RULE, NLM_F_CREATE | APPEND, &attributes);
        }
    }

    /// Takes away a chain, which must be there and no longer be led to.
    pub(crate) fn remove_chain(&mut self, chain: &str) {
        self.push(DELETE_RULE, 0, &self.of_chain(chain));
        let named = Attributes::new().text(1, self.table).text(3, chain);
        self.push(DELETE_CHAIN, 0, &named);
    }

    /// Makes a set of link names unless it is there.
    pub(crate) fn ensure_set_of_links(&mut self, set: &str) {
        let length = u32::try_from(IFNAME_LENGTH).unwrap_or(0);
        let attributes = Attributes::new()
            .text(1, self.table)
            .text(2, set)
            .number(4, IFNAME)
            .number(5, length)
            .number(10, self.messages)
            .bytes(13, &HOST_ENDIAN);
        self.push(NEW_SET, NLM_F_CREATE, &attributes);
    }

    /// Has the kernel make all changes; with none there is nothing to do.
    ///
    /// # Errors
    /// That of the first change that the kernel refused: `ENOENT` for what should
    /// be there and is not, `EEXIST` for what is there and should not be.
    ///
    /// # Kernel
    /// nfnetlink, `NFNL_MSG_BATCH_BEGIN`, Linux 3.13.
    pub(crate) fn commit(mut self) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        fault::point("change nftables rules")?;
        let last = self.messages - 1;
        // The last change is acknowledged; any that is refused is, unasked.
        let place = self.last + FLAGS;
        if let Some(flags) = self.bytes.get_mut(place..place + 2) {
            flags.copy_from_slice(&(self.last_flags | NLM_F_ACK).to_ne_bytes());
        }
        self.border(END);
        let mut socket = Socket::open(Some(netlink::NETFILTER))?;
        socket.make_room(self.bytes.len())?;
        socket.send(&self.bytes)?;
        loop {
            for answer in socket.receive_between(0, last)? {
                let answer = NetlinkBuffer::new(answer);
                if answer.message_type() != NLMSG_ERROR {
                    continue;
                }
                match errno(answer.payload()) {
                    Some(0) if answer.sequence_number() == last => return Ok(()),
                    Some(0) => {}
                    Some(errno) => return Err(io::Error::from_raw_os_error(errno)),
                    None => return Err(Errno::PROTO.into()),
                }
            }
        }
    }

    fn of_chain(&self, chain: &str) -> Attributes {
        Attributes::new().text(1, self.table).text(2, chain)
    }

    fn push(&mut self, kind: u16, flags: u16, attributes: &Attributes) {
        self.message(kind, flags, self.family, attributes.as_bytes());
    }

    fn border(&mut self, kind: u16) {
        // AF_UNSPEC, version 0, and the subsystem as the resource, big-endian.
        self.message(kind, 0, [0, 0, 0, 10], &[]);
    }

    fn message(&mut self, kind: u16, flags: u16, family: [u8; 4], payload: &[u8]) {
        self.last = self.bytes.len();
        self.last_flags = NLM_F_REQUEST | flags;
        let length = HEADER + family.len() + payload.len();
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(self.last_flags.to_ne_bytes());
        self.bytes.extend(self.messages.to_ne_bytes());
        self.bytes.extend(0_u32.to_ne_bytes());
        self.bytes.extend(family);
        self.bytes.extend(payload);
        self.messages = self.messages.saturating_add(1);
    }
}

/// The errno in an answer; 0 is yes.
fn errno(payload: &[u8]) -> Option<i32> {
    let code = payload.get(..4).and_then(|code| parse_i32(code).ok())?;
    Some(code.wrapping_neg())
}

fn elements(table: &str, set: &str, entry: &Attributes) -> Attributes {
    let list = Attributes::new().nest(ELEMENT, entry);
    Attributes::new().text(1, table).text(2, set).nest(3, &list)
}

/// A link's name as a key.
pub(crate) fn link_key(name: &str) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.resize(IFNAME_LENGTH, 0);
    key
}
