//! What the host has once, for all links together.

use ipnetwork::IpNetwork;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressFlags, AddressScope};
use rustix::io::Errno;
use veld_sys::Context;

use crate::link::open_host;
use crate::message::{self, LOOPBACK};
use crate::parts::GATEWAY4;
use crate::rules::Rules;
use crate::{Error, name, rules, sysctl};

/// Which links are ours and which addresses are theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostNetwork {
    /// How the names of all host ends begin, and the nftables table's name: up
    /// to seven lower-case letters.
    pub link_prefix: String,
    /// Addresses that the world sees as the host's. All others of guests it sees
    /// as they are, and is to know the way to.
    pub masquerade: Vec<IpNetwork>,
    /// Networks that are nowhere but on this host.
    pub inner: Vec<IpNetwork>,
}

/// Makes this network namespace a host for links: rules, the gateway's address,
/// forwarding. May be called at every start; where all is there it takes well
/// below a millisecond and runs no program.
///
/// The rules, for links of our prefix alone:
///
/// - a packet's source must be routed to the link it came by, or it is dropped;
/// - ICMP redirects, IPv6 router advertisements and answers of DHCP servers are
///   dropped, as is multicast and broadcast other than neighbour solicitation;
/// - packets from addresses to masquerade that leave by another link are;
/// - packets to an address of an inner network that no link has are refused, not
///   sent to the uplink;
/// - ports that are published, isolation and policies, by entries that
///   [`admit`](crate::admit) makes.
///
/// Forwarding is switched on for both families and so for all links of the
/// host, as the kernel knows no finer switch: a host with several uplinks that
/// must not route between them needs rules of its own. Links that take IPv6
/// router advertisements go on doing so (`accept_ra` 1 becomes 2).
///
/// # Errors
/// - [`Error::NoNftables`]: all but the rules was done; a caller may warn and go on;
/// - [`Error::RulesRefused`]: nft said no, and nothing else was done;
/// - [`Error::BadName`]: of the prefix;
/// - [`Error::Failed`]: as the kernel says, `EPERM` without `CAP_NET_ADMIN`.
///
/// # Kernel
/// nftables with `fib` (Linux 4.10) in an `inet` table; `inet` NAT, Linux 5.2.
pub fn ensure_host(network: &HostNetwork) -> Result<Rules, Error> {
    name::check_prefix(&network.link_prefix)?;
    // Before forwarding, so that no packet of a guest is ever forwarded unchecked.
    let rules = rules::ensure(network);
    match rules {
        Ok(_) | Err(Error::NoNftables(_)) => {}
        Err(error) => return Err(error),
    }
    add_gateway()?;
    sysctl::ensure_forwarding(&network.link_prefix)?;
    rules
}

/// As [`ensure_host`], with the rules loaded anew whatever is there: for a table
/// that somebody else has changed. Their entries are gone then, so the caller
/// puts them back by [`rebuild`](crate::rebuild) right away.
///
/// # Errors
/// Those of [`ensure_host`].
pub fn reload_host(network: &HostNetwork) -> Result<(), Error> {
    name::check_prefix(&network.link_prefix)?;
    rules::reload(network)?;
    ensure_host(network).map(|_| ())
}

/// Takes away the rules and the gateway's address; links stay, as does
/// forwarding, since nobody knows who else relies on it by now.
///
/// # Errors
/// [`Error::NoNftables`] where the rules are loaded but `nft` is gone; else those
/// of [`ensure_host`].
pub fn remove_host(network: &HostNetwork) -> Result<(), Error> {
    name::check_prefix(&network.link_prefix)?;
    rules::remove(&network.link_prefix)?;
    let gateway = message::delete_address(LOOPBACK, GATEWAY4.into(), 32);
    let removed = open_host()?.change("remove gateway address", gateway, 0);
    match removed {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::ADDRNOTAVAIL) => Ok(()),
        result => Ok(result.context(|| format!("remove address {GATEWAY4} from link lo"))?),
    }
}

/// Of host scope: the kernel answers ARP for it, but never takes it for the
/// source of anything that did not ask for it.
fn add_gateway() -> Result<(), Error> {
    let address = message::address(
        LOOPBACK,
        GATEWAY4.into(),
        32,
        AddressScope::Host,
        AddressFlags::empty(),
    );
    let added = open_host()?.change("add gateway address", address, NLM_F_CREATE | NLM_F_EXCL);
    match added {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => Ok(()),
        result => Ok(result.context(|| format!("add address {GATEWAY4} to link lo"))?),
    }
}
