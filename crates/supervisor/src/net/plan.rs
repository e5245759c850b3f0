//! What the network of a VE is to be: a value, of its config and its number alone.

use std::fmt;
use std::net::IpAddr;

use veld_config::{HostConfig, Interface, Mode, Network, Slot, VeConfig, VeId};
use veld_network::{HostNetwork, mac_for, own_bridge};

use super::rules::RulesPlan;
use crate::error::Source;

/// What the network of a VE is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetPlan {
    /// The host's side, which all VEs share.
    pub host: HostNetwork,
    /// The VE's number.
    pub id: VeId,
    /// Its interfaces, `eth0` first.
    pub interfaces: Vec<InterfacePlan>,
    /// What else is set.
    pub network: Network,
    /// What the host's rules hold for it.
    pub rules: RulesPlan,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfacePlan {
    /// The VE's number.
    pub id: VeId,
    /// Which of its interfaces it is.
    pub slot: Slot,
    /// The name of its end on the host, where it has one.
    pub host_name: String,
    /// What is set for it.
    pub set: Interface,
}

impl NetPlan {
    /// The plan for a VE of this config on this host.
    pub(crate) fn new(config: &VeConfig, host: &HostConfig, id: VeId) -> Self {
        let network = &config.network;
        let interfaces = network.interfaces().map(|(slot, set)| InterfacePlan {
            id,
            slot,
            host_name: host_name(&host.network.link_prefix, id, slot),
            set: set.clone(),
        });
        let interfaces: Vec<InterfacePlan> = interfaces.collect();
        Self {
            host: host_network(host),
            id,
            rules: RulesPlan::new(config, host, &interfaces),
            interfaces,
            network: network.clone(),
        }
    }

    /// All addresses.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let interfaces = self.interfaces.iter();
        let all = interfaces.flat_map(|interface| interface.set.addresses());
        all.map(|network| network.ip()).collect()
    }

    /// Whether more than its addresses holds the VE back: rules of its own, or rates.
    pub(crate) fn is_held_back(&self) -> bool {
        let has_rate = |it: &InterfacePlan| it.set.rate_in.is_some() || it.set.rate_out.is_some();
        !self.rules.guest.is_empty()
            || self.network.traffic.limit.is_some()
            || self.interfaces.iter().any(has_rate)
    }

    /// The same without what changes no link: how fast it is.
    pub(crate) fn without_rates(&self) -> Self {
        let mut plan = self.clone();
        for interface in &mut plan.interfaces {
            interface.set.rate_in = None;
            interface.set.rate_out = None;
        }
        plan
    }

    /// Refuses what no host could do, whatever it is about to do.
    pub(crate) fn check(&self) -> Result<(), Source> {
        self.rules.check()
    }

    /// What of the host's an interface is connected to; nothing for a routed one.
    #[must_use]
    pub fn link_of(&self, interface: &InterfacePlan) -> Option<String> {
        let set = interface.set.link.as_ref().map(ToString::to_string);
        let own = || own_bridge(&self.host.link_prefix);
        set.or_else(|| (interface.set.mode == Mode::Bridge).then(own))
    }

    /// The interface of this slot.
    pub(crate) fn interface(&self, slot: Slot) -> Option<&InterfacePlan> {
        self.interfaces.iter().find(|it| it.slot == slot)
    }
}

impl InterfacePlan {
    /// What it is called inside.
    #[must_use]
    pub fn guest_name(&self) -> String {
        self.set.name_inside(self.slot)
    }

    /// Its end on the host, if it has one there as long as the VE runs.
    #[must_use]
    pub fn end_on_host(&self) -> Option<&str> {
        match self.set.mode {
            Mode::Routed | Mode::Bridge => Some(&self.host_name),
            Mode::Macvlan | Mode::Ipvlan | Mode::Physical | Mode::None => None,
        }
    }

    /// The MAC address inside; nothing where that is the one of a link of the host's.
    #[must_use]
    pub fn mac(&self) -> Option<String> {
        let set = self.set.mac.map(|mac| mac.to_string());
        let is_a_links = matches!(self.set.mode, Mode::Ipvlan | Mode::Physical);
        let of_number = || mac_for(self.id.get(), self.slot.get());
        let text = || of_number().map(|byte| format!("{byte:02x}")).join(":");
        set.or_else(|| (!is_a_links).then(text))
    }
}

/// The name on the host of an interface's end: `veld101`, `veld101.1`.
pub(crate) fn host_name(prefix: &str, id: VeId, slot: Slot) -> String {
    if slot == Slot::FIRST {
        format!("{prefix}{id}")
    } else {
        format!("{prefix}{id}.{}", slot.get())
    }
}

/// The host's side, the same for all VEs: the world sees addresses as the host's
/// that are of the default pools, or of one that is not said to be without NAT.
pub(crate) fn host_network(host: &HostConfig) -> HostNetwork {
    // Named pools may be of networks that the host is in, with others.
    let inner = vec![host.network.pool4.into(), host.network.pool6.into()];
    let mut masquerade = inner.clone();
    let named = host.pools.values().filter(|pool| pool.nat);
    masquerade.extend(named.map(|pool| pool.network));
    HostNetwork {
        link_prefix: host.network.link_prefix.clone(),
        masquerade,
        inner,
    }
}

/// A line for each interface.
impl fmt::Display for NetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.interfaces.is_empty() {
            return writeln!(f, "network    none");
        }
        for interface in &self.interfaces {
            let (name, mode) = (interface.guest_name(), interface.set.mode);
            write!(f, "network    {name} {mode}, link {}", interface.host_name)?;
            if let Some(link) = self.link_of(interface) {
                write!(f, " on {link}")?;
            }
            let addresses: Vec<String> = interface.set.ip.iter().map(ToString::to_string).collect();
            let addresses = if addresses.is_empty() {
                "none".to_owned()
            } else {
                addresses.join(" ")
            };
            writeln!(f, "\nip         {addresses}")?;
        }
        Ok(())
    }
}
