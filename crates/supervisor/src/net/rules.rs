//! What of a VE's network is in the host's rules: ports that are published, what may
//! come in and go out, and the group that it is isolated in.
//!
//! Policies hold for routed interfaces. All that comes and goes by such a link is
//! looked at by the host; what a bridge carries from one of its ports to another, or
//! a device of the host's that a VE has for itself, is not.

use veld_config::{
    Direction, Group, HostConfig, Matched, Mode, Policy, Protocol, Publish, Rule, VeConfig, Verdict,
};
use veld_network::{GuestRules, PolicyRule, RuleProtocol, Transport};
use veld_state::Observed;

use super::plan::host_network;
use super::{InterfacePlan, NetPlan, guards, links, rates};
use crate::error::{Error, Source, chain};
use crate::host::Host;
use crate::outcome::Done;
use crate::set::in_force;
use crate::undo::Undo;
use crate::ve::Ve;

/// What the rules hold for a VE, and what keeps them from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesPlan {
    /// What they hold.
    pub(super) guest: GuestRules,
    /// Why what is set cannot be held, where that is so.
    obstacle: Option<String>,
}

impl RulesPlan {
    /// The rules for a VE with these interfaces.
    pub(super) fn new(config: &VeConfig, host: &HostConfig, interfaces: &[InterfacePlan]) -> Self {
        let network = &config.network;
        let routed = || interfaces.iter().filter(|it| it.set.mode == Mode::Routed);
        let name = network.group.as_ref();
        let group = name.and_then(|name| host.groups.get(name));
        let isolated = name.filter(|_| group.is_some_and(|group| group.isolated));
        let guest = GuestRules {
            number: interfaces.first().map_or(0, |it| it.id.get()),
            links: routed().map(|it| it.host_name.clone()).collect(),
            addresses: routed()
                .flat_map(|it| it.set.addresses())
                .map(|network| network.ip())
                .collect(),
            publish: network.publish.iter().map(publish).collect(),
            policy: policy(&network.policy, group),
            isolated: isolated.map(ToString::to_string),
        };
        let holds = !guest.policy.is_empty() || guest.isolated.is_some();
        let other = interfaces.iter().find(|it| it.set.mode != Mode::Routed);
        let obstacle = match (name, other) {
            (Some(name), _) if group.is_none() => {
                Some(format!("there is no [group.{name}] in veld.toml"))
            }
            (_, Some(other)) if holds => Some(format!(
                "policies and isolated groups are for routed interfaces, and {} is {}",
                other.guest_name(),
                other.set.mode
            )),
            _ => None,
        };
        Self { guest, obstacle }
    }

    /// Refuses what cannot be held: a VE is not to be open where somebody believes
    /// that it is closed.
    pub(super) fn check(&self) -> Result<(), Source> {
        match &self.obstacle {
            Some(obstacle) => Err(Source::Refused(obstacle.clone())),
            None => Ok(()),
        }
    }

    /// As [`guest`](Self::guest), with all that may be there by another veld.toml: a
    /// group of today may have been another yesterday.
    fn at_most(&self, config: &veld_config::Network) -> GuestRules {
        let mut most = self.guest.clone();
        if let Some(group) = &config.group {
            most.isolated = Some(group.to_string());
            (most.policy.denies_in, most.policy.denies_out) = (true, true);
        }
        most
    }
}

fn publish(publish: &Publish) -> veld_network::Publish {
    veld_network::Publish {
        address: publish.address,
        port: publish.port,
        inner: publish.inner,
        transport: transport(publish.protocol),
    }
}

fn transport(protocol: Protocol) -> Transport {
    match protocol {
        Protocol::Tcp => Transport::Tcp,
        Protocol::Udp => Transport::Udp,
    }
}

