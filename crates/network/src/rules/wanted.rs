//! What a guest's rules are as objects of the table.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

use super::guest::{Direction, GuestRules, Policy, PolicyRule, Publish, RuleProtocol};
use crate::Error;
use crate::nft::batch::{Element, Value, link_key};
use crate::nft::expression::{End, Expressions, Load, Outcome, octets};

/// Entries, and chains of the guest's own with their rules.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) elements: Vec<Element>,
    pub(super) chains: BTreeMap<String, Vec<Expressions>>,
    pub(super) group: Option<Group>,
}

/// What a group has once: a set of links, and a chain that looks them up.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) members: String,
    pub(super) chain: String,
    pub(super) rules: Vec<Expressions>,
}

impl Wanted {
    /// What the table is to hold for a guest. A port that cannot be published is
    /// left out; [`check`] says which.
    pub(super) fn new(link_prefix: &str, guest: &GuestRules) -> Self {
        let mut wanted = Self::default();
        for publish in &guest.publish {
            wanted.publish(guest, publish);
        }
        if !guest.publish.is_empty() {
            wanted.hairpin(&guest.links);
        }
        for direction in [Direction::In, Direction::Out] {
            if guest.policy.concerns(direction) {
                wanted.direct(guest, direction);
            }
        }
        if let Some(group) = &guest.isolated {
            wanted.isolate(link_prefix, group, &guest.links);
        }
        wanted
    }

    fn publish(&mut self, guest: &GuestRules, publish: &Publish) {
        for inner in inner_addresses(guest, publish) {
            let service = [publish.transport.number(), 0, 0, 0]
                .into_iter()
                .chain(port(publish.port));
            let (set, key) = match publish.address.filter(|address| !address.is_unspecified()) {
                None => ("published", service.collect()),
                Some(address) => (
                    "published_at",
                    octets(address).into_iter().chain(service).collect(),
                ),
            };
            let family = if inner.is_ipv4() { "4" } else { "6" };
            let data = octets(inner).into_iter().chain(port(publish.inner));
            self.elements.push(Element {
                set: set.replacen("published", &format!("published{family}"), 1),
                key,
                value: Value::Data(data.collect()),
            });
        }
    }

    fn hairpin(&mut self, links: &[String]) {
        for from in links {
            for to in links {
                self.elements.push(Element {
                    set: "hairpin".to_owned(),
                    key: [link_key(from), link_key(to)].concat(),
                    value: Value::None,
                });
            }
        }
    }

    fn direct(&mut self, guest: &GuestRules, direction: Direction) {
        let (map, chain) = match direction {
            Direction::In => ("policy_in", format!("ve{}_in", guest.number)),
            Direction::Out => ("policy_out", format!("ve{}_out", guest.number)),
        };
        let entry = |set: &str, key: Vec<u8>| Element {
            set: set.to_owned(),
            key,
            value: Value::Jump(chain.clone()),
        };
        let by_link = guest.links.iter().map(|link| entry(map, link_key(link)));
        self.elements.extend(by_link);
        if direction == Direction::In {
            let by_address = guest.addresses.iter().map(|address| {
                let family = if address.is_ipv4() { "4" } else { "6" };
                entry(&format!("{map}{family}"), octets(*address))
            });
            self.elements.extend(by_address);
        }
        self.chains.insert(chain, rules(&guest.policy, direction));
    }

    fn isolate(&mut self, link_prefix: &str, group: &str, links: &[String]) {
        let members = format!("members_{group}");
        let chain = format!("isolated_{group}");
        for link in links {
            self.elements.push(Element {
                set: members.clone(),
                key: link_key(link),
                value: Value::None,
            });
            self.elements.push(Element {
                set: "isolated".to_owned(),
                key: link_key(link),
                value: Value::Jump(chain.clone()),
            });
        }
        let among = Expressions::new()
            .among(Load::InName, &members)
            .among(Load::OutName, &members)
            .then(&Outcome::Return);
        let guests = Expressions::new()
            .begins(Load::InName, link_prefix.as_bytes())
            .begins(Load::OutName, link_prefix.as_bytes())
            .then(&refused());
        self.group = Some(Group {
            members,
            chain,
            rules: vec![among, guests],
        });
    }
}

