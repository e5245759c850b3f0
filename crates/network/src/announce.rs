//! Telling neighbours that an address is here from now on, so that none of them
//! goes on sending to where it was.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use veld_sys::{Context, fault, packet};

use crate::link::open_host;
use crate::{Error, ethernet, frame, name, netns};

/// Announces an address to the neighbours on a link of this network namespace, as
/// being at that link's own Ethernet address. On a link that is down, or knows no
/// neighbours, nobody is told.
///
/// # Errors
/// [`Error::BadName`]; [`Error::Failed`] with address and link: `EPERM` without
/// `CAP_NET_RAW`.
///
/// # Kernel
/// packet(7); RFC 5227, section 3 (gratuitous ARP); RFC 4861, section 7.2.6
/// (unsolicited neighbour advertisement).
pub fn announce(address: IpAddr, link: &str) -> Result<(), Error> {
    name::check_link(link)?;
    let Some(ethernet) = ethernet::find(&mut open_host()?, link)? else {
        return Ok(());
    };
    let what = || format!("announce {address} on link {link}");
    fault::point("announce address").context(what)?;
    let ethertype = frame::ethertype(address);
    let socket = packet::open(ethernet.index, ethertype, &frame::filter(address)).context(what)?;
    for frame in frame::announcement(ethernet.mac, address) {
        match send(&socket, &frame, SendFlags::empty()) {
            Ok(_) | Err(Errno::NETDOWN) => {}
            Err(errno) => return Err(errno).context(what).map_err(Error::from),
        }
    }
    Ok(())
}

/// As [`announce`], from within a guest's namespace and on a link of its own: for
/// guests that are on a network themselves.
///
/// # Errors
/// Those of [`announce`], and where the namespace cannot be entered.
pub fn announce_inside(guest: BorrowedFd<'_>, address: IpAddr, link: &str) -> Result<(), Error> {
    netns::within(guest, || announce(address, link))?
}
