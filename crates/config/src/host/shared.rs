//! What VEs share: pools of addresses, and groups with a policy.

use std::net::IpAddr;
use std::path::Path;

use ipnetwork::IpNetwork;

use super::HostConfig;
use super::settings::pool;
use crate::document::Parameter;
use crate::network::{Policy, Rule, Verdict};
use crate::{Invalid, Problem};

/// Addresses for VEs, beside those that the default pools have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// All of its addresses.
    pub network: IpNetwork,
    /// Whether the world sees them as the host's.
    pub nat: bool,
}

/// VEs that have a policy in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// What all of them may and may not reach, and be reached by: looked at after the
    /// rules of each, before its defaults.
    pub policy: Policy,
    /// Whether they reach, and are reached by, no other VE.
    pub isolated: bool,
}

/// A pool while its section is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawPool {
    network: Option<IpNetwork>,
    nat: bool,
}

impl RawPool {
    pub(super) const fn new() -> Self {
        let (network, nat) = (None, true);
        Self { network, nat }
    }

    /// The pool, where all is there that it must have.
    pub(super) fn complete(self) -> Option<Pool> {
        let nat = self.nat;
        self.network.map(|network| Pool { network, nat })
    }
}

/// The keys of a section `[pool.NAME]`.
pub(super) const POOL: &[Parameter<RawPool>] = &[
    Parameter::required(
        "network",
        "a network of addresses, as 203.0.113.0/28",
        |raw, value| value.set_some(&mut raw.network, network),
    ),
    Parameter::optional("nat", |raw, value| value.set_switch(&mut raw.nat)),
];

/// The keys of a section `[group.NAME]`.
pub(super) const GROUP: &[Parameter<Group>] = &[
    Parameter::optional("allow", |raw, value| {
        value.set_list(&mut raw.policy.allow, str::parse::<Rule>)
    }),
    Parameter::optional("deny", |raw, value| {
        value.set_list(&mut raw.policy.deny, str::parse::<Rule>)
    }),
    Parameter::optional("default-in", |raw, value| {
        value.set(&mut raw.policy.default_in, str::parse::<Verdict>)
    }),
    Parameter::optional("default-out", |raw, value| {
        value.set(&mut raw.policy.default_out, str::parse::<Verdict>)
    }),
    Parameter::optional("isolated", |raw, value| value.set_switch(&mut raw.isolated)),
];

/// The network of a named pool: of any size that has an address for a VE.
fn network(text: &str) -> Result<IpNetwork, Invalid> {
    let allowed = "an IPv4 network with a prefix of 8 to 30 bits or an IPv6 one with 16 to 126";
    let network = text.parse::<IpNetwork>().ok();
    let fits = |network: &IpNetwork| match network.ip() {
        IpAddr::V4(_) => (8..=30).contains(&network.prefix()),
        IpAddr::V6(_) => (16..=126).contains(&network.prefix()),
    };
    let network = network
        .filter(|network| text.contains('/') && fits(network))
        .ok_or_else(|| Invalid::form(text, "a pool", allowed))?;
    pool(text, network)?;
    Ok(network)
}

/// Pools that have addresses in common.
pub(super) fn overlaps(config: &HostConfig, file: &Path) -> Vec<Problem> {
    let defaults = [
        ("network.pool4".to_owned(), config.network.pool4.into()),
        ("network.pool6".to_owned(), config.network.pool6.into()),
    ];
    let named = config.pools.iter();
    let named = named.map(|(name, pool)| (format!("pool.{name}.network"), pool.network));
    let all: Vec<(String, IpNetwork)> = defaults.into_iter().chain(named).collect();
    let mut problems = Vec::new();
    for (at, (key, network)) in all.iter().enumerate() {
        let earlier = all.iter().take(at);
        for (other, of_other) in earlier.filter(|(_, it)| overlap(*network, *it)) {
            problems.push(Problem {
                file: Some(file.to_owned()),
                line: None,
                key: Some(key.clone()),
                what: format!("{network} has addresses of {other}, {of_other}"),
            });
        }
    }
    problems
}

fn overlap(one: IpNetwork, other: IpNetwork) -> bool {
    one.contains(other.network()) || other.contains(one.network())
}
