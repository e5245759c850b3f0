//! What keeps guests on bridges honest: one nftables table `bridge PREFIX` for all.
//!
//! ```text
//! macs        link . MAC address    what a frame, and the sender of ARP, may have
//! addresses4  link . IPv4 address   likewise
//! addresses6  link . IPv6 address   likewise, and what a guest may advertise
//! unbound     link                  whose guest was given no address
//! bound4      IPv4 address          that some guest was given, so that no such one has it
//! bound6      IPv6 address          likewise
//! ```
//!
//! Links are named by their end on the host, so a guest's entries are there before its
//! link is. Each is looked up by hash: a frame passes as many rules with a thousand
//! guests as with one. A port of ours that has no entries sends nothing at all.

mod text;

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

use veld_sys::Failure;

use crate::interface::{Interface, Kind};
use crate::nft::BRIDGE;
use crate::nft::batch::{ATTEMPTS, Batch, Element, Value, changed_meanwhile, link_key};
use crate::nft::question::Table;
use crate::rules::{Rules, load, text::mark, unanswered};
use crate::{Error, name};

/// What a key is padded to.
const WORD: usize = 4;

/// Lets a guest send by a link, which need not be there yet, what is its own and
/// nothing else. Nothing is done for other kinds of interfaces.
///
/// # Errors
/// - [`Error::NoNftables`]: neither the kernel nor a program keeps it honest;
/// - [`Error::RulesRefused`]: nft said no;
/// - [`Error::BadName`]; [`Error::Failed`] as the kernel says.
///
/// # Kernel
/// nftables in a `bridge` table; concatenations with link names, Linux 4.1.
pub fn guard(link_prefix: &str, interface: &Interface) -> Result<Rules, Error> {
    guard_again(link_prefix, None, interface)
}

/// As [`guard`], for a link that may have other entries: those of `old`. From one frame
/// to the next it may send what is of `new` and no more what was of `old` alone.
///
/// # Errors
/// Those of [`guard`].
///
/// # Kernel
/// See [`guard`].
pub fn guard_again(
    link_prefix: &str,
    old: Option<&Interface>,
    new: &Interface,
) -> Result<Rules, Error> {
    name::check_prefix(link_prefix)?;
    let [before, after] = [old, Some(new)].map(|of| of.map(entries).unwrap_or_default());
    if before.is_empty() && after.is_empty() {
        return Ok(Rules::Kept);
    }
    let rules = ensure(link_prefix)?;
    put(link_prefix, &after, &before).map_err(|error| altered(link_prefix, error))?;
    Ok(rules)
}

/// Takes the entries of a link away; none are fine, and so is no table.
///
/// # Errors
/// [`Error::Failed`] as the kernel says.
///
/// # Kernel
/// See [`guard`].
pub fn unguard(link_prefix: &str, interface: &Interface) -> Result<(), Error> {
    let gone = entries(interface);
    if gone.is_empty() {
        return Ok(());
    }
    match put(link_prefix, &[], &gone) {
        Err(error) if crate::nft::is_missing(&error) => Ok(()),
        done => done.map_err(|error| altered(link_prefix, error)),
    }
}

/// Loads the table anew with the entries of these interfaces and no others, whatever is
/// there; none of them on a bridge, and it is removed.
///
/// # Errors
/// Those of [`guard`].
///
/// # Kernel
/// See [`guard`].
pub fn guards_again<'a>(
    link_prefix: &str,
    interfaces: impl Iterator<Item = &'a Interface>,
) -> Result<(), Error> {
    name::check_prefix(link_prefix)?;
    let all: Vec<Element> = interfaces.flat_map(entries).collect();
    let is_there = number(link_prefix)?.is_some();
    if all.is_empty() && !is_there {
        return Ok(());
    }
    if all.is_empty() {
        return load::run(
            &format!("bridge {link_prefix}"),
            &format!("add table bridge {link_prefix}\ndelete table bridge {link_prefix}\n"),
        );
    }
    replace(link_prefix)?;
    put(link_prefix, &all, &[]).map_err(|error| altered(link_prefix, error))
}

/// Loads the table unless it is loaded.
fn ensure(link_prefix: &str) -> Result<Rules, Error> {
    if is_loaded(link_prefix)? {
        return Ok(Rules::Kept);
    }
    match replace(link_prefix) {
        Ok(()) => Ok(Rules::Loaded),
        // Another start was faster; its entries are not to be lost.
        Err(Error::RulesRefused { .. }) if is_loaded(link_prefix)? => Ok(Rules::Kept),
        Err(error) => Err(error),
    }
}

fn is_loaded(table: &str) -> Result<bool, Error> {
    let mark = mark(&text::body(table));
    Table::open_of(BRIDGE, table)
        .and_then(|mut table| table.has_chain(&mark))
        .map_err(|error| unanswered("bridge", table, error))
}