/// The VE's own policy, and its group's behind it.
fn policy(own: &Policy, group: Option<&Group>) -> veld_network::Policy {
    let all = || [Some(own), group.map(|group| &group.policy)];
    let all = || all().into_iter().flatten();
    veld_network::Policy {
        deny: all().flat_map(|it| &it.deny).map(rule).collect(),
        allow: all().flat_map(|it| &it.allow).map(rule).collect(),
        denies_in: all().any(|it| it.default_in == Verdict::Deny),
        denies_out: all().any(|it| it.default_out == Verdict::Deny),
    }
}

fn rule(rule: &Rule) -> PolicyRule {
    let (protocol, ports) = match rule.matched {
        Matched::Any => (None, None),
        Matched::Icmp => (Some(RuleProtocol::Icmp), None),
        Matched::Ports(protocol, ports) => {
            let ports = ports.map(|(first, last)| first..=last);
            (Some(RuleProtocol::Transport(transport(protocol))), ports)
        }
    };
    PolicyRule {
        direction: match rule.direction {
            Direction::In => veld_network::Direction::In,
            Direction::Out => veld_network::Direction::Out,
        },
        protocol,
        ports,
        peer: rule.peer,
    }
}

/// Puts in the rules of a VE that has its links and does not run yet.
pub(super) fn admit<'a>(host: &Host, plan: &'a NetPlan, undo: &mut Undo<'a>) -> Result<(), Source> {
    veld_network::admit(&plan.host, &plan.rules.guest).map_err(|error| named(host, error))?;
    undo.push(|| Ok(veld_network::withdraw(&plan.host, &plan.rules.guest)?));
    Ok(())
}

/// Puts in those of `new` instead of those of `old`, with `between` done in their
/// midst: it alters links. While it does, those that are there and those that are to
/// be are under the rules.
pub(super) fn change(
    host: &Host,
    old: &NetPlan,
    new: &NetPlan,
    between: impl FnOnce() -> Result<(), Source>,
) -> Result<(), Source> {
    let before = old.rules.at_most(&old.network);
    let after = &new.rules.guest;
    if old.interfaces == new.interfaces {
        return replace(host, new, &before, after).and_then(|()| between());
    }
    let mut both = after.clone();
    let gone = before.links.iter().filter(|it| !after.links.contains(it));
    both.links.extend(gone.cloned());
    let gone = before.addresses.iter();
    let gone = gone.filter(|it| !after.addresses.contains(it));
    both.addresses.extend(gone);
    replace(host, new, &before, &both)?;
    between()?;
    replace(host, new, &both, after)
}

fn replace(host: &Host, plan: &NetPlan, old: &GuestRules, new: &GuestRules) -> Result<(), Source> {
    veld_network::change(&plan.host, old, new).map_err(|error| named(host, error))
}

/// Takes out what a run may have left, by what its VE was told last and by what its
/// config says: a run that was killed in a `set` has either.
pub(super) fn withdraw(plans: &[NetPlan]) -> Result<(), Source> {
    for plan in plans {
        veld_network::withdraw(&plan.host, &plan.rules.at_most(&plan.network))?;
    }
    Ok(())
}

/// What a VE was told last, and what its config says, where they can be read.
pub(super) fn plans(ve: &Ve<'_>) -> Vec<NetPlan> {
    let Ok(id) = ve.id() else {
        return Vec::new();
    };
    let configs = [in_force(ve).ok(), ve.config().ok()];
    let configs = configs.into_iter().flatten();
    configs
        .map(|config| NetPlan::new(&config, ve.host.config(), id))
        .collect()
}

/// What the rules hold for a VE that runs, by what it was told last.
fn of_running(ve: &Ve<'_>) -> Option<GuestRules> {
    let Observed::Running(_) = ve.observe() else {
        return None;
    };
    let (config, id) = (in_force(ve).ok()?, ve.id().ok()?);
    let plan = NetPlan::new(&config, ve.host.config(), id);
    Some(plan.rules.guest).filter(|rules| !rules.is_empty())
}

