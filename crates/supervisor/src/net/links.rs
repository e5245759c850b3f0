//! The links of a VE.

use std::os::fd::{AsFd, BorrowedFd};

use ipnetwork::IpNetwork;
use veld_config::Mode;
use veld_network::{Error, Interface, Kind};
use veld_sys::Context;

use super::{InterfacePlan, NetPlan, guards, nics};
use crate::error::Source;
use crate::host::Host;
use crate::undo::Undo;
use crate::ve::Ve;

/// Makes the interfaces of a VE that nothing runs in yet, in the network namespace
/// `guest`.
pub(super) fn attach<'a>(
    ve: &'a Ve<'a>,
    plan: &'a NetPlan,
    guest: BorrowedFd<'_>,
    undo: &mut Undo<'a>,
    warnings: &mut Vec<String>,
) -> Result<(), Source> {
    for it in &plan.interfaces {
        let interface = prepared(ve, plan, it, None, warnings)?;
        if let Kind::Physical { nic, .. } = &interface.kind {
            let held = guest.try_clone_to_owned();
            let held = held.context(|| "hold the network namespace")?;
            nics::note(ve, it.slot, nic)?;
            undo.push(move || {
                nics::give_back(ve, it.slot, Some(held.as_fd()), &it.guest_name()).map(drop)
            });
        }
        let (guarded, is_pair) = (interface.clone(), interface.kind.is_pair());
        undo.push(move || Ok(veld_network::unguard(&plan.host.link_prefix, &guarded)?));
        // What is in the way is somebody else's: undone is only what was done.
        veld_network::attach(guest, &interface)?;
        if is_pair {
            undo.push(|| Ok(veld_network::detach(&it.host_name)?));
        }
    }
    Ok(())
}

/// Makes the interfaces of a VE that runs, which are as `old` says, be as `new` says.
pub(super) fn change(
    ve: &Ve<'_>,
    guest: BorrowedFd<'_>,
    [old, new]: [&NetPlan; 2],
    warnings: &mut Vec<String>,
) -> Result<(), Source> {
    let mut kept = Vec::new();
    // What goes makes room for what comes.
    for was in &old.interfaces {
        let before = interface(old, was, &mut Vec::new())?;
        let after = new.interface(was.slot);
        let after = after.map(|is| interface(new, is, &mut Vec::new()));
        if after
            .transpose()?
            .is_some_and(|after| before.can_become(&after))
        {
            kept.push(was.slot);
        } else {
            warnings.extend(take_away(ve, guest, old, was)?);
        }
    }
    for is in &new.interfaces {
        match old.interface(is.slot).filter(|_| kept.contains(&is.slot)) {
            Some(was) if was == is => {}
            Some(was) => {
                let before = interface(old, was, &mut Vec::new())?;
                let after = prepared(ve, new, is, Some(&before), warnings)?;
                if !veld_network::alter(guest, &before, &after)? {
                    let name = was.guest_name();
                    warnings.push(format!(
                        "the VE has hidden {name}, whose end inside is as it was"
                    ));
                }
            }
            None => plug(ve, guest, new, is, warnings)?,
        }
    }
    Ok(())
}

fn plug(
    ve: &Ve<'_>,
    guest: BorrowedFd<'_>,
    plan: &NetPlan,
    it: &InterfacePlan,
    warnings: &mut Vec<String>,
) -> Result<(), Source> {
    let interface = prepared(ve, plan, it, None, warnings)?;
    if let Kind::Physical { nic, .. } = &interface.kind {
        if nics::has(ve, it.slot, guest, &it.guest_name())? {
            return Ok(());
        }
        nics::note(ve, it.slot, nic)?;
    } else {
        // Of a change that was killed when it had done this.
        veld_network::unplug(guest, &interface)?;
    }
    let plugged = veld_network::plug(guest, &interface);
    if plugged.is_err() {
        // The failure is the one to report.
        let _ = take_away(ve, guest, plan, it);
    }
    Ok(plugged?)
}

/// Takes an interface away; a warning where a link of the host's is not back.
fn take_away(
    ve: &Ve<'_>,
    guest: BorrowedFd<'_>,
    plan: &NetPlan,
    it: &InterfacePlan,
) -> Result<Option<String>, Source> {
    let interface = interface(plan, it, &mut Vec::new())?;
    if let Kind::Physical { .. } = interface.kind {
        let missing = nics::give_back(ve, it.slot, Some(guest), &it.guest_name())?;
        let warning = |nic| format!("the VE has hidden or removed {nic}, which is not back");
        return Ok(missing.map(warning));
    }
    veld_network::unplug(guest, &interface)?;
    veld_network::unguard(&plan.host.link_prefix, &interface)?;
    Ok(None)
}

/// Takes away links of a VE that does not run and whose lock is held. The kernel does
/// that with its namespace, unless somebody else holds that.
pub(super) fn sweep(ve: &Ve<'_>) -> Result<(), Source> {
    for name in ve.links(ve.id()?) {
        if veld_network::exists(&name)? {
            veld_network::detach(&name)?;
        }
    }
    Ok(())
}

