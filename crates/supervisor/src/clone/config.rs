//! The config of a clone: its source's, but for what only one may have.

use ipnetwork::IpNetwork;
use veld_config::{Hostname, Interface, Ip, Mode, Slot, Uuid, VeConfig, VeId, VeName};

use crate::error::Source;
use crate::host::Host;
use crate::net::{NetPlan, addresses, names};
use crate::tuning;
use crate::ve::Ve;

/// The config of a clone with its addresses claimed, and what it does not have of
/// its source's.
pub(super) fn of_clone(
    ve: &Ve<'_>,
    id: VeId,
    old: &VeConfig,
    source: &VeName,
) -> Result<(VeConfig, Vec<String>), Source> {
    let mut config = old.clone();
    config.uuid = Uuid::random()?;
    config.hostname = Hostname::of(&ve.name);
    let mut warnings = Vec::new();
    let first = std::iter::once((Slot::FIRST, &mut config.network.first));
    let others = config.network.others.iter_mut();
    for (slot, interface) in first.chain(others.map(|(slot, other)| (*slot, other))) {
        for address in let_go(ve.host, interface) {
            let name = format!("eth{}", slot.get());
            warnings.push(format!(
                "{name} has no address: {address} is left to {source}"
            ));
        }
    }
    if !config.network.publish.is_empty() {
        let ports = config.network.publish.iter().map(ToString::to_string);
        let ports = ports.collect::<Vec<String>>().join(" ");
        warnings.push(format!("published ports are left to {source}: {ports}"));
        config.network.publish.clear();
    }
    addresses::resolve(ve, id, &mut config)?;
    addresses::must_not_be_the_hosts(ve, id, &config)?;
    names::check(&config, ve.host.config())?;
    ve.host.cgroups()?.check(&tuning::limits(ve, &config)?)?;
    NetPlan::new(&config, ve.host.config(), id).check()?;
    Ok((config, warnings))
}

/// Has an interface ask the pools that its addresses are of for others; what is of
/// none is told, but for routed ones, which may be of any.
fn let_go(host: &Host, interface: &mut Interface) -> Vec<IpNetwork> {
    interface.mac = None;
    let routed = interface.mode == Mode::Routed;
    let mut lost = Vec::new();
    let mut asked: Vec<Ip> = Vec::new();
    for ip in std::mem::take(&mut interface.ip) {
        let pool = match &ip {
            Ip::OfPool(name, _) => Some(name.clone()),
            Ip::Own(network) => addresses::pool_of(host, *network, routed),
        };
        match (pool, ip) {
            (Some(pool), _) => asked.push(Ip::OfPool(pool, None)),
            (None, Ip::Own(network)) => lost.push(network),
            (None, Ip::OfPool(..)) => {}
        }
    }
    interface.ip = asked;
    // What leads out goes with the addresses.
    if interface.ip.is_empty() {
        interface.gateway.clear();
    }
    lost
}
