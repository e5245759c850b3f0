//! Whose an address is: no two VEs have one, and none has one that the host or a
//! neighbour has.
//!
//! ```text
//!  create, set    resolve: of a pool the next free one; all are claimed
//!  start          claim again what the config says, in case a claim was lost
//!  start, set     look for others who have one
//!  set, destroy   release what nothing names any more
//! ```
//!
//! A claim only keeps VEs apart (`veld_state::Claims`): the config says what a VE has.

use std::net::IpAddr;
use std::time::Duration;

use ipnetwork::IpNetwork;
use veld_config::{Interface, Ip, Mode, PoolName, VeConfig, VeId, VeName};
use veld_network::{Occupant, Standing};
use veld_state::{Claim, Claims};

use super::{NetPlan, links};
use crate::error::Source;
use crate::host::Host;
use crate::set::in_force;
use crate::ve::Ve;

/// The directory of claims, beside that of numbers.
const CLAIMS: &str = "addresses";
/// What the default pools are called where one is asked for by name.
const DEFAULT4: &str = "pool4";
const DEFAULT6: &str = "pool6";

/// An address that belongs to the network of a link of the host's, and that link.
pub(super) type OnLink = (IpAddr, String);

fn claims(host: &Host) -> Claims {
    Claims::new(host.config().paths.data.join(CLAIMS))
}

/// The addresses of a config.
pub(crate) fn addresses_of(config: &VeConfig) -> Vec<IpAddr> {
    let interfaces = config.network.interfaces();
    let all = interfaces.flat_map(|(_, interface)| interface.addresses());
    all.map(|network| network.ip()).collect()
}

/// Has a new VE that asks for no address get one of each default pool.
pub(crate) fn give_default(config: &mut VeConfig) {
    let first = &mut config.network.first;
    if first.ip.is_empty() && first.mode == Mode::Routed {
        let names = [DEFAULT4, DEFAULT6]
            .iter()
            .filter_map(|name| name.parse().ok());
        first.ip = names.map(|pool| Ip::OfPool(pool, None)).collect();
    }
}

/// Whether some address of a config is still to be found in a pool.
pub(crate) fn asks_pools(config: &VeConfig) -> bool {
    let mut interfaces = config.network.interfaces();
    interfaces.any(|(_, interface)| interface.ip.iter().any(|ip| ip.own().is_none()))
}

/// Puts an address in place of each pool that a config names, and claims all of its
/// addresses. Where that fails, [`settle_claims`] takes back what was claimed.
///
/// # Errors
/// [`Source::Refused`] for a pool that there is not, one that is full, an address that is
/// not one of its pool, and one that another VE has.
pub(crate) fn resolve(ve: &Ve<'_>, id: VeId, config: &mut VeConfig) -> Result<(), Source> {
    claim(ve, &addresses_of(config))?;
    let network = &mut config.network;
    let interfaces = [&mut network.first].into_iter();
    let interfaces = interfaces.chain(network.others.values_mut());
    for interface in interfaces.filter(|it| it.mode != Mode::None) {
        let routed = interface.mode == Mode::Routed;
        for ip in &mut interface.ip {
            let Ip::OfPool(name, wanted) = ip else {
                continue;
            };
            let pool = pool(ve.host, name)?;
            let address = match *wanted {
                Some(address) => claim_one(ve, name, pool, address)?,
                None => claim_next(ve, id, name, pool)?,
            };
            // A routed one is alone on its link, others are on the pool's.
            *ip = match IpNetwork::new(address, pool.prefix()) {
                Ok(network) if !routed => Ip::Own(network),
                _ => address.into(),
            };
        }
    }
    Ok(())
}

/// The pool of a name.
fn pool(host: &Host, name: &PoolName) -> Result<IpNetwork, Source> {
    let config = host.config();
    if let Some(pool) = config.pools.get(name) {
        return Ok(pool.network);
    }
    match name.as_str() {
        DEFAULT4 => Ok(config.network.pool4.into()),
        DEFAULT6 => Ok(config.network.pool6.into()),
        _ => {
            let named = config.pools.keys().map(PoolName::as_str);
            let all: Vec<&str> = [DEFAULT4, DEFAULT6].into_iter().chain(named).collect();
            let all = all.join(", ");
            Err(Source::Refused(format!(
                "no pool {name}: this host has {all}"
            )))
        }
    }
}

