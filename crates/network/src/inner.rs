//! A link as its guest's namespace has it now, which the guest may have renamed,
//! taken down, moved further or removed.
//!
//! Found by what the guest cannot alter: the end inside of a pair by the number
//! that the kernel gives at the host end, a link on top of one of the host's by
//! the number that it was made with. The names are bytes, as a guest's may be no text.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;

use netlink_packet_core::NlasIterator;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkFlags, LinkHeader};
use netlink_packet_route::nsid::NsidAttribute;
use veld_sys::{Context, Failure};

use crate::interface::{Interface, Kind};
use crate::message::{self, kinds};
use crate::rtnl::Rtnl;
use crate::{netns, on_top};

/// How many of a guest's links are looked at for one that has another name.
const MOST_LINKS: usize = 1024;

/// `struct ifinfomsg`, which the attributes follow.
const HEADER: usize = 16;
/// The top two bits of an attribute's type are flags.
const TYPE: u16 = 0x3fff;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_PROP_LIST: u16 = 52;
const IFLA_ALT_IFNAME: u16 = 53;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFLA_INFO_KIND: u16 = 1;

/// What we read of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inner {
    pub(crate) index: u32,
    pub(crate) is_up: bool,
    pub(crate) name: Vec<u8>,
    /// Its further names.
    pub(crate) other_names: Vec<Vec<u8>>,
    /// Its kind, as `macvlan`; hardware has none.
    pub(crate) kind: Vec<u8>,
    /// Its MAC address.
    pub(crate) address: Vec<u8>,
    /// The one it was made with; virtual links mostly have none.
    pub(crate) permanent: Vec<u8>,
    /// Its MTU, bytes.
    pub(crate) mtu: u32,
    /// The number of the link below.
    pub(crate) parent: Option<u32>,
    /// Whether that is in another namespace.
    pub(crate) is_from_outside: bool,
}

impl Inner {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let header = LinkHeader::parse(payload).ok()?;
        let mut inner = Self {
            index: header.index,
            is_up: header.flags.contains(LinkFlags::Up),
            ..Self::default()
        };
        for (kind, value) in attributes(payload.get(HEADER..)?) {
            match kind {
                IFLA_ADDRESS => inner.address = value,
                IFLA_IFNAME => inner.name = text(value),
                IFLA_PERM_ADDRESS => inner.permanent = value,
                IFLA_LINK => inner.parent = number(value),
                IFLA_MTU => inner.mtu = number(value).unwrap_or_default(),
                IFLA_LINK_NETNSID => inner.is_from_outside = true,
                IFLA_LINKINFO => {
                    inner.kind = attributes(&value)
                        .find(|(kind, _)| *kind == IFLA_INFO_KIND)
                        .map(|(_, value)| text(value))
                        .unwrap_or_default();
                }
                IFLA_PROP_LIST => {
                    inner.other_names = attributes(&value)
                        .filter(|(kind, _)| *kind == IFLA_ALT_IFNAME)
                        .map(|(_, value)| value)
                        .collect();
                }
                _ => {}
            }
        }
        Some(inner)
    }
}

fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, Vec<u8>)> + '_ {
    NlasIterator::new(bytes)
        .map_while(Result::ok)
        .map(|attribute| (attribute.kind() & TYPE, attribute.value().to_vec()))
}

fn number(bytes: Vec<u8>) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_ne_bytes)
}

fn text(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

/// Finds the link inside that is this interface's, where the guest still has it.
///
/// # Errors
/// As the kernel says.
pub(crate) fn find(
    host: &mut Rtnl,
    guest: BorrowedFd<'_>,
    interface: &Interface,
) -> Result<Option<Inner>, Failure> {
    let what = || format!("look up link {} inside", interface.guest_name);
    match &interface.kind {
        Kind::Routed | Kind::Bridge { .. } => {
            let index = end_of_pair(host, guest, &interface.host_name).context(what)?;
            let Some(index) = index else { return Ok(None) };
            look_inside(guest, index, &interface.guest_name)
        }
        Kind::Macvlan { parent } | Kind::Ipvlan { parent } => {
            let parent = match host.link(message::get_link(parent)).context(what)? {
                Some(parent) => parent.index,
                // Then the kernel has removed what was on top of it.
                None => return Ok(None),
            };
            let number = on_top::number(interface);
            let found = look_inside(guest, number, &interface.guest_name)?;
            Ok(found.filter(|inner| {
                let on_top = inner.kind == b"macvlan" || inner.kind == b"ipvlan";
                on_top && inner.is_from_outside && inner.parent == Some(parent)
            }))
        }
        Kind::Physical { .. } => {
            let name = interface.guest_name.as_bytes();
            search(guest, &interface.guest_name, |inner| inner.name == name)
        }
    }
}

/// The link of this number inside, which was called `name`.
fn look_inside(guest: BorrowedFd<'_>, index: u32, name: &str) -> Result<Option<Inner>, Failure> {
    let [mut inside] = netns::talk(guest)?;
    let found = inside
        .look(message::get_link_numbered(index))
        .context(|| format!("look up link {name} inside"))?;
    Ok(found.and_then(|payload| Inner::parse(&payload)))
}

/// The number of the other end of a pair, if that is in the namespace that it was
/// made in.
fn end_of_pair(host: &mut Rtnl, guest: BorrowedFd<'_>, host_name: &str) -> io::Result<Option<u32>> {
    let Some(near) = host.link(message::get_link(host_name))? else {
        return Ok(None);
    };
    let id = netns_id(host, guest)?;
    let is_there = id.is_some() && near.peer_netns == id;
    Ok(near.other.filter(|_| is_there))
}

/// Which number this namespace knows `guest` by, if it ever met it.
fn netns_id(host: &mut Rtnl, guest: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let RouteNetlinkMessage::NewNsId(answer) = host.get(kinds::get_netns_id(guest))? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let id = answer.attributes.iter().find_map(|attribute| {
        let NsidAttribute::Id(id) = attribute else {
            return None;
        };
        Some(*id)
    });
    Ok(id.filter(|id| *id >= 0))
}

/// The link inside that `is` the one, which is probably called `name`.
pub(crate) fn search(
    guest: BorrowedFd<'_>,
    name: &str,
    is: impl Fn(&Inner) -> bool,
) -> Result<Option<Inner>, Failure> {
    let what = || format!("look up link {name} inside");
    let [mut by_name, all] = netns::talk(guest)?;
    let named = by_name.look(message::get_link(name)).context(what)?;
    if let Some(inner) = named.and_then(|payload| Inner::parse(&payload))
        && is(&inner)
    {
        return Ok(Some(inner));
    }
    let (mut found, mut seen) = (None, 0);
    all.dump(message::get_links(), |payload| {
        seen += 1;
        found = Inner::parse(payload).filter(|inner| is(inner));
        if found.is_some() || seen >= MOST_LINKS {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
    .context(what)?;
    Ok(found)
}