/// Refuses a port that cannot be published for this guest.
pub(super) fn check(guest: &GuestRules) -> Result<(), Error> {
    for publish in &guest.publish {
        let reason = match publish.address {
            Some(IpAddr::V6(Ipv6Addr::LOCALHOST)) => "the kernel forwards nothing from or to ::1",
            Some(IpAddr::V6(address)) if address.is_unicast_link_local() => {
                "the kernel forwards nothing from or to a link-local address"
            }
            Some(address) if address.is_multicast() => "the address is not one host's",
            Some(IpAddr::V4(Ipv4Addr::BROADCAST)) => "the address is not one host's",
            _ if publish.port == 0 || publish.inner == 0 => "there is no port 0",
            _ if inner_addresses(guest, publish).next().is_none() => match publish.address {
                None => "there is no address inside that it could lead to",
                Some(IpAddr::V4(_)) => "there is no IPv4 address inside that it could lead to",
                Some(IpAddr::V6(_)) => "there is no IPv6 address inside that it could lead to",
            },
            _ => continue,
        };
        return Err(Error::CannotPublish {
            port: publish.to_string(),
            reason,
        });
    }
    Ok(())
}

/// Where a port leads to: the guest's first address of each family that it is
/// published for.
pub(super) fn inner_addresses(
    guest: &GuestRules,
    publish: &Publish,
) -> impl Iterator<Item = IpAddr> + use<> {
    let first = |ipv4: bool| {
        let published = publish.address.is_none_or(|own| own.is_ipv4() == ipv4);
        let mut inner = guest.addresses.iter().copied();
        inner.find(|inner| published && inner.is_ipv4() == ipv4)
    };
    [first(true), first(false)].into_iter().flatten()
}

/// On where packets are refused, which the static rules say how.
fn refused() -> Outcome {
    Outcome::Goto("refused".to_owned())
}

fn port(port: u16) -> [u8; 4] {
    let [high, low] = port.to_be_bytes();
    [high, low, 0, 0]
}

/// A direction's chain: what is denied, what is allowed, the rest.
fn rules(policy: &Policy, direction: Direction) -> Vec<Expressions> {
    let of = |list: &[PolicyRule], outcome: Outcome| -> Vec<Expressions> {
        list.iter()
            .filter(|rule| rule.direction == direction)
            .flat_map(|rule| expressions(rule, &outcome))
            .collect()
    };
    let mut rules = of(&policy.deny, refused());
    let denies = match direction {
        Direction::In => policy.denies_in,
        Direction::Out => policy.denies_out,
    };
    // Where the rest passes, nothing has to be allowed.
    if denies {
        rules.extend(of(&policy.allow, Outcome::Return));
        rules.push(Expressions::new().then(&refused()));
    }
    rules
}

/// One rule, or one for each of the two protocols that are called ICMP.
fn expressions(rule: &PolicyRule, outcome: &Outcome) -> Vec<Expressions> {
    let numbers: &[Option<u8>] = match (rule.protocol, rule.peer) {
        (None, _) => &[None],
        (Some(RuleProtocol::Transport(transport)), _) => &[Some(transport.number())],
        (Some(RuleProtocol::Icmp), Some(IpNetwork::V4(_))) => &[Some(1)],
        (Some(RuleProtocol::Icmp), Some(IpNetwork::V6(_))) => &[Some(58)],
        (Some(RuleProtocol::Icmp), None) => &[Some(1), Some(58)],
    };
    let end = match rule.direction {
        Direction::In => End::Source,
        Direction::Out => End::Destination,
    };
    let made = numbers.iter().map(|number| {
        let mut made = Expressions::new();
        if let Some(number) = number {
            made = made.begins(Load::Transport, &[*number]);
        }
        if let (Some(RuleProtocol::Transport(_)), Some(ports)) = (rule.protocol, &rule.ports) {
            made = made.port(*ports.start(), *ports.end());
        }
        if let Some(peer) = rule.peer {
            made = made.address(end, peer);
        }
        made.then(outcome)
    });
    made.collect()
}