fn number(table: &str) -> Result<Option<u64>, Error> {
    Table::open_of(BRIDGE, table)
        .and_then(|mut table| table.number())
        .map_err(|error| unanswered("bridge", table, error))
}

/// Puts the table in the place of the one that is there now, and of no other.
fn replace(table: &str) -> Result<(), Error> {
    let first = match number(table)? {
        Some(number) => format!("delete table bridge handle {number}"),
        None => format!("create table bridge {table}"),
    };
    let body = text::body(table);
    let mark = mark(&body);
    let script = format!("{first}\ntable bridge {table} {{\n\tchain {mark} {{ }}\n{body}}}\n");
    load::run(&format!("bridge {table}"), &script)
}

/// Adds entries that are not there, and removes those that are and are not `wanted`.
/// Where somebody else did some of it since that was looked at, the rest is still to do.
fn put(table: &str, wanted: &[Element], gone: &[Element]) -> io::Result<()> {
    let mut attempt = 1;
    loop {
        match try_to_put(table, wanted, gone) {
            Err(error) if attempt < ATTEMPTS && changed_meanwhile(&error) => attempt += 1,
            done => return done,
        }
    }
}

fn try_to_put(table: &str, wanted: &[Element], gone: &[Element]) -> io::Result<()> {
    let mut talk = Table::open_of(BRIDGE, table)?;
    let mut batch = Batch::of(BRIDGE, table);
    let mut seen = BTreeSet::new();
    for entry in wanted {
        let is_first = seen.insert((&entry.set, &entry.key));
        if is_first && talk.element(&entry.set, &entry.key)?.is_none() {
            batch.add(entry);
        }
    }
    for entry in gone {
        let is_first = seen.insert((&entry.set, &entry.key));
        if is_first && talk.element(&entry.set, &entry.key)?.is_some() {
            batch.remove(&entry.set, &entry.key);
        }
    }
    batch.commit()
}

fn altered(table: &str, error: io::Error) -> Error {
    Failure::new(format!("change table bridge {table}"), error).into()
}

/// What the sets hold for an interface.
fn entries(interface: &Interface) -> Vec<Element> {
    if !matches!(interface.kind, Kind::Bridge { .. }) {
        return Vec::new();
    }
    let entry = |set: &str, parts: &[&[u8]]| {
        let mut key = link_key(&interface.host_name);
        for part in parts {
            key.extend(*part);
            key.resize(key.len().next_multiple_of(WORD), 0);
        }
        Element {
            set: set.to_owned(),
            key,
            value: Value::None,
        }
    };
    let mut entries = vec![entry("macs", &[&interface.mac])];
    if interface.addresses.is_empty() {
        entries.push(entry("unbound", &[]));
    }
    for address in interface.reachable() {
        let (family, octets) = match address {
            IpAddr::V4(address) => ("4", address.octets().to_vec()),
            IpAddr::V6(address) => ("6", address.octets().to_vec()),
        };
        entries.push(entry(&format!("addresses{family}"), &[&octets]));
        entries.push(Element {
            set: format!("bound{family}"),
            key: octets,
            value: Value::None,
        });
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(kind: Kind, addresses: &[&str]) -> Interface {
        Interface {
            host_name: "veld5.1".into(),
            guest_name: "eth1".into(),
            kind,
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            gateways: Vec::new(),
            mac: crate::mac_for(5, 1),
            mtu: None,
            metric: 1,
        }
    }

    fn port() -> Kind {
        Kind::Bridge {
            bridge: "br0".into(),
            vlan: None,
        }
    }

    #[test]
    fn a_port_has_its_addresses_or_is_unbound() {
        let sets = |addresses: &[&str]| {
            let entries = entries(&interface(port(), addresses));
            let sets: Vec<String> = entries.into_iter().map(|entry| entry.set).collect();
            sets.join(" ")
        };
        assert_eq!(sets(&[]), "macs unbound");
        assert_eq!(sets(&["10.0.0.1/24"]), "macs addresses4 bound4");
        let both = "macs addresses4 bound4 addresses6 bound6 addresses6 bound6";
        assert_eq!(sets(&["10.0.0.1/24", "fd77::1/64"]), both);
        assert_eq!(entries(&interface(Kind::Routed, &["10.0.0.1"])), []);
    }

    #[test]
    fn keys_are_padded_field_by_field() {
        let entries = entries(&interface(port(), &["10.0.0.1/24"]));
        let mut key = b"veld5.1\0\0\0\0\0\0\0\0\0".to_vec();
        assert_eq!(entries[1].key, [&key[..], &[10, 0, 0, 1]].concat());
        key.extend(crate::mac_for(5, 1));
        key.extend([0, 0]);
        assert_eq!(entries[0].key, key);
    }

    #[test]
    fn the_text_names_no_guest() {
        let text = text::body("veld");
        assert_eq!(text.matches("\"veld*\"").count(), 2);
        assert!(!text.contains("veld5"));
    }
}
