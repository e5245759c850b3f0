//! Whose an address is: no two VEs have one, and none has one that the host or a
//! neighbour has.
//!
//! ```text
//!  create, set   claim what is asked for, or the next free one of a pool
//!  start         claim again what the config says, in case a claim was lost
//!  set, destroy  release what nothing names any more
//! ```
//!
//! A claim only keeps VEs apart (`veld_state::Claims`): the config says what a VE has.

use std::net::IpAddr;
use std::time::Duration;

use ipnetwork::IpNetwork;
use veld_config::{VeConfig, VeName};
use veld_network::{Occupant, Standing};
use veld_state::{Claim, Claims};

use crate::error::Source;
use crate::host::Host;
use crate::set::in_force;
use crate::ve::Ve;

/// The directory of claims, beside that of numbers.
const CLAIMS: &str = "addresses";

/// An address that belongs to the network of a link of the host's, and that link.
pub(crate) type OnLink = (IpAddr, String);

fn claims(host: &Host) -> Claims {
    Claims::new(host.config().paths.data.join(CLAIMS))
}

/// Claims addresses for a VE, all or none.
///
/// # Errors
/// [`Source::Refused`] for one that another VE has.
pub(crate) fn claim(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<(), Source> {
    let keys: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    ve.step("claim addresses");
    let is_used = |address: &str, holder: &str| is_used(ve.host, address, holder);
    match claims(ve.host).claim_all(&keys, ve.name.as_str(), is_used)? {
        None => Ok(()),
        Some((address, holder)) => Err(Source::Refused(format!(
            "{address} is an address of VE {holder}"
        ))),
    }
}

/// Releases addresses that a VE has.
pub(crate) fn release(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<(), Source> {
    ve.step("release addresses");
    let claims = claims(ve.host);
    for address in addresses {
        claims.release(&address.to_string(), ve.name.as_str())?;
    }
    Ok(())
}

/// Releases all that a VE has of which nobody knows what that is.
pub(crate) fn release_all(ve: &Ve<'_>) -> Result<(), Source> {
    ve.step("release addresses");
    Ok(claims(ve.host).release_all_of(ve.name.as_str())?)
}

/// Claims the next free address of a pool for a VE: the one of its own number, or the
/// first after it that neither another VE nor the host nor a neighbour has.
///
/// # Errors
/// [`Source::Refused`] where there is none.
pub(crate) fn claim_of_pool(
    ve: &Ve<'_>,
    number: u32,
    name: &str,
    pool: IpNetwork,
) -> Result<IpAddr, Source> {
    ve.step("claim an address of a pool");
    let claims = claims(ve.host);
    for address in veld_network::addresses_from(pool, number) {
        let key = address.to_string();
        let is_used = |holder: &str| is_used(ve.host, &key, holder);
        match claims.claim(&key, ve.name.as_str(), is_used)? {
            Claim::Held(_) | Claim::Own => continue,
            Claim::New => {}
        }
        if occupants(ve, &[address])?.is_ok() {
            claims.keep()?;
            return Ok(address);
        }
        claims.release(&key, ve.name.as_str())?;
    }
    let size = veld_network::pool_size(pool);
    Err(Source::Refused(format!(
        "no free address in pool {name} ({pool}): all {size} are taken"
    )))
}

/// Whether a VE that has a claim has a use for it still: it or one that works on it.
fn is_used(host: &Host, address: &str, holder: &str) -> bool {
    let (Ok(name), Ok(address)) = (holder.parse::<VeName>(), address.parse::<IpAddr>()) else {
        return false;
    };
    let ve = host.ve(name);
    let names = |config: &VeConfig| addresses_of(config).contains(&address);
    if ve.area.exists() {
        // What cannot be read may say so.
        let named = ve.config().map_or(true, |config| names(&config))
            || in_force(&ve).is_ok_and(|config| names(&config));
        if named {
            return true;
        }
    }
    // A creation, a set, a destruction that is going on. Nobody has the lock of a VE
    // that has no run directory.
    ve.run.path().exists() && ve.lock_for("look", Duration::ZERO).is_err()
}

/// Refuses addresses that the host or a neighbour has, and gives those that belong to
/// a network that the host is in. Only these take time: 0.3 s for all together.
///
/// # Errors
/// [`Source::Refused`] for the first that somebody has.
pub(crate) fn must_be_vacant(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<Vec<OnLink>, Source> {
    ve.step("look for others with its addresses");
    occupants(ve, addresses)?.map_err(refused)
}

/// Refuses addresses that the host has, without asking anybody else.
pub(crate) fn must_not_be_the_hosts(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<(), Source> {
    places(ve, addresses)?.map(|_| ()).map_err(refused)
}

/// Who has one of the addresses; or, where nobody does, those on links of the host.
type Places = Result<Vec<OnLink>, (IpAddr, Occupant)>;

/// As far as the host itself knows.
fn places(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<Places, Source> {
    let own = ve.id().map(|id| ve.link(id)).ok();
    let mut on_link = Vec::new();
    for &address in addresses {
        let occupant = match veld_network::look_up(address)? {
            Standing::Own => Occupant::Host,
            Standing::Broadcast => Occupant::Broadcast,
            Standing::Routed(link) if Some(&link) != own.as_ref() => Occupant::Link(link),
            Standing::Routed(_) | Standing::Elsewhere => continue,
            Standing::OnLink(link) => {
                on_link.push((address, link));
                continue;
            }
        };
        return Ok(Err((address, occupant)));
    }
    Ok(Ok(on_link))
}

/// As far as the host and its neighbours know.
fn occupants(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<Places, Source> {
    let on_link = match places(ve, addresses)? {
        Ok(on_link) => on_link,
        taken => return Ok(taken),
    };
    let heard = veld_network::neighbours(&on_link)?;
    Ok(heard.into_iter().next().map_or(Ok(on_link), Err))
}

fn refused((address, occupant): (IpAddr, Occupant)) -> Source {
    Source::Refused(format!("{address} {occupant}"))
}

/// The addresses of a config.
pub(crate) fn addresses_of(config: &VeConfig) -> Vec<IpAddr> {
    config.network.ip.clone()
}
