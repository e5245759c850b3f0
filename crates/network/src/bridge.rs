//! Bridges of the host, and the VLANs of their ports.

use std::io::Read as _;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

use crate::answer::Bridge;
use crate::link::open_host;
use crate::mac::Mac;
use crate::message::{self, kinds};
use crate::rtnl::Rtnl;
use crate::{Error, name};

/// The name of the bridge that ports are put on where no other is named.
#[must_use]
pub fn own_bridge(link_prefix: &str) -> String {
    format!("{link_prefix}br")
}

/// Makes a bridge of ours where there is none of this name: without an address,
/// without spanning tree, and up. With `vlans` it looks at VLAN tags from then on,
/// where its kernel can. All else of one that is there is left as it is.
///
/// Whether a bridge that somebody else made looks at VLAN tags is for them to say:
/// its other ports may lose what they have.
///
/// # Errors
/// [`Error::BadName`]; [`Error::NotABridge`] where another link has the name;
/// [`Error::Unsupported`]; [`Error::Failed`] as the kernel says.
///
/// # Kernel
/// bridge.rst; rtnetlink(7). A MAC address that was given at birth stays.
pub fn ensure_bridge(bridge: &str, vlans: bool) -> Result<(), Error> {
    name::check_link(bridge)?;
    let mut host = open_host()?;
    let found = match find(&mut host, bridge) {
        Err(Error::NoSuchLink { .. }) => {
            create(&mut host, bridge)?;
            find(&mut host, bridge)?
        }
        found => found?,
    };
    if vlans && found.vlans.knows_vlans && !found.vlans.filters_vlans {
        host.change("filter VLANs", kinds::filter_vlans(found.index), 0)
            .context(|| format!("filter VLANs on bridge {bridge}"))?;
    }
    Ok(())
}

fn create(host: &mut Rtnl, bridge: &str) -> Result<(), Error> {
    let what = || format!("create bridge {bridge}");
    let message = kinds::new_bridge(bridge, random_mac().context(what)?);
    let created = host.change("create bridge", message, NLM_F_CREATE | NLM_F_EXCL);
    match created {
        Err(error) => match Errno::from_io_error(&error) {
            // By another start, just now.
            Some(Errno::EXIST) => Ok(()),
            Some(Errno::OPNOTSUPP) => Err(Error::Unsupported { what: "bridge" }),
            _ => Err(Failure::new(what(), error).into()),
        },
        Ok(()) => Ok(()),
    }
}

/// A bridge of the host's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) index: u32,
    pub(crate) mtu: Option<u32>,
    vlans: Bridge,
}

/// The bridge called `bridge`.
pub(crate) fn find(host: &mut Rtnl, bridge: &str) -> Result<Found, Error> {
    let name = || bridge.to_owned();
    let link = host
        .link(message::get_link(bridge))
        .context(|| format!("look up bridge {bridge}"))?
        .ok_or_else(|| Error::NoSuchLink { name: name() })?;
    let vlans = link
        .bridge
        .ok_or_else(|| Error::NotABridge { name: name() })?;
    Ok(Found {
        index: link.index,
        mtu: link.mtu,
        vlans,
    })
}

impl Found {
    /// Refuses a VLAN that this bridge would take no notice of.
    pub(crate) fn check_vlans(&self, bridge: &str) -> Result<(), Error> {
        if !self.vlans.knows_vlans {
            return Err(Error::Unsupported {
                what: "VLANs on bridges",
            });
        }
        if !self.vlans.filters_vlans {
            return Err(Error::NoVlans {
                name: bridge.to_owned(),
            });
        }
        Ok(())
    }

    /// Puts a port that was in the first VLAN into the second; none is the bridge's
    /// default one.
    pub(crate) fn change_vlan(
        &self,
        host: &mut Rtnl,
        port: u32,
        name: &str,
        (old, new): (Option<u16>, Option<u16>),
    ) -> Result<(), Error> {
        if old.is_none() && new.is_none() {
            return Ok(());
        }
        let default = self.vlans.default_vlan;
        let [old, new] = [old, new].map(|vlan| vlan.unwrap_or(default));
        if new != 0 {
            host.change("enter VLAN", kinds::enter_vlan(port, new), 0)
                .context(|| format!("put link {name} into VLAN {new}"))?;
        }
        // A port that has joined a bridge is in its default VLAN.
        for left in [old, default] {
            if left == 0 || left == new {
                continue;
            }
            match host.change("leave VLAN", kinds::leave_vlan(port, left), 0) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => {}
                left_it => {
                    left_it.context(|| format!("take link {name} out of VLAN {left}"))?;
                }
            }
        }
        Ok(())
    }
}

/// A locally administered address: two hosts on one LAN must not have the same.
fn random_mac() -> std::io::Result<Mac> {
    let mut mac = Mac::default();
    std::fs::File::open("/dev/urandom")?.read_exact(&mut mac)?;
    let [first, ..] = &mut mac;
    *first = (*first & 0xfc) | 0x02;
    Ok(mac)
}
