//! One routed link: made whole or not at all, and removed by its name alone.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::mac::Mac;
use crate::message::{self, Pair};
use crate::rtnl::Rtnl;
use crate::stale::{self, InTheWay};
use crate::{Error, name, netns, setup, uplink};

/// How long a name or an address may stay taken by a link whose namespace died.
/// Removing one takes the kernel some 20 ms.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A link to make: its names, and what its guest may call its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedLink {
    /// Name of the host end, at most 15 bytes; the host's rules are for those
    /// that begin with [`HostNetwork::link_prefix`](crate::HostNetwork::link_prefix).
    pub host_name: String,
    /// Name of the end inside, as `eth0`.
    pub guest_name: String,
    /// The guest's addresses, the one it prefers as a source first in its family.
    pub addresses: Vec<IpAddr>,
    /// MAC address of the end inside; see [`mac_for`](crate::mac_for).
    pub mac: Mac,
    /// MTU of both ends in bytes; the uplink's where none is given.
    pub mtu: Option<u32>,
}

/// Makes a link from this network namespace into `guest`, which nobody runs in
/// yet, and takes the guest's `lo` up.
///
/// A link of the same name, or one that has one of the addresses, is removed
/// first if its guest's namespace is dead (the kernel itself is about to). If
/// any step fails the link is removed again; where even that fails, what is left
/// goes by [`detach`], as after a kill.
///
/// # Errors
/// - [`Error::BadName`], [`Error::BadAddress`]: nothing was tried;
/// - [`Error::LinkExists`]: a link in use has the name, here or inside;
/// - [`Error::AddressTaken`]: a link in use has the address;
/// - [`Error::Failed`] with `EPERM` without `CAP_NET_ADMIN` in either namespace
///   or `CAP_SYS_ADMIN` in the guest's.
///
/// # Kernel
/// veth(4), rtnetlink(7); `IFLA_NET_NS_FD`, Linux 2.6.38.
pub fn attach(guest: BorrowedFd<'_>, link: &RoutedLink) -> Result<(), Error> {
    name::check_link(&link.host_name)?;
    name::check_link(&link.guest_name)?;
    link.addresses.iter().try_for_each(check_address)?;
    let mut host = open_host()?;
    let [mut inside] = netns::talk(guest)?;
    let mtu = match link.mtu {
        Some(mtu) => mtu,
        None => uplink::mtu(&mut host).context(|| "find the MTU of the uplink")?,
    };
    create(&mut host, &mut inside, guest, link, mtu)?;
    let set_up = setup::both_ends(&mut host, &mut inside, link);
    if set_up.is_err()
        && let Ok(index) = host.index(&link.host_name)
    {
        // The first failure is the one to report; the name is enough to try again.
        let _ = stale::delete(&mut host, index);
    }
    set_up
}

/// Removes the link called `host_name`; none of that name is fine.
///
/// # Errors
/// [`Error::NotOurs`] where the link is no veth pair; [`Error::Failed`] as the
/// kernel says.
///
/// # Kernel
/// rtnetlink(7), `RTM_DELLINK`: some 20 ms, since it waits for whoever is just
/// using the link. A namespace that dies takes its links along at no such cost.
pub fn detach(host_name: &str) -> Result<(), Error> {
    name::check_link(host_name)?;
    let mut host = open_host()?;
    let remove = || format!("remove link {host_name}");
    let found = host.link(message::get_link(host_name)).context(remove)?;
    match found {
        None => Ok(()),
        Some(link) if !link.is_veth => Err(Error::NotOurs {
            name: host_name.to_owned(),
        }),
        Some(link) => Ok(stale::delete(&mut host, link.index).context(remove)?),
    }
}

/// Whether this network namespace has a link called `host_name`.
///
/// # Errors
/// [`Error::BadName`]; [`Error::Failed`] where the kernel does not say.
pub fn exists(host_name: &str) -> Result<bool, Error> {
    name::check_link(host_name)?;
    let found = open_host()?
        .link(message::get_link(host_name))
        .context(|| format!("look up link {host_name}"))?;
    Ok(found.is_some())
}

pub(crate) fn open_host() -> Result<Rtnl, Failure> {
    Rtnl::open().context(|| "open a netlink socket")
}

/// Makes the pair, after whatever is left over under its name.
fn create(
    host: &mut Rtnl,
    inside: &mut Rtnl,
    guest: BorrowedFd<'_>,
    link: &RoutedLink,
    mtu: u32,
) -> Result<(), Error> {
    let pair = Pair {
        near: &link.host_name,
        far: &link.guest_name,
        far_mac: link.mac,
        far_netns: guest,
        mtu,
    };
    let what = || format!("create link {}", link.host_name);
    let exists = |name: &str| Error::LinkExists {
        name: name.to_owned(),
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let error = match host.change(
            "create link",
            message::new_pair(&pair),
            NLM_F_CREATE | NLM_F_EXCL,
        ) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if Errno::from_io_error(&error) != Some(Errno::EXIST) || Instant::now() >= deadline {
            return Err(Failure::new(what(), error).into());
        }
        match stale::clear(host, message::get_link(&link.host_name)).context(what)? {
            InTheWay::Live(name) => return Err(exists(&name)),
            InTheWay::Cleared => {}
            InTheWay::Nothing => {
                let inner = message::get_link(&link.guest_name);
                if inside.link(inner).context(what)?.is_some() {
                    return Err(exists(&link.guest_name));
                }
            }
        }
    }
}

pub(crate) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Refuses addresses that no single guest can have: routing them would take them
/// from the host, or lead nowhere.
fn check_address(address: &IpAddr) -> Result<(), Error> {
    let broadcast = *address == IpAddr::V4(Ipv4Addr::BROADCAST);
    let reason = if address.is_unspecified() {
        "it is the unspecified address"
    } else if address.is_loopback() {
        "it is a loopback address"
    } else if address.is_multicast() || broadcast {
        "it is not one host's"
    } else if is_link_local(*address) {
        "it is link-local"
    } else {
        return Ok(());
    };
    Err(Error::BadAddress {
        address: *address,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_one_host_are_taken() {
        for good in ["10.0.0.1", "192.0.2.255", "fd77::1", "2001:db8::1"] {
            assert!(check_address(&good.parse().unwrap()).is_ok(), "{good}");
        }
        for wrong in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.0.1",
            "::",
            "::1",
            "ff02::1",
            "fe80::1",
        ] {
            assert!(check_address(&wrong.parse().unwrap()).is_err(), "{wrong}");
        }
    }
}
