//! Links that are left over: their other end's namespace is dead, and the
//! kernel, which takes namespaces apart in the background, has not come to them.
//!
//! The kernel says so in two ways. A link names its peer's namespace by an id;
//! once the namespace is being taken apart that id is -1, and before that a
//! question about anything in it is answered by EINVAL.
//!
//! A namespace also outlives its last process a little: each netlink socket that
//! the guest had open keeps it until the kernel's next grace period. So a link
//! that looks alive is looked at for a while before that is believed.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use netlink_packet_route::RouteNetlinkMessage;
use rustix::io::Errno;

use crate::answer::Link;
use crate::message;
use crate::rtnl::Rtnl;

/// How long a namespace may live on after its guest. A grace period takes 10 to
/// 50 ms.
const LINGER: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_millis(1);

/// What was found where something was in the way.
#[derive(Debug)]
pub(crate) enum InTheWay {
    /// Nothing: it went away by itself.
    Nothing,
    /// A link in use, by its name (or number, where that is not UTF-8).
    Live(String),
    /// A link left over; it is gone now.
    Cleared,
}

/// Removes the link that `request` names if it is left over, or will be at once.
pub(crate) fn clear(host: &mut Rtnl, request: RouteNetlinkMessage) -> io::Result<InTheWay> {
    let deadline = Instant::now() + LINGER;
    loop {
        let Some(link) = host.link(request.clone())? else {
            return Ok(InTheWay::Nothing);
        };
        if is_left_over(host, &link)? {
            delete(host, link.index)?;
            return Ok(InTheWay::Cleared);
        }
        if !link.is_veth || Instant::now() >= deadline {
            let name = link.name.unwrap_or_else(|| link.index.to_string());
            return Ok(InTheWay::Live(name));
        }
        sleep(POLL);
    }
}

/// Removes a link; one that is gone already is fine.
pub(crate) fn delete(host: &mut Rtnl, index: u32) -> io::Result<()> {
    match host.change("delete link", message::delete_link(index), 0) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => Ok(()),
        result => result,
    }
}

/// Whether the namespace of a link's other end is dead.
///
/// # Kernel
/// `IFLA_LINK_NETNSID`, Linux 4.0; `IFLA_TARGET_NETNSID`, Linux 4.15: EINVAL for
/// an id whose namespace is gone.
pub(crate) fn is_left_over(host: &mut Rtnl, link: &Link) -> io::Result<bool> {
    if !link.is_veth {
        return Ok(false);
    }
    match link.peer_netns {
        // Both ends are in this namespace.
        None => Ok(false),
        Some(id) if id < 0 => Ok(true),
        Some(id) => match host.link(message::get_loopback_of(id)) {
            Ok(_) => Ok(false),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => Ok(true),
            Err(error) => Err(error),
        },
    }
}
