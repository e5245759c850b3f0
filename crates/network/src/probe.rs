//! Whose an address is before a guest gets it: the host's, another link's, or a
//! neighbour's on the same network.
//!
//! ```text
//!  look_up ──> Own, Broadcast   the host's
//!          ──> Routed           another link's
//!          ──> OnLink ────────> neighbours: asked, three times in 0.3 s
//!          ──> Elsewhere        nobody near has it; nothing is asked
//! ```
//!
//! Only an address that a link's own network contains can be a neighbour's, and
//! only such a one takes time.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use netlink_packet_route::route::{RouteAttribute, RouteMessage, RouteType};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use veld_sys::{Context, Failure, packet};

use crate::ethernet::{self, Ethernet};
use crate::link::open_host;
use crate::mac::{Mac, Text};
use crate::rtnl::Rtnl;
use crate::stale::{self, InTheWay};
use crate::{Error, frame, message, uplink};

/// How often neighbours are asked, and how long each time is waited. Whoever has an
/// address answers within a millisecond or two; a question may get lost.
const QUESTIONS: u32 = 3;
const INTERVAL: Duration = Duration::from_millis(100);
/// Frames about neighbours are shorter; what is cut off nobody reads.
const LONGEST: usize = 256;

/// What this network namespace knows of an address without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is an address of the host.
    Own,
    /// It is the broadcast address of a network that the host is in.
    Broadcast,
    /// It is routed, alone, to this link.
    Routed(String),
    /// It belongs to the network that this link is in.
    OnLink(String),
    /// Packets to it go through a gateway, or nowhere.
    Elsewhere,
}

/// Who has an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occupant {
    /// The host.
    Host,
    /// All hosts of a network together.
    Broadcast,
    /// Whoever is behind this link of the host.
    Link(String),
    /// A neighbour.
    Neighbour {
        /// Its Ethernet address.
        mac: Mac,
        /// The link that it is on.
        link: String,
    },
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("is an address of this host"),
            Self::Broadcast => f.write_str("is the broadcast address of a network of this host"),
            Self::Link(link) => write!(f, "is routed to link {link}"),
            Self::Neighbour { mac, link } => {
                write!(f, "is in use by {} on {link}", Text(*mac))
            }
        }
    }
}

/// Looks an address up in the routes of this network namespace. A link that is left
/// over of a guest that ended, and still has the address, is removed.
///
/// # Errors
/// [`Error::Failed`] where the kernel does not say.
///
/// # Kernel
/// rtnetlink(7), `RTM_GETROUTE` with `RTM_F_FIB_MATCH`, Linux 4.13.
pub fn look_up(address: IpAddr) -> Result<Standing, Error> {
    let mut host = open_host()?;
    let what = || format!("look up the route to {address}");
    loop {
        let Some(route) = uplink::route_to(&mut host, address).context(what)? else {
            return Ok(Standing::Elsewhere);
        };
        let standing = standing(&mut host, address, &route).context(what)?;
        let Standing::Routed(link) = &standing else {
            return Ok(standing);
        };
        match stale::clear(&mut host, message::get_link(link)).context(what)? {
            InTheWay::Live(_) => return Ok(standing),
            InTheWay::Nothing | InTheWay::Cleared => {}
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "by every other kind of route packets go nowhere"
)]
fn standing(host: &mut Rtnl, address: IpAddr, route: &RouteMessage) -> io::Result<Standing> {
    let length = route.header.destination_prefix_length;
    match route.header.kind {
        RouteType::Local | RouteType::Anycast => return Ok(Standing::Own),
        RouteType::Broadcast => return Ok(Standing::Broadcast),
        RouteType::Unicast => {}
        _ => return Ok(Standing::Elsewhere),
    }
    let leads_on = |attribute: &RouteAttribute| {
        matches!(
            attribute,
            RouteAttribute::Gateway(_) | RouteAttribute::Via(_)
        )
    };
    // A default route without a gateway is that of a tunnel, or of a host that
    // asks its neighbours for the world.
    if length == 0 || route.attributes.iter().any(leads_on) {
        return Ok(Standing::Elsewhere);
    }
    let Some(index) = crate::answer::link_of(route) else {
        return Ok(Standing::Elsewhere);
    };
    let Some(link) = host.link(message::get_link_numbered(index))? else {
        return Ok(Standing::Elsewhere);
    };
    let name = link.name.unwrap_or_else(|| index.to_string());
    Ok(if length == message::full_length(address) {
        Standing::Routed(name)
    } else {
        Standing::OnLink(name)
    })
}

/// Asks the neighbours on links of this network namespace for addresses: those that
/// somebody has, or is about to take, in the order in which that was heard.
///
/// It takes 0.3 seconds for all together, or less where somebody has each of them. On
/// a link that is down, or knows no neighbours, there is nobody to ask.
///
/// # Errors
/// [`Error::Failed`] with the link: `EPERM` without `CAP_NET_RAW`.
///
/// # Kernel
/// packet(7); RFC 5227, section 2.1.1; RFC 4862, section 5.4.
pub fn neighbours(wanted: &[(IpAddr, String)]) -> Result<Vec<(IpAddr, Occupant)>, Error> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut rtnl = open_host()?;
    let mut asked = Vec::new();
    for (address, link) in wanted {
        if let Some(ethernet) = ethernet::find(&mut rtnl, link)? {
            let source = uplink::source_on(&mut rtnl, *address, ethernet.index)
                .context(|| format!("look up the route to {address}"))?;
            asked.push(Asked::open(*address, source, ethernet)?);
        }
    }
    let mut found = Vec::new();
    for _ in 0..QUESTIONS {
        if asked.is_empty() {
            break;
        }
        asked.iter().try_for_each(Asked::ask)?;
        listen(&mut asked, &mut found)?;
    }
    Ok(found)
}

