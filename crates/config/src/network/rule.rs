//! What may be reached.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnetwork::IpNetwork;

use super::Protocol;
use crate::Invalid;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Verdict {
    /// It is let through.
    #[default]
    Allow,
    /// It is not.
    Deny,
}

impl FromStr for Verdict {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            _ => Err(Invalid::form(text, "a default", "allow or deny")),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

/// Who begins a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Somebody else, to the VE.
    In,
    /// The VE.
    Out,
}

/// Which connections, by their protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matched {
    /// All of them.
    Any,
    /// ICMP and `ICMPv6`.
    Icmp,
    /// Those of a protocol with ports: all, or those to a port of this range of the
    /// one that is spoken to.
    Ports(Protocol, Option<(u16, u16)>),
}

/// Connections that are allowed or denied: `in tcp 80`, `out udp 53 to 192.0.2.1`,
/// `in tcp 8000-8100 from 10.0.0.0/8`, `in icmp`, `out any to fd00::/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Who begins.
    pub direction: Direction,
    /// By what.
    pub matched: Matched,
    /// Who is at the other end; none is everybody.
    pub peer: Option<IpNetwork>,
}

const WHAT: &str = "a rule";
const ALLOWED: &str = "in or out, then any, icmp, tcp or udp with a port or a range of ports or \
                       without, then from or to a network or nothing, as \"in tcp 80 from 10.0.0.0/8\"";

impl FromStr for Rule {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::form(text, WHAT, ALLOWED);
        let mut words = text.split_ascii_whitespace().peekable();
        let (direction, before_peer) = match words.next() {
            Some("in") => (Direction::In, "from"),
            Some("out") => (Direction::Out, "to"),
            _ => return Err(invalid()),
        };
        let matched = match words.next() {
            Some("any") => Matched::Any,
            Some("icmp") => Matched::Icmp,
            Some(protocol) => {
                let protocol = protocol.parse().map_err(|_| invalid())?;
                let ports = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit()));
                let ports = ports.map(|ports| range(ports).ok_or_else(invalid));
                Matched::Ports(protocol, ports.transpose()?)
            }
            None => return Err(invalid()),
        };
        let peer = match words.next() {
            None => None,
            Some(word) if word == before_peer => {
                let network = words.next().ok_or_else(invalid)?;
                Some(peer(network)?)
            }
            Some(_) => return Err(invalid()),
        };
        if words.next().is_some() {
            return Err(invalid());
        }
        Ok(Self {
            direction,
            matched,
            peer,
        })
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some((first, last))
}

fn peer(text: &str) -> Result<IpNetwork, Invalid> {
    let Ok(network) = text.parse::<IpNetwork>() else {
        let allowed = "an address or a network, as 10.0.0.0/8";
        return Err(Invalid::form(text, "whom a rule is for", allowed));
    };
    if network.ip() != network.network() {
        return Err(Invalid::HostBits {
            text: text.to_owned(),
            network: format!("{}/{}", network.network(), network.prefix()),
        });
    }
    Ok(network)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (direction, before_peer) = match self.direction {
            Direction::In => ("in", "from"),
            Direction::Out => ("out", "to"),
        };
        write!(f, "{direction} ")?;
        match self.matched {
            Matched::Any => f.write_str("any")?,
            Matched::Icmp => f.write_str("icmp")?,
            Matched::Ports(protocol, None) => write!(f, "{protocol}")?,
            Matched::Ports(protocol, Some((first, last))) if first == last => {
                write!(f, "{protocol} {first}")?;
            }
            Matched::Ports(protocol, Some((first, last))) => {
                write!(f, "{protocol} {first}-{last}")?;
            }
        }
        match self.peer {
            None => Ok(()),
            Some(peer) if is_one(peer) => write!(f, " {before_peer} {}", peer.ip()),
            Some(peer) => write!(f, " {before_peer} {peer}"),
        }
    }
}

fn is_one(network: IpNetwork) -> bool {
    match network.ip() {
        IpAddr::V4(_) => network.prefix() == 32,
        IpAddr::V6(_) => network.prefix() == 128,
    }
}
