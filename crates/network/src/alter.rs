//! Altering an interface of a running guest by the difference of what it is and what
//! it is to be. What did not change is not touched, so what the guest made of it stays.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::end::{End, Owner};
use crate::inner::{self, Inner};
use crate::interface::{Interface, Kind};
use crate::link::open_host;
use crate::message::{self, kinds};
use crate::parts::{self, Part};
use crate::rtnl::Rtnl;
use crate::{Error, netns, pair, uplink};

/// Makes `new` of the interface `old` of a guest that runs. Whether the guest still
/// has it: where it does not, the host's part is done all the same.
///
/// A pair that is gone, since the guest removed its end, is made anew. Where a step
/// fails, what was done is taken back; and whatever was done is undone by altering
/// `new` to `old`.
///
/// # Errors
/// Those of [`attach`](crate::attach); [`Error::Failed`] with `EINVAL` where `old`
/// [cannot become](Interface::can_become) `new`.
///
/// # Kernel
/// rtnetlink(7). Names and MAC addresses are changed on a link that is up where the
/// kernel and the driver can (names: Linux 6.2).
pub fn alter(guest: BorrowedFd<'_>, old: &Interface, new: &Interface) -> Result<bool, Error> {
    new.check()?;
    if !old.can_become(new) {
        let what = format!("make another kind of link of {}", old.host_name);
        return Err(Failure::new(what, Errno::INVAL).into());
    }
    let mut host = open_host()?;
    if old.kind.is_pair() && !crate::exists(&old.host_name)? {
        crate::plug(guest, new)?;
        return Ok(true);
    }
    let altered = step(&mut host, guest, old, new);
    if altered.is_err() {
        // The first failure is the one to report.
        let _ = step(&mut host, guest, new, old);
    }
    altered
}

fn step(
    host: &mut Rtnl,
    guest: BorrowedFd<'_>,
    old: &Interface,
    new: &Interface,
) -> Result<bool, Error> {
    let inner = inner::find(host, guest, old)?;
    if old.kind.is_pair() {
        alter_host_end(host, old, new)?;
    }
    let Some(inner) = inner else { return Ok(false) };
    let mtu = (old.mtu != new.mtu).then(|| mtu(host, new)).transpose()?;
    let [mut inside] = netns::talk(guest)?;
    let mut end = End {
        rtnl: &mut inside,
        index: inner.index,
        name: &old.guest_name,
        owner: Owner::Guest,
    };
    alter_inside(&mut end, &inner, [old, new], mtu)?;
    crate::settle::inside(&mut inside, inner.index, new, Owner::Guest)?;
    Ok(true)
}

/// The host's part, which the guest has no say in.
fn alter_host_end(host: &mut Rtnl, old: &Interface, new: &Interface) -> Result<(), Error> {
    let name = &old.host_name;
    let index = host.index(name).context(|| format!("find link {name}"))?;
    if let (Kind::Bridge { bridge, vlan }, true) = (&new.kind, old.kind != new.kind)
        && let Some(found) = pair::bridge_of(host, new)?
    {
        host.change("join bridge", kinds::join(index, found.index), 0)
            .context(|| format!("make link {name} a port of bridge {bridge}"))?;
        found.change_vlan(host, index, name, (vlan_of(old), *vlan))?;
        // All that was said of a port is forgotten with it.
        pair::set_up_host_end(host, new)?;
    }
    if old.mtu != new.mtu {
        let mtu = mtu(host, new)?;
        host.change("set MTU", kinds::set_mtu(index, mtu), 0)
            .context(|| format!("set the MTU of link {name} to {mtu}"))?;
    }
    let mut end = End {
        rtnl: host,
        index,
        name,
        owner: Owner::Host,
    };
    let [before, after] = [parts::outside(old), parts::outside(new)];
    // What another link has fails, and so is asked for first.
    for part in parts::added(&before, &after) {
        end.add(part)?;
    }
    for part in parts::removed(&before, &after) {
        end.remove(part)?;
    }
    Ok(())
}

fn vlan_of(interface: &Interface) -> Option<u16> {
    let Kind::Bridge { vlan, .. } = interface.kind else {
        return None;
    };
    vlan
}

/// The MTU that an interface is to have.
fn mtu(host: &mut Rtnl, interface: &Interface) -> Result<u32, Error> {
    if let Some(mtu) = interface.mtu {
        return Ok(mtu);
    }
    let what = || format!("find an MTU for link {}", interface.guest_name);
    let below = match &interface.kind {
        Kind::Routed => return Ok(uplink::mtu(host).context(what)?),
        Kind::Bridge { bridge: link, .. }
        | Kind::Macvlan { parent: link }
        | Kind::Ipvlan { parent: link } => host.link(message::get_link(link)).context(what)?,
        Kind::Physical { .. } => None,
    };
    Ok(below.and_then(|link| link.mtu).unwrap_or(uplink::FALLBACK))
}

fn alter_inside(
    end: &mut End<'_>,
    inner: &Inner,
    [old, new]: [&Interface; 2],
    mtu: Option<u32>,
) -> Result<(), Error> {
    let mut was_down = false;
    if old.guest_name != new.guest_name {
        was_down |= rename(end, inner, &new.guest_name)?;
    }
    if let Some(mac) = other_mac(old, new) {
        let place = end.place();
        was_down |= end
            .change_or_down(
                "set MAC address",
                kinds::set_mac(inner.index, &mac),
                inner.is_up,
            )
            .context(|| format!("set the MAC address of {place}"))?;
    }
    if let Some(mtu) = mtu {
        let place = end.place();
        end.rtnl
            .change("set MTU", kinds::set_mtu(inner.index, mtu), 0)
            .context(|| format!("set the MTU of {place} to {mtu}"))?;
    }
    let [before, after] = [parts::inside(old), parts::inside(new)];
    let removed = parts::removed(&before, &after);
    for part in &removed {
        end.remove(*part)?;
    }
    // A link that was taken down for a moment has lost what it had, and the kernel
    // takes the others of an IPv4 network away with the first.
    let shares_network = |part: &Part| matches!(part, Part::Address(address, length) if address.is_ipv4() && *length < 32);
    let added = if was_down || removed.iter().any(shares_network) {
        after
    } else {
        parts::added(&before, &after)
    };
    added.into_iter().try_for_each(|part| end.add(part))
}

/// The MAC address inside, where it changes.
fn other_mac(old: &Interface, new: &Interface) -> Option<crate::Mac> {
    match (&old.kind, &new.kind) {
        (Kind::Physical { mac: one, .. }, Kind::Physical { mac: two, .. }) => {
            two.filter(|_| one != two)
        }
        (Kind::Ipvlan { .. }, _) => None,
        _ => Some(new.mac).filter(|mac| *mac != old.mac),
    }
}

/// Whether it was taken down for it.
fn rename(end: &mut End<'_>, inner: &Inner, name: &str) -> Result<bool, Error> {
    if inner.name == name.as_bytes() {
        return Ok(false);
    }
    let place = end.place();
    let renamed = end.change_or_down("rename link", kinds::rename(inner.index, name), inner.is_up);
    match renamed {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => {
            Err(Error::LinkExists {
                name: name.to_owned(),
            })
        }
        renamed => Ok(renamed.context(|| format!("rename {place} to {name}"))?),
    }
}