/// This address of a pool.
fn claim_one(
    ve: &Ve<'_>,
    name: &PoolName,
    pool: IpNetwork,
    address: IpAddr,
) -> Result<IpAddr, Source> {
    if veld_network::pool_has(pool, address) {
        return claim(ve, &[address]).map(|()| address);
    }
    Err(Source::Refused(format!(
        "{address} is not an address of pool {name} ({pool})"
    )))
}

/// The next free address of a pool: the one of the VE's own number, or the first after it
/// that neither another VE nor the host nor a neighbour has.
fn claim_next(ve: &Ve<'_>, id: VeId, name: &PoolName, pool: IpNetwork) -> Result<IpAddr, Source> {
    ve.step("claim an address of a pool");
    let claims = claims(ve.host);
    for address in veld_network::addresses_from(pool, id.get()) {
        let key = address.to_string();
        let is_used = |holder: &str| is_used(ve.host, &key, holder);
        match claims.claim(&key, ve.name.as_str(), is_used)? {
            Claim::Held(_) | Claim::Own => continue,
            Claim::New => {}
        }
        if is_vacant(ve, id, address)? {
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

/// Claims addresses for a VE, all or none.
///
/// # Errors
/// [`Source::Refused`] for one that another VE has.
pub(crate) fn claim(ve: &Ve<'_>, addresses: &[IpAddr]) -> Result<(), Source> {
    if addresses.is_empty() {
        return Ok(());
    }
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

/// Whether a VE that has a claim has a use for it still: it or one that works on it.
fn is_used(host: &Host, address: &str, holder: &str) -> bool {
    let (Ok(name), Ok(address)) = (holder.parse::<VeName>(), address.parse::<IpAddr>()) else {
        return false;
    };
    // One that is called otherwise by now, and whose claims have not followed.
    let name = host.called_now(name);
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

/// Releases addresses that a VE had and has no more.
pub(crate) fn release(ve: &Ve<'_>, had: &[IpAddr], has: &[IpAddr]) -> Result<(), Source> {
    let claims = claims(ve.host);
    for address in had.iter().filter(|address| !has.contains(address)) {
        ve.step("release an address");
        claims.release(&address.to_string(), ve.name.as_str())?;
    }
    Ok(())
}

/// The pool that an address is of; for one of a routed interface that is of none, the
/// default one of its kind.
pub(crate) fn pool_of(host: &Host, address: IpNetwork, routed: bool) -> Option<PoolName> {
    let config = host.config();
    let mut named = config.pools.iter();
    let is_of = |pool: IpNetwork| veld_network::pool_has(pool, address.ip());
    let name = named
        .find(|(_, pool)| is_of(pool.network))
        .map(|(name, _)| name.clone());
    let default = if address.is_ipv4() {
        DEFAULT4
    } else {
        DEFAULT6
    };
    name.or_else(|| default.parse().ok().filter(|_| routed))
}

/// Takes an address out of a config.
pub(crate) fn take_out(config: &mut VeConfig, address: IpAddr) {
    let network = &mut config.network;
    let interfaces = [&mut network.first].into_iter();
    for interface in interfaces.chain(network.others.values_mut()) {
        interface
            .ip
            .retain(|ip| ip.own().is_none_or(|own| own.ip() != address));
    }
}

/// Makes addresses of a VE that had another name its own.
pub(crate) fn pass(ve: &Ve<'_>, addresses: &[IpAddr], old: &VeName) -> Result<(), Source> {
    let claims = claims(ve.host);
    for address in addresses {
        claims.pass(&address.to_string(), old.as_str(), ve.name.as_str())?;
    }
    Ok(())
}

/// Releases all that a VE has and no config of it names: what an action had claimed that
/// failed, or was killed.
pub(crate) fn settle_claims(ve: &Ve<'_>) -> Result<(), Source> {
    ve.step("release addresses");
    let configs = [ve.config().ok(), in_force(ve).ok()];
    let named: Vec<String> = configs
        .iter()
        .flatten()
        .flat_map(addresses_of)
        .map(|address| address.to_string())
        .collect();
    let is_kept = |key: &str| named.iter().any(|name| name == key);
    Ok(claims(ve.host).release_all_of(ve.name.as_str(), is_kept)?)
}

/// Refuses addresses that the host has, or that are routed elsewhere; nobody is asked.
///
/// # Errors
/// [`Source::Refused`] for the first.
pub(crate) fn must_not_be_the_hosts(
    ve: &Ve<'_>,
    id: VeId,
    config: &VeConfig,
) -> Result<(), Source> {
    for address in addresses_of(config) {
        if let Place::Taken(occupant) = place(ve, id, address)? {
            return Err(refused(address, &occupant));
        }
    }
    Ok(())
}

/// Refuses addresses of a plan that the host or a neighbour has, but for those of `old`,
/// and gives those that the host is to answer for on a link of its own. Only addresses of
/// a network that the host or a bridge is in take time: 0.3 s for all together.
///
/// # Errors
/// [`Source::Refused`] for the first that somebody has.
pub(super) fn must_be_vacant(
    ve: &Ve<'_>,
    old: Option<&NetPlan>,
    new: &NetPlan,
) -> Result<Vec<OnLink>, Source> {
    ve.step("look for others with its addresses");
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    for interface in &new.interfaces {
        let set = &interface.set;
        let had = old.and_then(|old| old.interface(interface.slot));
        for address in set.addresses().map(|network| network.ip()) {
            if had.is_some_and(|had| had.set.addresses().any(|it| it.ip() == address)) {
                continue;
            }
            let on_link = match place(ve, new.id, address)? {
                Place::Taken(occupant) => return Err(refused(address, &occupant)),
                Place::Near(link) => Some(link),
                Place::Far => None,
            };
            if set.mode == Mode::Routed {
                answered.extend(on_link.map(|link| (address, link)));
            } else {
                asked.extend(own_network(set).map(|link| (address, link)));
            }
        }
    }
    asked.extend(answered.iter().cloned());
    let heard = veld_network::neighbours(&asked)?;
    match heard.iter().find(|(_, occupant)| !is_own(new, occupant)) {
        Some((address, occupant)) => Err(refused(*address, occupant)),
        None => Ok(answered),
    }
}

/// The link of the host's by which the neighbours of an interface are found that is on
/// their network itself. In a VLAN the host is not; and on Veld's own bridge are VEs.
fn own_network(set: &Interface) -> Option<String> {
    let link = set.link.as_ref().filter(|_| set.vlan.is_none())?;
    Some(link.to_string())
}

/// Whether it is the VE itself, which has the address already.
fn is_own(plan: &NetPlan, occupant: &Occupant) -> bool {
    let Occupant::Neighbour { mac, .. } = occupant else {
        return false;
    };
    plan.interfaces.iter().any(|it| links::mac(it) == *mac)
}

/// What the host knows of an address.
enum Place {
    /// Somebody has it.
    Taken(Occupant),
    /// It belongs to the network of this link, where somebody may have it.
    Near(String),
    /// It is nobody's that the host knows of.
    Far,
}

fn place(ve: &Ve<'_>, id: VeId, address: IpAddr) -> Result<Place, Source> {
    Ok(match veld_network::look_up(address)? {
        Standing::Own => Place::Taken(Occupant::Host),
        Standing::Broadcast => Place::Taken(Occupant::Broadcast),
        Standing::Routed(link) if ve.links(id).any(|own| own == link) => Place::Far,
        Standing::Routed(link) => Place::Taken(Occupant::Link(link)),
        Standing::OnLink(link) => Place::Near(link),
        Standing::Elsewhere => Place::Far,
    })
}

/// Whether nobody has an address, neighbours included.
fn is_vacant(ve: &Ve<'_>, id: VeId, address: IpAddr) -> Result<bool, Source> {
    Ok(match place(ve, id, address)? {
        Place::Taken(_) => false,
        Place::Near(link) => veld_network::neighbours(&[(address, link)])?.is_empty(),
        Place::Far => true,
    })
}

fn refused(address: IpAddr, occupant: &Occupant) -> Source {
    Source::Refused(format!("{address} {occupant}"))
}
