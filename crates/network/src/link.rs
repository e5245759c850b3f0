//! One interface: made whole or not at all, and removed by its name alone.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::end::{End, Owner};
use crate::interface::{Interface, Kind};
use crate::loopback;
use crate::message;
use crate::parts::{self, Part};
use crate::rtnl::Rtnl;
use crate::{Error, inner, name, netns, on_top, pair, physical, settle, stale};

/// How long a name or an address may stay taken by a link whose namespace died.
/// Removing one takes the kernel some 20 ms.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Makes an interface of `guest`, which nobody runs in yet, and takes its `lo` up.
///
/// What is in the way is removed first if its guest's namespace is dead (the kernel
/// itself is about to). If any step fails the link is removed again; where even that
/// fails, what is left goes by [`detach`], as after a kill.
///
/// # Errors
/// - [`Error::BadName`], [`Error::BadAddress`], [`Error::BadMac`], [`Error::BadMtu`]:
///   nothing was tried;
/// - [`Error::LinkExists`]: a link in use has the name, here or inside;
/// - [`Error::AddressTaken`]: a link in use has the address;
/// - [`Error::NoSuchLink`], [`Error::NotABridge`], [`Error::NoVlans`]: of what it
///   would lead to;
/// - [`Error::Unsupported`], [`Error::NoIpv6`]: by this kernel, or as it is set up;
/// - [`Error::Failed`] with `EPERM` without `CAP_NET_ADMIN` in either namespace
///   or `CAP_SYS_ADMIN` in the guest's.
///
/// # Kernel
/// veth(4), rtnetlink(7); `IFLA_NET_NS_FD`, Linux 2.6.38.
pub fn attach(guest: BorrowedFd<'_>, interface: &Interface) -> Result<(), Error> {
    make(guest, interface, Owner::NewGuest)
}

/// Makes an interface of a guest that runs, and may be at odds with it: what its
/// root has taken away meanwhile is left so.
///
/// # Errors
/// Those of [`attach`].
///
/// # Kernel
/// See [`attach`].
pub fn plug(guest: BorrowedFd<'_>, interface: &Interface) -> Result<(), Error> {
    make(guest, interface, Owner::Guest)
}

/// Takes an interface from a guest, whatever the guest did to it; none is fine.
///
/// A physical one is not looked at: it goes back by
/// [`release`](crate::release).
///
/// # Errors
/// Those of [`detach`]; [`Error::Failed`] where the guest's namespace cannot be
/// entered.
///
/// # Kernel
/// rtnetlink(7), `RTM_DELLINK`.
pub fn unplug(guest: BorrowedFd<'_>, interface: &Interface) -> Result<(), Error> {
    match &interface.kind {
        Kind::Routed | Kind::Bridge { .. } => {
            let rules = parts::rules(interface);
            if !rules.is_empty() {
                let [mut inside] = netns::talk(guest)?;
                let mut end = End {
                    rtnl: &mut inside,
                    index: 0,
                    name: &interface.guest_name,
                    owner: Owner::Guest,
                };
                rules.into_iter().try_for_each(|rule| end.remove(rule))?;
            }
            detach(&interface.host_name)
        }
        Kind::Macvlan { .. } | Kind::Ipvlan { .. } => {
            let mut host = open_host()?;
            let Some(inner) = inner::find(&mut host, guest, interface)? else {
                return Ok(());
            };
            let [mut inside] = netns::talk(guest)?;
            let removed = stale::delete(&mut inside, inner.index);
            Ok(removed.context(|| format!("remove link {} inside", interface.guest_name))?)
        }
        Kind::Physical { .. } => Ok(()),
    }
}

fn make(guest: BorrowedFd<'_>, interface: &Interface, owner: Owner) -> Result<(), Error> {
    interface.check()?;
    let mut host = open_host()?;
    let mut taken = None;
    match &interface.kind {
        Kind::Routed | Kind::Bridge { .. } => pair::make(&mut host, guest, interface, owner)?,
        Kind::Macvlan { parent } | Kind::Ipvlan { parent } => {
            on_top::make(&mut host, guest, interface, parent)?;
        }
        Kind::Physical { nic, .. } => {
            taken = Some(physical::take(&mut host, guest, interface, nic)?);
        }
    }
    let set_up = set_up(&mut host, guest, interface, owner);
    if set_up.is_err() {
        // The first failure is the one to report; the name is enough to try again.
        let _ = match &taken {
            Some(nic) => physical::release(guest, nic, &interface.guest_name).map(|_| ()),
            None => unplug(guest, interface),
        };
    }
    set_up
}

/// Makes a link that is there into one that works.
fn set_up(
    host: &mut Rtnl,
    guest: BorrowedFd<'_>,
    interface: &Interface,
    owner: Owner,
) -> Result<(), Error> {
    let what = |name: &str| format!("find link {name} inside");
    let outer = if interface.kind.is_pair() {
        Some(pair::set_up_host_end(host, interface)?)
    } else {
        None
    };
    let name = &interface.guest_name;
    let [mut inside] = netns::talk(guest)?;
    let index = match owner {
        Owner::Guest => inner::find(host, guest, interface)?.map(|inner| inner.index),
        // Nobody has called it otherwise yet.
        Owner::Host | Owner::NewGuest => inside.index(name).map(Some).context(|| what(name))?,
    };
    let index = index.ok_or(Errno::NODEV).context(|| what(name))?;
    let mut end = End {
        rtnl: &mut inside,
        index,
        name,
        owner,
    };
    let parts = parts::inside(interface);
    let addresses = |part: &Part| matches!(part, Part::Address(..));
    for part in parts.iter().filter(|part| addresses(part)) {
        end.add(*part)?;
    }
    end.take_up()?;
    for part in parts.iter().filter(|part| !addresses(part)) {
        end.add(*part)?;
    }
    if let Some(outer) = outer {
        settle::host_end(host, outer, interface)?;
    }
    settle::inside(&mut inside, index, interface, owner)?;
    if owner == Owner::NewGuest {
        // Last, so that a failed start leaves the namespace as it was.
        loopback::take_up(&mut inside)?;
    }
    Ok(())
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

/// As [`detach`], for a link whose guest has ended: one whose namespace is dead is left
/// to the kernel, which is about to remove it. Any other is removed, since somebody keeps
/// the namespace and could go on in the guest's name.
///
/// # Errors
/// Those of [`detach`].
///
/// # Kernel
/// See [`detach`].
pub fn detach_from_living(host_name: &str) -> Result<(), Error> {
    name::check_link(host_name)?;
    let mut host = open_host()?;
    let look = || format!("look up link {host_name}");
    let found = host.link(message::get_link(host_name)).context(look)?;
    match found {
        Some(link) if !stale::is_left_over(&mut host, &link).context(look)? => detach(host_name),
        _ => Ok(()),
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
