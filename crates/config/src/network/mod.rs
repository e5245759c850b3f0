//! What may be set of a VE's network: its interfaces, what is forwarded to it,
//! what it may reach, and how much.

mod address;
mod link_name;
mod mac;
mod names;
mod publish;
mod rule;
mod slot;
mod traffic;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use address::Ip;
pub(crate) use address::{gateway, mtu, vlan};
pub use link_name::LinkName;
pub use mac::Mac;
pub use names::{GroupName, PoolName};
pub use publish::{Protocol, Publish};
pub use rule::{Direction, Matched, Rule, Verdict};
pub use slot::Slot;
pub use traffic::Over;
pub(crate) use traffic::{rate, traffic};
use veld_units::Bytes;

use crate::{Dns, Mode};

/// How a VE is connected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Its first interface, `eth0`.
    pub first: Interface,
    /// The others.
    pub others: BTreeMap<Slot, Interface>,
    /// Its name servers; empty is what the host's config says.
    pub dns: Vec<Dns>,
    /// Ports of the host that lead to ports of its own.
    pub publish: Vec<Publish>,
    /// What it may and may not reach, and be reached by.
    pub policy: Policy,
    /// The group whose policy it has too.
    pub group: Option<GroupName>,
    /// How much may go over all its interfaces in a month.
    pub traffic: Traffic,
}

/// One interface of a VE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// By what kind of link it is connected.
    pub mode: Mode,
    /// The bridge, the parent or the device of the host that it is connected to;
    /// none is Veld's own bridge.
    pub link: Option<LinkName>,
    /// Its name inside; `ethN` where there is none.
    pub name: Option<LinkName>,
    /// Its addresses, the one it speaks from first.
    pub ip: Vec<Ip>,
    /// Its routers, one of a family; a routed interface has its host.
    pub gateway: Vec<IpAddr>,
    /// Its MAC address; one that follows from the VE's number where there is none.
    pub mac: Option<Mac>,
    /// The largest packet, in bytes; that of the link it is connected to where
    /// there is none.
    pub mtu: Option<u32>,
    /// The VLAN of the bridge that it is in.
    pub vlan: Option<u16>,
    /// Bytes a second to it.
    pub rate_in: Option<Bytes>,
    /// Bytes a second from it.
    pub rate_out: Option<Bytes>,
}

/// What may be reached: what is denied is looked at first, then what is allowed,
/// then the default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// What is let through.
    pub allow: Vec<Rule>,
    /// What is not.
    pub deny: Vec<Rule>,
    /// What becomes of other connections to the VE.
    pub default_in: Verdict,
    /// What becomes of other connections from the VE.
    pub default_out: Verdict,
}

/// What may go over all interfaces of a VE in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes in a calendar month (UTC), both ways together; none is no limit.
    pub limit: Option<Bytes>,
    /// What becomes of a VE that is over it.
    pub over: Over,
    /// Bytes a second, each way, of one that is slowed down.
    pub rate: Option<Bytes>,
}

impl Traffic {
    /// Bytes a second, each way, of a VE that is slowed down.
    #[must_use]
    pub fn slow_rate(&self) -> Bytes {
        self.rate.unwrap_or(Bytes::new(128 << 10))
    }
}

impl Network {
    /// The interfaces that there are, `eth0` first.
    pub fn interfaces(&self) -> impl Iterator<Item = (Slot, &Interface)> {
        let first = std::iter::once((Slot::FIRST, &self.first));
        let others = self.others.iter().map(|(slot, other)| (*slot, other));
        first
            .chain(others)
            .filter(|(_, interface)| interface.mode != Mode::None)
    }
}

impl Interface {
    /// The addresses that are known, with their prefix lengths; of those that are
    /// to come from a pool none is.
    pub fn addresses(&self) -> impl Iterator<Item = ipnetwork::IpNetwork> {
        self.ip.iter().filter_map(Ip::own)
    }

    /// Its name inside.
    #[must_use]
    pub fn name_inside(&self, slot: Slot) -> String {
        match &self.name {
            Some(name) => name.to_string(),
            None => slot.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
