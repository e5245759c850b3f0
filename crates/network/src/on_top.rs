//! Links on top of one of the host's: macvlan and ipvlan.
//!
//! They are made straight in the guest's namespace and end with it. The host does
//! not see what they send, so it does not look whose it is either.

use std::os::fd::BorrowedFd;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::interface::{Interface, Kind};
use crate::message::kinds::{self, OnTop};
use crate::rtnl::Rtnl;
use crate::{Error, message, uplink};

/// What their numbers inside begin with: far from where the kernel counts, on the host
/// as in a guest.
const NUMBERS: u32 = 0x7665_0000;

/// The number that an interface's link has inside. A guest can give its link another
/// name and another MAC address, but no other number; and may have several on top of
/// one link of the host's.
pub(crate) fn number(interface: &Interface) -> u32 {
    NUMBERS | (interface.metric & 0xffff)
}

/// Makes the link on top of `parent`; it is down.
///
/// # Kernel
/// Before Linux 6.15 one without a number is looked for by its name on the host first,
/// which may have a link of that name.
///
/// ipvlan.rst; macvlan in bridge mode: guests on one parent reach each other, the
/// host and its guests do not.
pub(crate) fn make(
    host: &mut Rtnl,
    guest: BorrowedFd<'_>,
    interface: &Interface,
    parent: &str,
) -> Result<(), Error> {
    let name = &interface.guest_name;
    let what = || format!("create link {name} on link {parent}");
    let below = host
        .link(message::get_link(parent))
        .context(what)?
        .ok_or_else(|| Error::NoSuchLink {
            name: parent.to_owned(),
        })?;
    let link = OnTop {
        parent: below.index,
        number: number(interface),
        name,
        netns: guest,
        mtu: interface.mtu.or(below.mtu).unwrap_or(uplink::FALLBACK),
    };
    let (message, kind) = if matches!(interface.kind, Kind::Ipvlan { .. }) {
        (kinds::new_ipvlan(&link), "ipvlan")
    } else {
        (kinds::new_macvlan(&link, interface.mac), "macvlan")
    };
    match host.change("create link", message, NLM_F_CREATE | NLM_F_EXCL) {
        Ok(()) => Ok(()),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::OPNOTSUPP) => Err(Error::Unsupported { what: kind }),
            Some(Errno::EXIST) => Err(Error::LinkExists { name: name.clone() }),
            _ => Err(Failure::new(what(), error).into()),
        },
    }
}
