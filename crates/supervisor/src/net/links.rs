//! The links of a VE.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use veld_config::Mode;
use veld_network::RoutedLink;

use super::{InterfacePlan, NetPlan};
use crate::error::Source;

/// Makes an interface in the network namespace `guest`.
pub(super) fn attach(guest: BorrowedFd<'_>, interface: &InterfacePlan) -> Result<(), Source> {
    Ok(veld_network::attach(guest, &link(interface)?)?)
}

/// Takes an interface away, whoever has it.
pub(super) fn detach(interface: &InterfacePlan) -> Result<(), Source> {
    Ok(veld_network::detach(&interface.host_name)?)
}

/// Makes the interfaces in the network namespace `guest`, which are as `old` says, be
/// as `new` says.
pub(super) fn change(guest: BorrowedFd<'_>, old: &NetPlan, new: &NetPlan) -> Result<(), Source> {
    for interface in &old.interfaces {
        if new.interface(interface.slot) != Some(interface) {
            detach(interface)?;
        }
    }
    for interface in &new.interfaces {
        if old.interface(interface.slot) != Some(interface) {
            attach(guest, interface)?;
        }
    }
    Ok(())
}

fn link(interface: &InterfacePlan) -> Result<RoutedLink, Source> {
    let set = &interface.set;
    if set.mode != Mode::Routed {
        let mode = set.mode;
        return Err(Source::Refused(format!("cannot connect by {mode}")));
    }
    let addresses = set.addresses().map(|network| network.ip());
    Ok(RoutedLink {
        host_name: interface.host_name.clone(),
        guest_name: interface.guest_name(),
        addresses: addresses.collect::<Vec<IpAddr>>(),
        mac: set.mac.map_or_else(
            || veld_network::mac_for(interface.id.get()),
            veld_config::Mac::octets,
        ),
        mtu: set.mtu,
    })
}
