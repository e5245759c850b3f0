//! What differs from guest to guest, as values.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use ipnetwork::IpNetwork;

/// What the rules hold for one guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestRules {
    /// A number that no other guest of this host has; its chains are named by it.
    pub number: u32,
    /// The host ends of its routed links.
    pub links: Vec<String>,
    /// Its addresses; the first of a family is where published ports lead to.
    pub addresses: Vec<IpAddr>,
    /// Ports of the host that are its.
    pub publish: Vec<Publish>,
    /// What may come in and go out.
    pub policy: Policy,
    /// The group whose guests see each other and no others.
    pub isolated: Option<String>,
}

impl GuestRules {
    /// Whether the rules hold nothing for it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.publish.is_empty() && self.isolated.is_none() && self.policy.is_empty()
    }
}

/// A port of the host, and one of the guest that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish {
    /// Which address of the host it is a port of: one, all of a family
    /// (`0.0.0.0`, `::`), or all of both.
    pub address: Option<IpAddr>,
    /// Port of the host.
    pub port: u16,
    /// Port of the guest.
    pub inner: u16,
    /// Above IP.
    pub transport: Transport,
}

impl fmt::Display for Publish {
    /// The host's side: `8080/tcp`, `[::]:53/udp`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = self.transport;
        match self.address {
            Some(address) => write!(f, "{}/{transport}", SocketAddr::new(address, self.port)),
            None => write!(f, "{}/{transport}", self.port),
        }
    }
}

/// What has ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// Its number in IP.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// What may come in and go out. Of what is neither denied nor allowed the
/// direction's default decides; all passes where nothing is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Refused; looked at first.
    pub deny: Vec<PolicyRule>,
    /// Let pass.
    pub allow: Vec<PolicyRule>,
    /// Whether other connections from elsewhere are refused.
    pub denies_in: bool,
    /// Whether other connections of the guest's are refused.
    pub denies_out: bool,
}

impl Policy {
    /// Whether all passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deny.is_empty() && !self.denies_in && !self.denies_out
    }

    /// Whether some of a direction does not pass.
    pub(super) fn concerns(&self, direction: Direction) -> bool {
        let denies = match direction {
            Direction::In => self.denies_in,
            Direction::Out => self.denies_out,
        };
        denies || self.deny.iter().any(|rule| rule.direction == direction)
    }
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Made from elsewhere: the world, another guest, the host.
    In,
    /// Made by the guest.
    Out,
}

/// Connections that a policy says something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRule {
    /// Whose they are.
    pub direction: Direction,
    /// Above IP, or any.
    pub protocol: Option<RuleProtocol>,
    /// The ports that they go to, of [`RuleProtocol::Transport`] alone.
    pub ports: Option<RangeInclusive<u16>>,
    /// Where the other end is, or anywhere.
    pub peer: Option<IpNetwork>,
}

/// What a rule is about, above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleProtocol {
    /// What has ports.
    Transport(Transport),
    /// ICMP, and ICMPv6 less what neighbours need.
    Icmp,
}