/// An address that is being asked for.
#[derive(Debug)]
struct Asked {
    address: IpAddr,
    link: Ethernet,
    socket: OwnedFd,
    questions: Vec<Vec<u8>>,
}

impl Asked {
    /// `source` is what the host calls itself when it speaks to the address.
    fn open(address: IpAddr, source: Option<IpAddr>, link: Ethernet) -> Result<Self, Failure> {
        let ethertype = frame::ethertype(address);
        let what = || format!("listen for {address} on link {}", link.name);
        let socket = packet::open(link.index, ethertype, &frame::filter(address)).context(what)?;
        if let IpAddr::V6(address) = address {
            // There whoever else looks for a duplicate of it is heard.
            let group = frame::group_of(address);
            packet::listen_to(socket.as_fd(), link.index, group).context(what)?;
        }
        let mut questions = vec![frame::question(link.mac, address)];
        if let (Some(IpAddr::V4(own)), IpAddr::V4(target)) = (source, address) {
            questions.push(frame::neighbours_question(link.mac, own, target));
        }
        Ok(Self {
            address,
            link,
            socket,
            questions,
        })
    }

    fn ask(&self) -> Result<(), Failure> {
        for question in &self.questions {
            match send(&self.socket, question, SendFlags::empty()) {
                // It went down meanwhile, and nobody is there any more; or its queue
                // is full, and it is asked again.
                Ok(_) | Err(Errno::NETDOWN | Errno::NOBUFS | Errno::AGAIN) => {}
                Err(errno) => {
                    let what = || format!("ask for {} on link {}", self.address, self.link.name);
                    return Err(errno).context(what);
                }
            }
        }
        Ok(())
    }

    /// Who is a rival, by what has arrived.
    fn answer(&self) -> Result<Option<Mac>, Failure> {
        let mut bytes = [0; LONGEST];
        loop {
            match recv(&self.socket, &mut bytes, RecvFlags::empty()) {
                Ok((length, _)) => {
                    let frame = bytes.get(..length).unwrap_or_default();
                    let rival = frame::rival(frame, self.link.mac, self.address);
                    if rival.is_some() {
                        return Ok(rival);
                    }
                }
                Err(Errno::AGAIN | Errno::NETDOWN) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(errno).context(|| format!("listen on link {}", self.link.name));
                }
            }
        }
    }
}

/// Listens for one interval. Those of whom somebody is heard go from `asked` to `found`.
fn listen(asked: &mut Vec<Asked>, found: &mut Vec<(IpAddr, Occupant)>) -> Result<(), Failure> {
    let deadline = Instant::now() + INTERVAL;
    while !asked.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        wait(asked, left).context(|| "wait for answers of neighbours")?;
        let mut silent = Vec::new();
        for one in asked.drain(..) {
            match one.answer()? {
                None => silent.push(one),
                Some(mac) => {
                    let link = one.link.name;
                    found.push((one.address, Occupant::Neighbour { mac, link }));
                }
            }
        }
        *asked = silent;
    }
    Ok(())
}

fn wait(asked: &[Asked], left: Duration) -> io::Result<()> {
    let left = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
    let mut sockets: Vec<PollFd<'_>> = asked
        .iter()
        .map(|one| PollFd::new(&one.socket, PollFlags::IN))
        .collect();
    retry_on_intr(|| poll(&mut sockets, Some(&left)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn occupants_are_worded_to_follow_the_address() {
        let neighbour = Occupant::Neighbour {
            mac: [2, 0, 0, 0, 0xab, 5],
            link: "eth0".into(),
        };
        let rows = [
            (Occupant::Host, "is an address of this host"),
            (
                Occupant::Broadcast,
                "is the broadcast address of a network of this host",
            ),
            (Occupant::Link("veld7".into()), "is routed to link veld7"),
            (neighbour, "is in use by 02:00:00:00:ab:05 on eth0"),
        ];
        for (occupant, text) in rows {
            assert_eq!(occupant.to_string(), text);
        }
    }
}
