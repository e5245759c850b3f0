//! Addresses of an interface, and numbers that go with them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnetwork::IpNetwork;
use veld_units::Error;

use super::PoolName;
use crate::{Invalid, parameter};

/// An address of a VE's, or one that is to be found for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ip {
    /// This one, with the length of the network's prefix that its link has; a bare
    /// address is a network of its own.
    Own(IpNetwork),
    /// Some address of a pool, or this one of it.
    OfPool(PoolName, Option<IpAddr>),
}

impl Ip {
    /// The address, where it is known.
    #[must_use]
    pub fn own(&self) -> Option<IpNetwork> {
        match self {
            Self::Own(address) => Some(*address),
            Self::OfPool(..) => None,
        }
    }
}

impl From<IpAddr> for Ip {
    fn from(address: IpAddr) -> Self {
        Self::Own(address.into())
    }
}

impl FromStr for Ip {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(address) = text.parse::<IpAddr>() {
            parameter::address(text)?;
            return Ok(address.into());
        }
        let prefixed = text.contains('/').then(|| text.parse::<IpNetwork>().ok());
        if let Some(network) = prefixed.flatten() {
            return own(text, network);
        }
        let (pool, address) = match text.split_once(':') {
            None => (text, None),
            Some((pool, address)) => (pool, Some(address)),
        };
        match (pool.parse(), address.map(parameter::address)) {
            (Ok(pool), None) => Ok(Self::OfPool(pool, None)),
            (Ok(pool), Some(Ok(address))) => Ok(Self::OfPool(pool, Some(address))),
            (Ok(_), Some(Err(error))) if address.is_some_and(|it| it.parse::<IpAddr>().is_ok()) => {
                Err(error)
            }
            (Ok(_), Some(Err(_))) | (Err(_), _) => {
                let text = text.to_owned();
                Err(Invalid::NotAnAddress { text })
            }
        }
    }
}

/// An address with a prefix: neither the network's own nor its broadcast address.
fn own(text: &str, network: IpNetwork) -> Result<Ip, Invalid> {
    let refused = |class| Invalid::Address {
        text: text.to_owned(),
        class,
    };
    if let Some(class) = parameter::unfit(network.ip()) {
        return Err(refused(class));
    }
    let full = if network.is_ipv4() { 32 } else { 128 };
    // Networks of two addresses have neither (RFC 3021, RFC 6164).
    if network.prefix() + 1 < full {
        if network.ip() == network.network() {
            return Err(refused("the address of a network"));
        }
        if network.is_ipv4() && network.ip() == network.broadcast() {
            return Err(refused("the broadcast address of a network"));
        }
    }
    if network.prefix() == 0 {
        return Err(refused("a network of all addresses"));
    }
    Ok(Ip::Own(network))
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(network) => {
                let full = if network.is_ipv4() { 32 } else { 128 };
                if network.prefix() == full {
                    write!(f, "{}", network.ip())
                } else {
                    write!(f, "{}/{}", network.ip(), network.prefix())
                }
            }
            Self::OfPool(pool, None) => write!(f, "{pool}"),
            Self::OfPool(pool, Some(address)) => write!(f, "{pool}:{address}"),
        }
    }
}

/// The address of a router, which may be link-local.
///
/// # Errors
/// It is no address, or not one host's.
pub(crate) fn gateway(text: &str) -> Result<IpAddr, Invalid> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.is_unicast_link_local() => Ok(address.into()),
        _ => parameter::address(text),
    }
}

/// The largest packet of an interface: 68 bytes, which IPv4 needs, to 65,535.
///
/// # Errors
/// It is no whole number, or out of this range.
pub(crate) fn mtu(text: &str) -> Result<u32, Error> {
    whole(text, 68, 65_535, "68 to 65535")
}

/// The number of a VLAN; 0 and 4,095 are reserved.
///
/// # Errors
/// It is no whole number, or out of this range.
pub(crate) fn vlan(text: &str) -> Result<u16, Error> {
    let allowed = "1 to 4094";
    let number = whole(text, 1, 4094, allowed)?;
    u16::try_from(number).map_err(|_| Error::out_of_range(text, allowed))
}

fn whole(text: &str, least: u32, most: u32, allowed: &'static str) -> Result<u32, Error> {
    match text.parse::<u32>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) => Err(Error::out_of_range(text, allowed)),
        Err(_) => Err(Error::malformed(text, "a whole number", allowed)),
    }
}
