//! How fast the links of a VE are: what is set for each, and less where its traffic of
//! the month is used up.

use veld_config::{Interface, Over, Slot, Traffic, VeId};
use veld_network::Rates;

use super::{InterfacePlan, NetPlan, host_name};
use crate::error::Source;
use crate::host::Host;
use crate::ve::Ve;

/// Holds all links to what is set for them; to what is left to a VE that has used up
/// its traffic where it is `held`.
pub(super) fn apply(plan: &NetPlan, held: bool) -> Result<(), Source> {
    for interface in metered(plan) {
        // The VE can have taken it away, which is to be in nobody's way.
        if !veld_network::exists(&interface.host_name)? {
            continue;
        }
        let rates = rates(&interface.set, &plan.network.traffic, held);
        let shaper = shaper(&plan.host.link_prefix, plan.id, interface.slot);
        let shaped = veld_network::shape(&interface.host_name, &shaper, rates);
        // One that the VE has removed keeps nobody from holding its others.
        if shaped.is_ok() || veld_network::exists(&interface.host_name)? {
            shaped?;
        }
    }
    Ok(())
}

/// Takes away what the kernel leaves of rates when the links of a VE are gone.
pub(super) fn remove(ve: &Ve<'_>, id: VeId) -> Result<(), Source> {
    let prefix = &ve.host.config().network.link_prefix;
    let shapers = Slot::all().map(|slot| shaper(prefix, id, slot));
    Ok(veld_network::unshape(shapers)?)
}

/// Takes away what is left of rates where the link that was held to one is gone, as
/// after an end that was killed whose VE was then forgotten.
pub(super) fn sweep(host: &Host) -> Result<(), Source> {
    let prefix = &host.config().network.link_prefix;
    for shaper in veld_network::shapers(prefix)? {
        // A link is there before its shaper, and goes before it.
        if let Some(shaped) = shaped_by(prefix, &shaper)
            && !veld_network::exists(&shaped)?
        {
            veld_network::unshape([shaper])?;
        }
    }
    Ok(())
}

/// The name of the link that a shaper of this name is for.
fn shaped_by(prefix: &str, name: &str) -> Option<String> {
    let (id, _) = name.strip_prefix(prefix)?.split_once('o')?;
    let id = VeId::new(id.parse().ok()?)?;
    let slot = Slot::all().find(|slot| shaper(prefix, id, *slot) == name)?;
    Some(host_name(prefix, id, slot))
}

/// The name of the link that what comes from an interface is led through: `veld101o`,
/// `veld101o1`. It is as long as that of the interface's end.
fn shaper(prefix: &str, id: VeId, slot: Slot) -> String {
    if slot == Slot::FIRST {
        format!("{prefix}{id}o")
    } else {
        format!("{prefix}{id}o{}", slot.get())
    }
}

/// Whether any link is to be held to less than it can.
pub(super) fn any(plan: &NetPlan, held: bool) -> bool {
    let of = |interface: &InterfacePlan| rates(&interface.set, &plan.network.traffic, held);
    metered(plan).any(|interface| of(interface) != Rates::default())
}

/// The interfaces that have an end on the host: what goes over others is neither limited
/// nor counted.
pub(super) fn metered(plan: &NetPlan) -> impl Iterator<Item = &InterfacePlan> {
    let interfaces = plan.interfaces.iter();
    interfaces.filter(|interface| interface.end_on_host().is_some())
}

fn rates(set: &Interface, traffic: &Traffic, held: bool) -> Rates {
    let bytes = |rate: Option<veld_units::Bytes>| rate.map(veld_units::Bytes::get);
    let rates = Rates {
        inbound: bytes(set.rate_in),
        outbound: bytes(set.rate_out),
    };
    match traffic.over {
        _ if !held => rates,
        Over::Slow => rates.at_most(traffic.slow_rate().get()),
        Over::Cut => rates.at_most(0),
    }
}

#[cfg(test)]
mod tests {
    use veld_units::Bytes;

    use super::*;

    #[test]
    fn the_link_that_is_shaped_is_known_by_the_name_of_what_shapes_it() {
        let id = VeId::new(36_862).unwrap();
        for slot in Slot::all() {
            let shaper = shaper("ninechar", id, slot);
            assert!(shaper.len() <= 15, "{shaper}");
            let shaped = shaped_by("ninechar", &shaper);
            assert_eq!(shaped, Some(host_name("ninechar", id, slot)));
        }
        for other in [
            "veldo",
            "veld101",
            "veld101o0",
            "veld101o10",
            "veldxo",
            "eth0",
        ] {
            assert_eq!(shaped_by("veld", other), None, "{other}");
        }
    }

    #[test]
    fn a_held_ve_has_the_less_of_what_is_set_and_what_is_left() {
        let set = Interface {
            rate_in: Some(Bytes::new(10_000)),
            ..Interface::default()
        };
        let rates_of = |traffic: &Traffic, held| {
            let rates = rates(&set, traffic, held);
            (rates.inbound, rates.outbound)
        };
        let mut traffic = Traffic {
            limit: Some(Bytes::new(1 << 30)),
            ..Traffic::default()
        };
        assert_eq!(rates_of(&traffic, false), (Some(10_000), None));
        assert_eq!(rates_of(&traffic, true), (Some(10_000), Some(128 << 10)));
        traffic.rate = Some(Bytes::new(5_000));
        assert_eq!(rates_of(&traffic, true), (Some(5_000), Some(5_000)));
        traffic.over = Over::Cut;
        assert_eq!(rates_of(&traffic, true), (Some(0), Some(0)));
        assert_eq!(rates_of(&traffic, false), (Some(10_000), None));
    }
}
