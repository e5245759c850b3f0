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

use crate::message;
use crate::rtnl::Rtnl;

const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_micros(100);

/// Waits until the link called `name` can send, and gives its number.
///
/// # Errors
/// ENODEV where there is no such link.
///
/// # Kernel
/// operstates.rst: the change of a carrier is looked at by a work queue. Since
/// Linux 6.8 `RTM_GETLINK` does its work first.
pub(crate) fn link(rtnl: &mut Rtnl, name: &str) -> io::Result<u32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match rtnl.link(message::get_link(name))? {
            None => return Err(Errno::NODEV.into()),
            Some(link) if link.is_operational || Instant::now() >= deadline => {
                return Ok(link.index);
            }
            Some(_) => sleep(POLL),
        }
    }
}

/// Waits until packets for an IPv6 address of link `index` are received.
///
/// # Kernel
/// The local route of an address comes from the work queue that would look for
/// a duplicate of it, even if it is told not to look.
pub(crate) fn address(rtnl: &mut Rtnl, index: u32, address: IpAddr) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
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
