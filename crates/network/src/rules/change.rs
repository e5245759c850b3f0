//! Getting a guest's rules into the table, and out of it.
//!
//! What is there is looked at first, entry by entry: so a change that was begun
//! by somebody who died is finished by the next, and a port that is another
//! guest's is found out, whoever that is. Then all of it is one transaction.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use veld_sys::Failure;

use super::guest::{GuestRules, Publish};
use super::wanted::{Wanted, check, inner_addresses};
use super::{FILLED, port, refused};
use crate::nft::batch::{ATTEMPTS, Batch, Element, Value, changed_meanwhile};
use crate::nft::question::Table;
use crate::{Error, HostNetwork, name};

/// /proc/sys/net shows the network namespace of whoever looks.
const CONF4: &str = "/proc/sys/net/ipv4/conf";
/// Guests of one transaction of [`rebuild`]: some 100 KiB.
const TOGETHER: usize = 64;

/// Puts a guest's rules into the table; for one that has none nothing is done.
/// All of them are there afterwards, or none.
///
/// # Errors
/// - [`Error::CannotPublish`], [`Error::PortInUse`], [`Error::PortTaken`]: a port
///   is not to be had;
/// - [`Error::NotLoaded`] where [`ensure_host`](crate::ensure_host) was not called
///   or its table is gone, [`Error::NoNftables`] where there can be none;
/// - [`Error::Failed`] as the kernel says.
///
/// # Kernel
/// nftables by netlink: sets and maps, Linux 3.13; concatenations, 4.1.
pub fn admit(network: &HostNetwork, guest: &GuestRules) -> Result<(), Error> {
    let none = GuestRules {
        number: guest.number,
        ..GuestRules::default()
    };
    change(network, &none, guest)
}

/// Puts `new` in the place of `old`, of the same guest, between two packets.
/// Connections that are there go on, whatever the new rules say of others.
///
/// Whatever of `old` is not there, or of `new` is, is fine.
///
/// # Errors
/// Those of [`admit`].
pub fn change(network: &HostNetwork, old: &GuestRules, new: &GuestRules) -> Result<(), Error> {
    if old.is_empty() && new.is_empty() {
        return Ok(());
    }
    check(new)?;
    let fresh = |publish: &&Publish| !old.publish.contains(publish);
    for publish in new.publish.iter().filter(fresh) {
        if port::is_in_use(publish) {
            return Err(Error::PortInUse {
                port: publish.to_string(),
            });
        }
    }
    replace(network, &[(old, new)])?;
    let routed = route_loopback(old, new);
    if routed.is_err() {
        // The first failure is the one to report; the next change finds the rest.
        let _ = replace(network, &[(new, old)]);
    }
    routed
}

/// Takes a guest's rules out of the table. Those that are not there, or are
/// another guest's by now, are left alone.
///
/// # Errors
/// [`Error::Failed`] as the kernel says; one without nftables has nothing to
/// take out.
pub fn withdraw(network: &HostNetwork, guest: &GuestRules) -> Result<(), Error> {
    if guest.is_empty() {
        return Ok(());
    }
    // Its links go with it, and with them what was set for them.
    match replace(network, &[(guest, &GuestRules::default())]) {
        Err(Error::NotLoaded { .. } | Error::NoNftables(_)) => Ok(()),
        result => result,
    }
}

