//! Waiting until the kernel has done what it does behind its answers.
//!
//! A request that takes a link up, or gives it an IPv6 address, is answered
//! before work queues of the kernel have let it send, or receive for that
//! address. That takes them a fraction of a millisecond, or many on a busy host;
//! a packet that comes too early is lost, and its sender tries again a second
//! later. So a link is not called made before it works. One that takes longer
//! than anything here is left to come up by itself.

use std::io;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::RouteType;
use rustix::io::Errno;
use veld_sys::Context;

use crate::end::Owner;
use crate::interface::{Interface, Kind};
use crate::parts::GATEWAY6;
use crate::rtnl::Rtnl;
use crate::{Error, message};

const PATIENCE: Duration = Duration::from_secs(2);
/// Where a guest runs, which may have taken away what is waited for.
const PATIENCE_WITH_GUESTS: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_micros(100);

/// Waits until a link can send.
///
/// # Errors
/// ENODEV where there is no such link.
///
/// # Kernel
/// operstates.rst: the change of a carrier is looked at by a work queue. Since
/// Linux 6.8 `RTM_GETLINK` does its work first.
fn link(rtnl: &mut Rtnl, index: u32, deadline: Instant) -> io::Result<()> {
    loop {
        match rtnl.link(message::get_link_numbered(index))? {
            None => return Err(Errno::NODEV.into()),
            Some(link) if link.is_operational || Instant::now() >= deadline => return Ok(()),
            Some(_) => sleep(POLL),
        }
    }
}

/// Waits until packets for an IPv6 address of link `index` are received.
///
/// # Kernel
/// The local route of an address comes from the work queue that would look for
/// a duplicate of it, even if it is told not to look.
fn address(rtnl: &mut Rtnl, index: u32, address: IpAddr, deadline: Instant) -> io::Result<()> {
    loop {
        let is_local = match rtnl.get(message::get_route_by(index, address)) {
            Ok(RouteNetlinkMessage::NewRoute(route)) => route.header.kind == RouteType::Local,
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NETUNREACH) => false,
            Err(error) => return Err(error),
        };
        if is_local || Instant::now() >= deadline {
            return Ok(());
        }
        sleep(POLL);
    }
}

/// Waits until the host end of a pair sends and receives.
pub(crate) fn host_end(host: &mut Rtnl, index: u32, interface: &Interface) -> Result<(), Error> {
    let what = || format!("wait for link {}", interface.host_name);
    let deadline = Instant::now() + PATIENCE;
    link(host, index, deadline).context(what)?;
    if interface.kind == Kind::Routed && interface.has_ipv6() {
        address(host, index, GATEWAY6.into(), deadline).context(what)?;
    }
    Ok(())
}

/// Waits until the gateway of a routed link whose guest runs receives.
pub(crate) fn gateway(host: &mut Rtnl, index: u32) {
    let deadline = Instant::now() + PATIENCE_WITH_GUESTS;
    // Without a carrier, which the guest can take away, it does not.
    let _ = address(host, index, GATEWAY6.into(), deadline);
}

/// Waits until the link inside does; one of a running guest is the guest's to keep.
///
/// What is below a link that is no pair's may have no carrier for long.
pub(crate) fn inside(
    inside: &mut Rtnl,
    index: u32,
    interface: &Interface,
    owner: Owner,
) -> Result<(), Error> {
    if !interface.kind.is_pair() {
        return Ok(());
    }
    if owner == Owner::Guest {
        let deadline = Instant::now() + PATIENCE_WITH_GUESTS;
        let _ = reachable(inside, index, interface, deadline);
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    link(inside, index, deadline)
        .and_then(|()| reachable(inside, index, interface, deadline))
        .context(|| format!("wait for link {} inside", interface.guest_name))?;
    Ok(())
}

fn reachable(
    inside: &mut Rtnl,
    index: u32,
    interface: &Interface,
    deadline: Instant,
) -> io::Result<()> {
    interface
        .reachable()
        .filter(IpAddr::is_ipv6)
        .try_for_each(|ip| address(inside, index, ip, deadline))
}
