//! The few expressions that rules of guests are made of.
//!
//! # Kernel
//! linux/netfilter/nf_tables.h; what each one does, nft(8).

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use super::attributes::Attributes;

/// Most that a register of the rule's machine holds of one value.
const REGISTER: u32 = 1;
const VERDICT_REGISTER: u32 = 0;
const NAME: u16 = 1;
const DATA: u16 = 2;
/// `NFTA_LIST_ELEM`.
pub(super) const ELEMENT: u16 = 1;
/// `NFTA_DATA_VALUE` and `NFTA_DATA_VERDICT`.
pub(super) const VALUE: u16 = 1;
pub(super) const VERDICT: u16 = 2;

/// What a packet is asked for, or what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Name of the link that it came by.
    InName,
    /// Name of the link that it leaves by.
    OutName,
    /// IPv4 or IPv6, as `NFPROTO_IPV4` and `NFPROTO_IPV6`.
    Family,
    /// Protocol above IP.
    Transport,
}

impl Load {
    /// `enum nft_meta_keys`.
    fn key(self) -> u32 {
        match self {
            Self::InName => 6,
            Self::OutName => 7,
            Self::Family => 15,
            Self::Transport => 16,
        }
    }
}

/// Which end of a packet's way an address is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Source,
    Destination,
}

/// What ends a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Back to the chain that led here.
    Return,
    /// On in another chain, and back here where that says so.
    Jump(String),
    /// On in another chain, for good.
    Goto(String),
}

/// The expressions of one rule, in the order in which they are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expressions(Attributes);

impl Expressions {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.0
    }

    /// Where the packet's property begins with these bytes, or is just them.
    pub(crate) fn begins(self, load: Load, value: &[u8]) -> Self {
        self.meta(load).compare(value)
    }

    /// Where the packet's property is in a set.
    pub(crate) fn among(self, load: Load, set: &str) -> Self {
        let lookup = Attributes::new().text(1, set).number(2, REGISTER);
        self.meta(load).push("lookup", &lookup)
    }

    /// Where one end's address is of a network, which implies its family.
    pub(crate) fn address(self, end: End, network: IpNetwork) -> Self {
        let (family, source, destination, address, mask) = match network {
            IpNetwork::V4(network) => (
                [2],
                12,
                16,
                network.network().octets().to_vec(),
                network.mask().octets().to_vec(),
            ),
            IpNetwork::V6(network) => (
                [10],
                8,
                24,
                network.network().octets().to_vec(),
                network.mask().octets().to_vec(),
            ),
        };
        let offset = match end {
            End::Source => source,
            End::Destination => destination,
        };
        let rule = self
            .begins(Load::Family, &family)
            .payload(1, offset, address.len());
        if mask.iter().all(|byte| *byte == u8::MAX) {
            return rule.compare(&address);
        }
        rule.mask(&mask).compare(&address)
    }

    /// Where the port that a packet goes to is from `first` to `last`.
    pub(crate) fn port(self, first: u16, last: u16) -> Self {
        let rule = self.payload(2, 2, 2);
        if first == last {
            return rule.compare(&first.to_be_bytes());
        }
        let value = |port: u16| Attributes::new().bytes(VALUE, &port.to_be_bytes());
        let range = Attributes::new()
            .number(1, REGISTER)
            .number(2, 0)
            .nest(3, &value(first))
            .nest(4, &value(last));
        rule.push("range", &range)
    }

    /// What is done with a packet that all before is true of.
    pub(crate) fn then(self, outcome: &Outcome) -> Self {
        let immediate = Attributes::new()
            .number(1, VERDICT_REGISTER)
            .nest(2, &verdict(outcome));
        self.push("immediate", &immediate)
    }

    fn meta(self, load: Load) -> Self {
        let meta = Attributes::new().number(1, REGISTER).number(2, load.key());
        self.push("meta", &meta)
    }

    fn payload(self, base: u32, offset: u32, length: usize) -> Self {
        // No field of a header is longer than an IPv6 address.
        let length = u32::try_from(length).unwrap_or(0);
        let payload = Attributes::new()
            .number(1, REGISTER)
            .number(2, base)
            .number(3, offset)
            .number(4, length);
        self.push("payload", &payload)
    }

    fn compare(self, value: &[u8]) -> Self {
        let compare = Attributes::new()
            .number(1, REGISTER)
            .number(2, 0)
            .nest(3, &Attributes::new().bytes(VALUE, value));
        self.push("cmp", &compare)
    }

    fn mask(self, mask: &[u8]) -> Self {
        let zero = vec![0; mask.len()];
        let bitwise = Attributes::new()
            .number(1, REGISTER)
            .number(2, REGISTER)
            .number(3, u32::try_from(mask.len()).unwrap_or(0))
            .nest(4, &Attributes::new().bytes(VALUE, mask))
            .nest(5, &Attributes::new().bytes(VALUE, &zero));
        self.push("bitwise", &bitwise)
    }

    fn push(self, name: &str, data: &Attributes) -> Self {
        let expression = Attributes::new().text(NAME, name).nest(DATA, data);
        Self(self.0.nest(ELEMENT, &expression))
    }
}

/// A verdict as data, of a rule or of an element.
pub(super) fn verdict(outcome: &Outcome) -> Attributes {
    // Numbers of `enum nft_verdicts`.
    let code = |code: i32| Attributes::new().number(1, code.cast_unsigned());
    let inner = match outcome {
        Outcome::Return => code(-5),
        Outcome::Jump(chain) => code(-3).text(2, chain),
        Outcome::Goto(chain) => code(-4).text(2, chain),
    };
    Attributes::new().nest(VERDICT, &inner)
}

/// An address as a key or a value.
pub(crate) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