/// Puts the rules of all guests into a table that was just loaded, some at a
/// time; those that are there already stay.
///
/// # Errors
/// Of each guest whose rules were refused, its number and why: those of
/// [`admit`], less [`Error::PortInUse`]. The others' are there.
pub fn rebuild(network: &HostNetwork, guests: &[GuestRules]) -> Vec<(u32, Error)> {
    let none = GuestRules::default();
    let guests: Vec<&GuestRules> = guests.iter().filter(|guest| !guest.is_empty()).collect();
    let mut refused = Vec::new();
    for some in guests.chunks(TOGETHER) {
        let pairs: Vec<_> = some.iter().map(|guest| (&none, *guest)).collect();
        let together = some.iter().try_for_each(|guest| check(guest));
        let together = together.and_then(|()| replace(network, &pairs));
        for guest in some {
            let alone = match &together {
                Ok(()) => Ok(()),
                Err(_) => check(guest).and_then(|()| replace(network, &[(&none, guest)])),
            };
            if let Err(error) = alone.and_then(|()| route_loopback(&none, guest)) {
                refused.push((guest.number, error));
            }
        }
    }
    let mut filled = Batch::new(&network.link_prefix);
    filled.set_chain(FILLED, &[]);
    // Where that cannot be said, the next start does all of this again.
    let _ = filled.commit();
    refused
}

