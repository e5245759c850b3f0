//! Links that have neighbours.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::mac::Mac;
use crate::message;
use crate::rtnl::Rtnl;

/// A link on which one may ask for neighbours.
#[derive(Debug, Clone)]
pub(crate) struct Ethernet {
    pub(crate) index: u32,
    pub(crate) name: String,
    pub(crate) mac: Mac,
}

/// The link called `name`, if it is there, up, and has neighbours: a tunnel has none.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "kernels add attributes; those that we do not read mean nothing to us"
)]
pub(crate) fn find(rtnl: &mut Rtnl, name: &str) -> Result<Option<Ethernet>, Failure> {
    let what = || format!("look up link {name}");
    let link = match rtnl.get(message::get_link(name)) {
        Ok(RouteNetlinkMessage::NewLink(link)) => link,
        Ok(_) => return Err(Errno::PROTO).context(what),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NODEV) => return Ok(None),
        Err(error) => return Err(error).context(what),
    };
    let mac = link.attributes.iter().find_map(|it| match it {
        LinkAttribute::Address(bytes) => Mac::try_from(bytes.as_slice()).ok(),
        _ => None,
    });
    let asks = link.header.link_layer_type == LinkLayerType::Ether
        && link.header.flags.contains(LinkFlags::Up)
        && !link.header.flags.contains(LinkFlags::Noarp);
    Ok(mac.filter(|_| asks).map(|mac| Ethernet {
        index: link.header.index,
        name: name.to_owned(),
        mac,
    }))
}
