//! What the first VE changes in the routing of a host for all VEs to come, put
//! back by those commands of xtask that must leave a host as it was.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;
use crate::veld::Area;

/// A host that routes for VEs forwards.
const SETTINGS: &[&str] = &[
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/conf/all/forwarding",
];

/// The host's own settings.
#[derive(Debug)]
pub(crate) struct Routing {
    values: Vec<(&'static str, String)>,
}

impl Routing {
    /// Reads them. A kernel without IPv6 has one less.
    ///
    /// # Errors
    /// Names the file that is there and cannot be read.
    pub(crate) fn remember() -> Result<Self> {
        let there = SETTINGS
            .iter()
            .filter(|path| fs::exists(path).unwrap_or(true));
        let values = there.map(|path| {
            let value = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
            Ok((*path, value.trim_end().to_owned()))
        });
        Ok(Self {
            values: values.collect::<Result<_>>()?,
        })
    }

    /// Puts them back and removes the area's nftables table.
    ///
    /// # Errors
    /// Names the value or the table.
    pub(crate) fn restore(&self, area: &Area) -> Result<()> {
        for (path, value) in &self.values {
            // Some settings of a link follow a write, even of the same value.
            let now = fs::read_to_string(path).unwrap_or_default();
            if now.trim_end() != value {
                fs::write(path, value)
                    .with_context(|| format!("cannot write {value} to {path}"))?;
            }
        }
        remove_table(area.links)
    }
}

fn remove_table(table: &str) -> Result<()> {
    let list = run::output(Command::new("nft").args(["list", "tables"]))?;
    let line = format!("table inet {table}");
    if list.lines().any(|other| other == line) {
        run::run(Command::new("nft").args(["delete", "table", "inet", table]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_this_host_are_remembered() {
        let settings = Routing::remember().unwrap();
        for (path, value) in &settings.values {
            assert!(value.parse::<u8>().is_ok(), "{path}: {value}");
        }
    }
}