/// The inner address that a port of the host leads to by now, of any guest.
///
/// # Errors
/// [`Error::NoNftables`], [`Error::Failed`] as the kernel says.
pub fn holder(network: &HostNetwork, publish: &Publish) -> Result<Option<IpAddr>, Error> {
    let table = &network.link_prefix;
    let anyone = GuestRules {
        addresses: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        publish: vec![*publish],
        ..GuestRules::default()
    };
    let wanted = Wanted::new(table, &anyone).elements;
    let mut talk = Table::open(table).map_err(|error| refused(table, error))?;
    for element in wanted {
        let held = talk
            .element(&element.set, &element.key)
            .map_err(|error| refused(table, error))?;
        if let Some(address) = held.as_deref().and_then(inner_address) {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

/// Puts new rules in the place of old ones, of some guests in one transaction.
fn replace(network: &HostNetwork, guests: &[(&GuestRules, &GuestRules)]) -> Result<(), Error> {
    let table = &network.link_prefix;
    name::check_prefix(table)?;
    for (old, new) in guests {
        for link in old.links.iter().chain(&new.links) {
            name::check_link(link)?;
        }
    }
    let mut talk = Table::open(table).map_err(|error| refused(table, error))?;
    let mut attempt = 1;
    loop {
        let mut batch = Batch::new(table);
        for (old, new) in guests {
            let (old, wanted) = (Wanted::new(table, old), Wanted::new(table, new));
            plan(&mut batch, &mut talk, &old, &wanted)
                .map_err(|obstacle| obstacle.into_error(table, new))?;
        }
        let error = match batch.commit() {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !changed_meanwhile(&error) || attempt == ATTEMPTS {
            return Err(failed(table, error));
        }
        attempt += 1;
    }
}

/// Why a transaction is not even tried.
enum Obstacle {
    Failed(io::Error),
    /// A published port of this entry leads elsewhere, to this.
    Taken(Element, Vec<u8>),
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Obstacle {
    fn into_error(self, table: &str, guest: &GuestRules) -> Error {
        let (element, found) = match self {
            Self::Failed(error) => return refused(table, error),
            Self::Taken(element, found) => (element, found),
        };
        let is_of = |publish: &&Publish| {
            let alone = GuestRules {
                addresses: guest.addresses.clone(),
                publish: vec![**publish],
                ..GuestRules::default()
            };
            Wanted::new(table, &alone).elements.contains(&element)
        };
        let port = guest.publish.iter().find(is_of);
        Error::PortTaken {
            port: port.map(ToString::to_string).unwrap_or_default(),
            holder: inner_address(&found).unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        }
    }
}

/// Adds to a batch what makes a table that holds `old`, or a part of it or of
/// `new`, hold `new`.
fn plan(
    batch: &mut Batch<'_>,
    table: &mut Table<'_>,
    old: &Wanted,
    new: &Wanted,
) -> Result<(), Obstacle> {
    let mut gone: Vec<&Element> = Vec::new();
    for element in &old.elements {
        if new.elements.contains(element) {
            continue;
        }
        let found = table.element(&element.set, &element.key)?;
        if found.is_some_and(|found| is_ours(element, &found)) {
            batch.remove(&element.set, &element.key);
            gone.push(element);
        }
    }
    if let Some(group) = &new.group
        && !table.has_chain(&group.chain)?
    {
        batch.ensure_set_of_links(&group.members);
        batch.set_chain(&group.chain, &group.rules);
    }
    for (chain, rules) in &new.chains {
        batch.set_chain(chain, rules);
    }
    for element in &new.elements {
        let is_gone = |gone: &&Element| gone.set == element.set && gone.key == element.key;
        let found = table.element(&element.set, &element.key)?;
        match found.filter(|_| !gone.iter().any(is_gone)) {
            None => batch.add(element),
            Some(found) => keep(batch, element, found)?,
        }
    }
    for chain in old.chains.keys() {
        if !new.chains.contains_key(chain) && table.has_chain(chain)? {
            batch.remove_chain(chain);
        }
    }
    Ok(())
}

/// Leaves an entry that is there, or has it lead where it should, unless it is
/// another guest's port.
fn keep(batch: &mut Batch<'_>, element: &Element, found: Vec<u8>) -> Result<(), Obstacle> {
    match &element.value {
        Value::None => Ok(()),
        // Which chain it leads to is not read, but it is this guest's to say.
        Value::Jump(_) => {
            batch.remove(&element.set, &element.key);
            batch.add(element);
            Ok(())
        }
        Value::Data(data) if *data == found => Ok(()),
        Value::Data(_) => Err(Obstacle::Taken(element.clone(), found)),
    }
}

/// Whether an entry that is there is this guest's: a port may be another's.
fn is_ours(element: &Element, found: &[u8]) -> bool {
    match &element.value {
        Value::None | Value::Jump(_) => true,
        Value::Data(data) => data.as_slice() == found,
    }
}

/// The address in what a published port leads to, before the port.
fn inner_address(data: &[u8]) -> Option<IpAddr> {
    let (address, _) = data.split_last_chunk::<4>()?;
    match *address {
        [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => {
            let octets: [u8; 16] = address.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
    }
}

fn failed(table: &str, error: io::Error) -> Error {
    if matches!(
        Table::open(table).and_then(|mut table| table.number()),
        Ok(None)
    ) {
        return Error::NotLoaded {
            table: table.to_owned(),
        };
    }
    Failure::new(format!("change rules of table inet {table}"), error).into()
}

/// Lets a guest answer what the host sends to a port of a loopback address of its
/// own, where one is published; and no longer, where none is.
///
/// The table is loaded by now, and drops what a guest itself sends to such an
/// address.
///
/// # Kernel
/// `route_localnet` of ip-sysctl.rst.
fn route_loopback(old: &GuestRules, new: &GuestRules) -> Result<(), Error> {
    let wanted = |guest: &GuestRules| -> Vec<String> {
        let answers = guest
            .publish
            .iter()
            .any(|publish| is_of_loopback(guest, publish));
        if answers {
            guest.links.clone()
        } else {
            Vec::new()
        }
    };
    let (before, after) = (wanted(old), wanted(new));
    let gone = before.iter().filter(|link| !after.contains(link));
    for (link, value) in gone
        .map(|link| (link, 0))
        .chain(after.iter().map(|link| (link, 1)))
    {
        let path = Path::new(CONF4).join(link).join("route_localnet");
        match veld_kernfs::write(&path, value) {
            // The guest has removed it, or it is only about to be made: then this is
            // called again.
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

/// Whether a port is one of 127.0.0.1, among others or alone.
fn is_of_loopback(guest: &GuestRules, publish: &Publish) -> bool {
    let of_loopback = match publish.address {
        None => true,
        Some(IpAddr::V4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(IpAddr::V6(_)) => false,
    };
    of_loopback && inner_addresses(guest, publish).any(|inner| inner.is_ipv4())
}