/// Puts the rules of all VEs that run into a table that was loaded anew; of how many
/// VEs, and what could not be put back.
pub(super) fn rebuild(host: &Host) -> Result<(usize, Vec<String>), Source> {
    let ves = host
        .ves()
        .map_err(|error| Source::Reported(chain(&error)))?;
    let running = ves.iter().filter_map(|ve| Some((ve, of_running(ve)?)));
    let (ves, rules): (Vec<&Ve<'_>>, Vec<GuestRules>) = running.unzip();
    let network = host_network(host.config());
    let refused = veld_network::rebuild(&network, &rules).into_iter();
    let warnings = refused.map(|(number, error)| {
        let of = rules.iter().position(|rules| rules.number == number);
        let ve = of.and_then(|of| ves.get(of));
        let name = ve.map_or_else(|| number.to_string(), |ve| ve.name.to_string());
        format!("{name}: {}", chain(&named(host, error)))
    });
    Ok((rules.len(), warnings.collect()))
}

/// Makes the rules be those of all VEs that run, whatever they are, and nobody
/// else's: loads them anew, puts all back, and then looks at each VE once more that
/// somebody was at work on meanwhile. Links that shaped others that are gone go too.
///
/// # Errors
/// The rules cannot be loaded.
pub fn repair(host: &Host) -> Result<Done, Error> {
    let failed = |source: Source| Error::action("rules", "load", source);
    let network = host_network(host.config());
    veld_network::reload_host(&network).map_err(|error| failed(error.into()))?;
    let (count, mut warnings) = rebuild(host).map_err(failed)?;
    guards::rebuild(host).map_err(failed)?;
    for ve in host.ves()? {
        if ve.run.path().exists()
            && let Err(error) = settle(&ve)
        {
            warnings.extend(error.lines());
        }
    }
    let swept = match links::sweep_nobodys(host).map_err(failed)? {
        0 => String::new(),
        swept => format!("; links removed of VEs that are not there: {swept}"),
    };
    if let Err(error) = rates::sweep(host) {
        warnings.push(chain(&error));
    }
    let ves = if count == 1 { "VE" } else { "VEs" };
    Ok(Done::new(format!(
        "rules put back, with ports and policies of {count} {ves}{swept}"
    ))
    .with_warnings(warnings))
}

/// Makes the rules of a VE be what they should once nobody is at work on it.
fn settle(ve: &Ve<'_>) -> Result<(), Error> {
    let _lock = ve.lock("net repair")?;
    let network = host_network(ve.host.config());
    let guarded = guards::put_back(ve);
    guarded.map_err(|source| Error::action(&ve.name, "put back rules", source))?;
    let settled = match (ve.observe(), of_running(ve)) {
        (Observed::Running(_), None) => Ok(()),
        (Observed::Running(_), Some(rules)) => {
            let refused = veld_network::rebuild(&network, &[rules]);
            refused
                .into_iter()
                .next()
                .map_or(Ok(()), |(_, error)| Err(named(ve.host, error)))
        }
        (Observed::Stopped(_), _) => links::sweep(ve).and_then(|()| withdraw(&plans(ve))),
    };
    settled.map_err(|source| Error::action(&ve.name, "put back rules", source))
}

/// Says which VE has a port, where one has.
fn named(host: &Host, error: veld_network::Error) -> Source {
    let veld_network::Error::PortTaken { port, holder } = &error else {
        return error.into();
    };
    let ves = host.ves().unwrap_or_default();
    let has = |ve: &&Ve<'_>| {
        in_force(ve).is_ok_and(|config| {
            let mut interfaces = config.network.interfaces();
            interfaces.any(|(_, it)| it.addresses().any(|address| address.ip() == *holder))
        })
    };
    match ves.iter().find(has) {
        Some(ve) => Source::Refused(format!("{port} is already published by {}", ve.name)),
        None => Source::Refused(format!(
            "{error}, which no VE has; \"veld net repair\" takes it away"
        )),
    }
}
