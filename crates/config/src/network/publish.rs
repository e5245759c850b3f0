//! A port of the host that leads to one of a VE.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::Invalid;

/// A protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protocol {
    /// tcp(7)
    #[default]
    Tcp,
    /// udp(7)
    Udp,
}

impl Protocol {
    /// Its number in the header of a packet.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl FromStr for Protocol {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            _ => Err(Invalid::form(text, "a protocol", "tcp or udp")),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A port of the host's, or of one address of it, that leads to a port of the VE:
/// `8080:80/tcp`, `127.0.0.1:2222:22`, `[::]:5353:53/udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Publish {
    /// The host's address: all of it where there is none, all of a family where it
    /// is the unspecified one.
    pub address: Option<IpAddr>,
    /// The host's port.
    pub port: u16,
    /// The VE's port.
    pub inner: u16,
    /// Of which protocol.
    pub protocol: Protocol,
}

impl Publish {
    /// Whether a connection to the host could be meant by both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let all = |address: Option<IpAddr>, of: IpAddr| match address {
            None => true,
            Some(any) => any.is_unspecified() && any.is_ipv4() == of.is_ipv4(),
        };
        let addresses = match (self.address, other.address) {
            (Some(one), Some(another)) => {
                one == another || all(self.address, another) || all(other.address, one)
            }
            (None, _) | (_, None) => true,
        };
        self.port == other.port && self.protocol == other.protocol && addresses
    }
}

impl FromStr for Publish {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = "[ADDRESS:]PORT:INNER[/tcp or /udp], as 8080:80 or [::]:53:53/udp";
        let invalid = || Invalid::form(text, "a published port", allowed);
        let (ports, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
        let protocol = protocol.parse().map_err(|_| invalid())?;
        let (outer, inner) = ports.rsplit_once(':').ok_or_else(invalid)?;
        let inner = port(inner).ok_or_else(invalid)?;
        let (address, outer) = if outer.contains(':') {
            let outer: SocketAddr = outer.parse().map_err(|_| invalid())?;
            (Some(outer.ip()), outer.port())
        } else {
            (None, port(outer).ok_or_else(invalid)?)
        };
        if outer == 0 {
            return Err(invalid());
        }
        if let Some(address) = address.filter(|address| !can_lead(*address)) {
            let text = address.to_string();
            let class = "not one that a port of the host can lead from";
            return Err(Invalid::Address { text, class });
        }
        Ok(Self {
            address,
            port: outer,
            inner,
            protocol,
        })
    }
}

/// Whether the kernel forwards what comes to a port of this address.
///
/// What is sent to ::1 it forwards nowhere, whatever the rules say.
fn can_lead(address: IpAddr) -> bool {
    let loopback6 = address.is_ipv6() && address.is_loopback();
    !address.is_multicast() && !loopback6
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|_| digits)?;
    (port > 0).then_some(port)
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            port,
            inner,
            protocol,
            ..
        } = self;
        match self.address {
            None => write!(f, "{port}:{inner}/{protocol}"),
            Some(address) => {
                let outer = SocketAddr::new(address, *port);
                write!(f, "{outer}:{inner}/{protocol}")
            }
        }
    }
}
