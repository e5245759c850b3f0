//! The rules: one nftables table for all guests, and what differs from guest to
//! guest as entries of its sets and maps.
//!
//! The static part is the same for every link and names none, so it is loaded
//! once, by nft. An empty chain named by a digest of its text says which rules
//! are loaded: new pools or a new release have another name, and the whole table
//! is then replaced in one transaction, between two packets.
//!
//! ```text
//! published4, published4_at, …6   address of the host, port → inner address, port
//! hairpin                         links whose guest may reach itself by such a port
//! policy_out                      link that a packet comes by    → chain ve5_out
//! policy_in, policy_in4, …6       link or address that it goes to → chain ve5_in
//! isolated                        link of either end → chain isolated_GROUP, which
//!                                 looks both ends up in the set members_GROUP
//! ```
//!
//! Each is looked up by hash, so a packet passes as many rules with a thousand
//! guests as with one, and a guest that is neither published nor under any policy
//! has no entry at all.

mod change;
mod guest;
pub(crate) mod load;
mod port;
pub(crate) mod text;
mod wanted;

use std::io;

use veld_sys::Failure;

use crate::nft;
use crate::nft::question::Table;
use crate::{Error, HostNetwork};

pub use change::{admit, change, holder, rebuild, withdraw};
pub use guest::{Direction, GuestRules, Policy, PolicyRule, Publish, RuleProtocol, Transport};

/// Whether the rules were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// Just these were loaded already, entries and all.
    Kept,
    /// They have been loaded, and have no entries: whoever has guests that are
    /// published or under a policy calls [`rebuild`].
    Loaded,
}

/// Loads the rules for `network` unless just these are loaded.
pub(crate) fn ensure(network: &HostNetwork) -> Result<Rules, Error> {
    let table = &network.link_prefix;
    let rules = text::Text::new(network);
    if is_loaded(table, &rules.mark)? {
        return Ok(Rules::Kept);
    }
    match replace(table, &rules) {
        Ok(()) => Ok(Rules::Loaded),
        // Another start was faster; its entries are not to be lost.
        Err(Error::RulesRefused { .. }) if is_loaded(table, &rules.mark)? => Ok(Rules::Kept),
        Err(error) => Err(error),
    }
}

/// Loads the rules for `network`, whatever is there.
pub(crate) fn reload(network: &HostNetwork) -> Result<(), Error> {
    replace(&network.link_prefix, &text::Text::new(network))
}

/// Removes the table; none is fine.
pub(crate) fn remove(table: &str) -> Result<(), Error> {
    match Table::open(table).and_then(|mut table| table.number()) {
        // Added first, so that it may vanish meanwhile.
        Ok(Some(_)) => load::run(
            &format!("inet {table}"),
            &format!("add table inet {table}\ndelete table inet {table}\n"),
        ),
        Ok(None) => Ok(()),
        Err(error) if nft::is_missing(&error) => Ok(()),
        Err(error) => Err(refused(table, error)),
    }
}

fn is_loaded(table: &str, mark: &str) -> Result<bool, Error> {
    Table::open(table)
        .and_then(|mut table| table.has_chain(mark))
        .map_err(|error| refused(table, error))
}

/// Puts the rules in the place of those that are there now, and of no others:
/// what somebody else loads meanwhile is not replaced.
fn replace(table: &str, rules: &text::Text) -> Result<(), Error> {
    let number = Table::open(table)
        .and_then(|mut table| table.number())
        .map_err(|error| refused(table, error))?;
    let first = match number {
        Some(number) => format!("delete table inet handle {number}"),
        None => format!("create table inet {table}"),
    };
    load::run(
        &format!("inet {table}"),
        &format!(
            "{first}\ntable inet {table} {{\n\tchain {} {{ }}\n{}}}\n",
            rules.mark, rules.body
        ),
    )
}

fn refused(table: &str, error: io::Error) -> Error {
    unanswered("inet", table, error)
}

/// Of a question about a table of a family.
pub(crate) fn unanswered(family: &str, table: &str, error: io::Error) -> Error {
    let missing = nft::is_missing(&error);
    let failure = Failure::new(format!("look up table {family} {table}"), error);
    if missing {
        Error::NoNftables(failure)
    } else {
        Error::Failed(failure)
    }
}

#[cfg(test)]
mod tests;
