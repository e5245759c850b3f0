//! What a guest's network really is like, whatever it was told to be.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use ipnetwork::IpNetwork;
use netlink_packet_route::link::Stats64;
use veld_sys::Context;

use crate::link::open_host;
use crate::{Error, message, name, netns};

mod bytes;

/// A guest can make as many links and addresses as its memory has room for, and
/// chooses their names: we read no more than somebody would want to look at.
const MOST_LINKS: usize = 64;
const MOST_ADDRESSES: usize = 256;

/// The links of a network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// By number, `lo` first.
    pub links: Vec<ObservedLink>,
    /// Whether that is all: no more than 64 links and 256 addresses, and none that
    /// came or went while they were read.
    pub complete: bool,
}

/// A link as its namespace sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedLink {
    /// Its number.
    pub index: u32,
    /// Its name, which the guest chose: it may hold control characters, and what
    /// was not UTF-8 of it is U+FFFD.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Its addresses with their prefix lengths, in the kernel's order.
    pub addresses: Vec<IpNetwork>,
}

/// What went over a link, as its guest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// To the guest, bytes.
    pub received_bytes: u64,
    /// To the guest, packets.
    pub received_packets: u64,
    /// From the guest, bytes.
    pub sent_bytes: u64,
    /// From the guest, packets.
    pub sent_packets: u64,
}

impl std::ops::Add for Counters {
    type Output = Self;

    /// Of two links together; a count that would be too great stays at the greatest.
    fn add(self, other: Self) -> Self {
        let sum = u64::saturating_add;
        Self {
            received_bytes: sum(self.received_bytes, other.received_bytes),
            received_packets: sum(self.received_packets, other.received_packets),
            sent_bytes: sum(self.sent_bytes, other.sent_bytes),
            sent_packets: sum(self.sent_packets, other.sent_packets),
        }
    }
}

/// Reads the links and addresses that the network namespace `guest` has now.
///
/// It may be a running and hostile guest's: only the kernel is asked, only so
/// much is read, and nothing that cannot be understood stops the rest.
///
/// # Errors
/// [`Error::Failed`] where the namespace cannot be entered or the kernel does
/// not answer.
///
/// # Kernel
/// rtnetlink(7), `RTM_GETLINK` and `RTM_GETADDR` dumps.
pub fn observe(guest: BorrowedFd<'_>) -> Result<Observed, Error> {
    let [for_links, for_addresses] = netns::talk(guest)?;
    let mut links = BTreeMap::new();
    let mut complete = true;
    for_links
        .dump(message::get_links(), |object| {
            if links.len() >= MOST_LINKS {
                complete = false;
                return ControlFlow::Break(());
            }
            match bytes::link(object) {
                Some(link) => drop(links.insert(link.index, link)),
                None => complete = false,
            }
            ControlFlow::Continue(())
        })
        .context(|| "list the links inside")?;
    let mut seen = 0;
    for_addresses
        .dump(message::get_addresses(), |object| {
            if seen >= MOST_ADDRESSES {
                complete = false;
                return ControlFlow::Break(());
            }
            seen += 1;
            let found = bytes::address(object);
            match found.and_then(|(index, address)| Some((links.get_mut(&index)?, address))) {
                Some((link, address)) => link.addresses.push(address),
                None => complete = false,
            }
            ControlFlow::Continue(())
        })
        .context(|| "list the addresses inside")?;
    Ok(Observed {
        links: links.into_values().collect(),
        complete,
    })
}

/// What went over the link called `host_name`, or none where there is no such link.
///
/// Read from the host end, which the guest cannot rename, remove or reset.
///
/// # Errors
/// [`Error::BadName`]; [`Error::Failed`] where the kernel does not answer.
///
/// # Kernel
/// rtnetlink(7), `IFLA_STATS64`, Linux 2.6.35.
pub fn counters(host_name: &str) -> Result<Option<Counters>, Error> {
    name::check_link(host_name)?;
    let link = open_host()?
        .link(message::get_link(host_name))
        .context(|| format!("read the counters of link {host_name}"))?;
    Ok(link.map(|link| seen_from_inside(&link.stats.unwrap_or_default())))
}

/// What went over each link of this network namespace whose name begins with
/// `prefix`, as their guests count; by the name of the host end.
///
/// One question to the kernel, whose answer has all links: half a millisecond for
/// two hundred, where their files in /sys take six times as long.
///
/// # Errors
/// [`Error::Failed`] where the kernel does not answer.
///
/// # Kernel
/// rtnetlink(7), dump of `RTM_GETLINK`.
pub fn all_counters(prefix: &str) -> Result<BTreeMap<String, Counters>, Error> {
    let mut all = BTreeMap::new();
    open_host()?
        .dump(message::get_links(), |object| {
            if let Some((name, stats)) = bytes::stats(object)
                && name.starts_with(prefix)
            {
                all.insert(name, seen_from_inside(&stats));
            }
            ControlFlow::Continue(())
        })
        .context(|| "read the counters of all links")?;
    Ok(all)
}

pub(crate) fn seen_from_inside(host_end: &Stats64) -> Counters {
    Counters {
        received_bytes: host_end.tx_bytes,
        received_packets: host_end.tx_packets,
        sent_bytes: host_end.rx_bytes,
        sent_packets: host_end.rx_packets,
    }
}
