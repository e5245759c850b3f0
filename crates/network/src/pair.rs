//! A veth pair from this namespace into a guest's: routed, or a port of a bridge.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::end::{End, Owner};
use crate::interface::{Interface, Kind};
use crate::link::PATIENCE;
use crate::mac::{GATEWAY, of_port};
use crate::message::{self, Pair, kinds};
use crate::rtnl::Rtnl;
use crate::stale::{self, InTheWay};
use crate::{Error, bridge, netns, parts, uplink};

/// Makes the pair, after whatever is left over under its name; both ends are down.
pub(crate) fn make(
    host: &mut Rtnl,
    guest: BorrowedFd<'_>,
    interface: &Interface,
    owner: Owner,
) -> Result<(), Error> {
    let bridge = bridge_of(host, interface)?;
    let mtu = match (interface.mtu, bridge) {
        (Some(mtu), _) => mtu,
        (None, Some(bridge)) => bridge.mtu.unwrap_or(uplink::FALLBACK),
        (None, None) => uplink::mtu(host).context(|| "find the MTU of the uplink")?,
    };
    let pair = Pair {
        near: &interface.host_name,
        near_mac: if bridge.is_some() {
            of_port(interface.mac)
        } else {
            GATEWAY
        },
        bridge: bridge.map(|bridge| bridge.index),
        far: &interface.guest_name,
        far_mac: interface.mac,
        far_netns: guest,
        mtu,
    };
    create(host, &pair, owner)?;
    if let (Kind::Bridge { vlan, .. }, Some(bridge)) = (&interface.kind, bridge)
        && vlan.is_some()
    {
        let name = &interface.host_name;
        let entered = host
            .index(name)
            .context(|| format!("find link {name}"))
            .map_err(Error::from)
            .and_then(|port| bridge.change_vlan(host, port, name, (None, *vlan)));
        if entered.is_err() {
            let _ = crate::detach(name);
        }
        entered?;
    }
    Ok(())
}

/// The bridge that an interface is a port of, fit for its VLAN.
pub(crate) fn bridge_of(
    host: &mut Rtnl,
    interface: &Interface,
) -> Result<Option<bridge::Found>, Error> {
    let Kind::Bridge { bridge: name, vlan } = &interface.kind else {
        return Ok(None);
    };
    let bridge = bridge::find(host, name)?;
    if vlan.is_some() {
        bridge.check_vlans(name)?;
    }
    Ok(Some(bridge))
}

fn create(host: &mut Rtnl, pair: &Pair<'_>, owner: Owner) -> Result<(), Error> {
    let what = || format!("create link {}", pair.near);
    let exists = |name: &str| Error::LinkExists {
        name: name.to_owned(),
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let message = message::new_pair(pair);
        let error = match host.change("create link", message, NLM_F_CREATE | NLM_F_EXCL) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if Errno::from_io_error(&error) != Some(Errno::EXIST) || Instant::now() >= deadline {
            return Err(Failure::new(what(), error).into());
        }
        match stale::clear(host, message::get_link(pair.near)).context(what)? {
            InTheWay::Live(name) => return Err(exists(&name)),
            InTheWay::Cleared => {}
            InTheWay::Nothing => {
                let [mut inside] = netns::talk(pair.far_netns)?;
                let inner = message::get_link(pair.far);
                // A further name of some other link is in the way as well.
                if owner == Owner::Guest || inside.look(inner).context(what)?.is_some() {
                    return Err(exists(pair.far));
                }
            }
        }
    }
}

/// Up, then where the guest's addresses are, for good.
///
/// The end inside is still down, so there is no carrier and nothing arrives
/// before all is as it should be. Its number.
pub(crate) fn set_up_host_end(host: &mut Rtnl, interface: &Interface) -> Result<u32, Error> {
    let name = &interface.host_name;
    let index = host.index(name).context(|| format!("find link {name}"))?;
    let prepared = |ipv6| {
        if interface.kind == Kind::Routed {
            message::as_router(index, ipv6)
        } else {
            kinds::as_port(index, ipv6)
        }
    };
    let done = match host.change("prepare link", prepared(true), 0) {
        // A host without IPv6, or a link whose MTU is too small for it.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::AFNOSUPPORT) => {
            host.change("prepare link", prepared(false), 0)
        }
        result => result,
    };
    done.context(|| format!("prepare link {name}"))?;
    // By itself: of a change to a link that is up the kernel tells all IPv6 routes that
    // there are, since the link has no carrier yet.
    host.change("set link up", message::up(index), 0)
        .context(|| format!("take link {name} up"))?;
    let mut end = End {
        rtnl: host,
        index,
        name,
        owner: Owner::Host,
    };
    parts::outside(interface)
        .into_iter()
        .try_for_each(|part| end.add(part))?;
    Ok(index)
}