/// Takes away links that have the name of a VE's, and there is no such VE; how many.
pub(super) fn sweep_nobodys(host: &Host) -> Result<usize, Source> {
    let prefix = &host.config().network.link_prefix;
    let is_nobodys = |name: &String| {
        let number = name.strip_prefix(prefix.as_str())?;
        let (number, interface) = number.split_once('.').unwrap_or((number, "0"));
        // A shaper has a letter at its end, and is another's to sweep.
        interface.parse::<u8>().ok()?;
        let id = number.parse::<u32>().ok()?;
        Some(host.ids().holder(id).is_none())
    };
    let names = veld_network::all_counters(prefix)?.into_keys();
    let mut swept = 0;
    for name in names.filter(|name| is_nobodys(name) == Some(true)) {
        match veld_network::detach(&name) {
            Ok(()) => swept += 1,
            // It is called like one of ours, and is another's.
            Err(Error::NotOurs { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(swept)
}

/// Takes out what a run of this plan has left besides what went with its namespace. Where
/// something held the VE back that is about to go, links go before, lest somebody keeps
/// the namespace, as another VE that was given a descriptor of it. They are not removed
/// for nothing, which takes the kernel 20 ms.
pub(super) fn forget(plan: &NetPlan) -> Result<(), Source> {
    let is_held_back = plan.is_held_back();
    for it in &plan.interfaces {
        // What makes no sense was never made.
        let Ok(interface) = interface(plan, it, &mut Vec::new()) else {
            continue;
        };
        if is_held_back && interface.kind.is_pair() {
            veld_network::detach_from_living(&interface.host_name)?;
        }
        if it.set.mode == Mode::Bridge {
            veld_network::unguard(&plan.host.link_prefix, &interface)?;
        }
    }
    Ok(())
}

/// The interface, with all that it needs on the host: the bridge, and what keeps its
/// guest honest there.
fn prepared(
    ve: &Ve<'_>,
    plan: &NetPlan,
    it: &InterfacePlan,
    old: Option<&Interface>,
    warnings: &mut Vec<String>,
) -> Result<Interface, Source> {
    let prefix = &plan.host.link_prefix;
    let interface = interface(plan, it, warnings)?;
    if let Kind::Bridge { bridge, vlan } = &interface.kind {
        if it.set.link.is_none() {
            veld_network::ensure_bridge(bridge, vlan.is_some())?;
        }
        match veld_network::guard_again(prefix, old, &interface) {
            Ok(rules) => guards::rebuild_if(rules, ve.host, warnings)?,
            Err(error @ Error::NoNftables(_)) => warnings.push(format!(
                "{}: what {} sends is not checked",
                crate::error::chain(&error),
                it.guest_name()
            )),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(interface)
}

/// The interface as the network crate knows it; a warning for what this host cannot
/// give it.
pub(super) fn interface(
    plan: &NetPlan,
    it: &InterfacePlan,
    warnings: &mut Vec<String>,
) -> Result<Interface, Source> {
    let set = &it.set;
    let mut addresses: Vec<IpNetwork> = set.addresses().collect();
    if set.mode == Mode::Routed
        && addresses.iter().any(IpNetwork::is_ipv6)
        && !veld_network::host_has_ipv6()?
    {
        // A VE has an address of each pool without having asked for one.
        let left_out = addresses.iter().filter(|it| it.is_ipv6());
        let left_out: Vec<String> = left_out.map(|it| it.ip().to_string()).collect();
        warnings.push(format!(
            "the host has IPv6 switched off: {} is without {}",
            it.guest_name(),
            left_out.join(", ")
        ));
        addresses.retain(IpNetwork::is_ipv4);
    }
    Ok(Interface {
        host_name: it.host_name.clone(),
        guest_name: it.guest_name(),
        kind: kind(plan, it)?,
        addresses,
        gateways: set.gateway.clone(),
        mac: mac(it),
        mtu: set.mtu,
        metric: it.slot.get().into(),
    })
}

fn kind(plan: &NetPlan, it: &InterfacePlan) -> Result<Kind, Source> {
    let set = &it.set;
    let needed = || {
        let name = set.link.as_ref().map(ToString::to_string);
        let name = name
            .ok_or_else(|| Source::Refused(format!("{} needs a link of the host's", set.mode)))?;
        let ours = name.strip_prefix(plan.host.link_prefix.as_str());
        if ours.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            return Err(Source::Refused(format!("{name} is the link of a VE")));
        }
        Ok(name)
    };
    Ok(match set.mode {
        Mode::Routed => Kind::Routed,
        Mode::Bridge => Kind::Bridge {
            bridge: match set.link {
                Some(_) => needed()?,
                None => veld_network::own_bridge(&plan.host.link_prefix),
            },
            vlan: set.vlan,
        },
        Mode::Macvlan => Kind::Macvlan { parent: needed()? },
        Mode::Ipvlan => Kind::Ipvlan { parent: needed()? },
        Mode::Physical => Kind::Physical {
            nic: needed()?,
            mac: set.mac.map(veld_config::Mac::octets),
        },
        Mode::None => {
            let name = it.guest_name();
            return Err(Source::Refused(format!("{name} is not to be connected")));
        }
    })
}

/// The MAC address of the end inside.
pub(super) fn mac(it: &InterfacePlan) -> veld_network::Mac {
    let of_number = veld_network::mac_for(it.id.get(), it.slot.get());
    it.set.mac.map_or(of_number, veld_config::Mac::octets)
}
