//! The table of the host's settings: one row per key, and their validators.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use veld_units::{Bytes, Error};

use super::remote::{REMOTE, RawRemote};
use super::shared::{GROUP, Group, POOL, RawPool};
use super::{HostNetwork, HostStorage, IDS_PER_VE, Raw};
use crate::document::Parameter;
use crate::parameter::{self, absolute_path};
use crate::{Dns, Invalid};

/// Every key that veld.toml may have.
pub(super) const PARAMETERS: &[Parameter<Raw>] = &[
    Parameter::optional("paths.data", |raw, value| {
        value.set(&mut raw.data, absolute_path)
    }),
    Parameter::optional("paths.run", |raw, value| {
        value.set(&mut raw.run, absolute_path)
    }),
    Parameter::optional("paths.libexec", |raw, value| {
        value.set_some(&mut raw.libexec, absolute_path)
    }),
    Parameter::optional("paths.templates", |raw, value| {
        value.set_some(&mut raw.templates, absolute_path)
    }),
    Parameter::optional("cgroup.parent", |raw, value| {
        value.set_some(&mut raw.cgroup_parent, cgroup_parent)
    }),
    Parameter::optional("memory.overcommit", |raw, value| {
        value.set(&mut raw.overcommit, overcommit)
    }),
    Parameter::optional("ids.first", |raw, value| {
        value.set(&mut raw.first_uid, first_uid)
    }),
    Parameter::optional("network.pool4", |raw, value| {
        value.set(&mut raw.network.pool4, pool4)
    }),
    Parameter::optional("network.pool6", |raw, value| {
        value.set(&mut raw.network.pool6, pool6)
    }),
    Parameter::optional("network.dns", |raw, value| {
        value.set_list(&mut raw.network.dns, str::parse)
    }),
    Parameter::optional("network.link_prefix", |raw, value| {
        value.set(&mut raw.network.link_prefix, link_prefix)
    }),
    Parameter::optional("pool", |raw, value| {
        value.set_tables(&mut raw.pools, RawPool::new, POOL)
    }),
    Parameter::optional("group", |raw, value| {
        value.set_tables(&mut raw.groups, Group::default, GROUP)
    }),
    Parameter::optional("remote", |raw, value| {
        value.set_tables(&mut raw.remotes, RawRemote::default, REMOTE)
    }),
    Parameter::optional("storage.layout", |raw, value| {
        value.set(&mut raw.storage.layout, |text| {
            one_of(
                text,
                "a layout",
                &LAYOUTS,
                "overlay, btrfs, image, directory",
            )
        })
    }),
    Parameter::optional("storage.image_fs", |raw, value| {
        value.set(&mut raw.storage.image_fs, |text| {
            one_of(
                text,
                "a file system of images",
                &IMAGE_FILE_SYSTEMS,
                "ext4, xfs",
            )
        })
    }),
    Parameter::optional("storage.image_size", |raw, value| {
        value.set(&mut raw.storage.image_size, parameter::disk)
    }),
    Parameter::optional("storage.projects", |raw, value| {
        value.set(&mut raw.storage.first_project, first_project)
    }),
    Parameter::optional("start.timeout", |raw, value| {
        value.set(&mut raw.start_timeout, parameter::start_timeout)
    }),
    Parameter::optional("stop.timeout", |raw, value| {
        value.set(&mut raw.stop_timeout, parameter::stop_timeout)
    }),
];

/// The layouts, the default first.
const LAYOUTS: [&str; 4] = ["overlay", "btrfs", "image", "directory"];
const IMAGE_FILE_SYSTEMS: [&str; 2] = ["ext4", "xfs"];

pub(super) fn default_storage() -> HostStorage {
    HostStorage {
        layout: "overlay",
        image_fs: "ext4",
        image_size: Bytes::new(10 << 30),
        first_project: 1_577_058_304,
    }
}

fn one_of(
    text: &str,
    what: &'static str,
    known: &[&'static str],
    allowed: &'static str,
) -> Result<&'static str, Invalid> {
    let found = known.iter().find(|name| **name == text);
    found
        .copied()
        .ok_or_else(|| Invalid::form(text, what, allowed))
}

/// The pools that no network at the site has: a corner of 10/8, and a prefix of
/// the locally assigned ones of RFC 4193.
pub(super) fn default_network() -> HostNetwork {
    let (v4, v6) = (
        Ipv4Addr::new(10, 117, 0, 0),
        Ipv6Addr::new(0xfd76, 0x656c, 0x64, 0, 0, 0, 0, 0),
    );
    HostNetwork {
        pool4: Ipv4Network::new_checked(v4, 16).unwrap_or_else(|| unreachable!("16 is at most 32")),
        pool6: Ipv6Network::new_checked(v6, 64)
            .unwrap_or_else(|| unreachable!("64 is at most 128")),
        dns: vec![Dns::Host],
        link_prefix: "veld".to_owned(),
    }
}

/// One name, because the groups of all VEs are found and removed by joining it
/// to a hierarchy's root: with a slash or as `..` it would reach another's group.
///
/// # Kernel
/// cgroups(7), mkdir(2).
fn cgroup_parent(text: &str) -> Result<String, Invalid> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let named = !matches!(text, "." | "..") && (1..=64).contains(&text.len());
    if named && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        let allowed = "1 to 64 letters, digits, '.', '_' and '-', but not . or ..";
        Err(Invalid::form(text, "the name of a cgroup", allowed))
    }
}

/// 0 guarantees nothing to anybody; ten times the memory cannot be kept either.
fn overcommit(text: &str) -> Result<u32, Error> {
    let allowed = "0% to 1000%, 100% is all memory of the host";
    let digits = text.strip_suffix('%').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<u32>() {
        Ok(percent) if plain && percent <= 1000 => Ok(percent),
        Ok(_) if plain => Err(Error::out_of_range(text, allowed)),
        _ => Err(Error::malformed(text, "a share of the memory", allowed)),
    }
}

/// Whole ranges, above those of the host and below the one that holds -1.
fn first_uid(text: &str) -> Result<u32, Error> {
    let allowed = "a multiple of 65536, from 65536 to 4294836224";
    let last = u32::MAX - 2 * IDS_PER_VE + 1;
    match text.parse::<u32>() {
        Ok(uid) if !uid.is_multiple_of(IDS_PER_VE) => {
            Err(Error::malformed(text, "the first id of a range", allowed))
        }
        Ok(uid) if (IDS_PER_VE..=last).contains(&uid) => Ok(uid),
        Ok(_) => Err(Error::out_of_range(text, allowed)),
        Err(_) => Err(Error::malformed(text, "the first id of a range", allowed)),
    }
}

/// A VE has one of 128 numbers, 65536 apart.
fn first_project(text: &str) -> Result<u32, Error> {
    let allowed = "a multiple of 65536, from 65536 to 4278190080";
    match text.parse::<u32>() {
        Ok(first) if !first.is_multiple_of(IDS_PER_VE) => {
            Err(Error::malformed(text, "the first of the projects", allowed))
        }
        Ok(first) if (IDS_PER_VE..=0xff00_0000).contains(&first) => Ok(first),
        Ok(_) => Err(Error::out_of_range(text, allowed)),
        Err(_) => Err(Error::malformed(text, "the first of the projects", allowed)),
    }
}

fn pool4(text: &str) -> Result<Ipv4Network, Invalid> {
    let allowed = "an IPv4 network with a prefix of 8 to 28 bits, as 10.117.0.0/16";
    let network = text.parse::<Ipv4Network>().ok();
    let network = network
        .filter(|network| text.contains('/') && (8..=28).contains(&network.prefix()))
        .ok_or_else(|| Invalid::form(text, "a pool", allowed))?;
    pool(text, IpNetwork::V4(network))?;
    Ok(network)
}

fn pool6(text: &str) -> Result<Ipv6Network, Invalid> {
    // Each VE's id is 16 bits of its address.
    let allowed = "an IPv6 network with a prefix of 16 to 112 bits, as fd76:656c:64::/64";
    let network = text.parse::<Ipv6Network>().ok();
    let network = network
        .filter(|network| text.contains('/') && (16..=112).contains(&network.prefix()))
        .ok_or_else(|| Invalid::form(text, "a pool", allowed))?;
    pool(text, IpNetwork::V6(network))?;
    Ok(network)
}

/// A pool is written by its first address, and of addresses that VEs can have.
pub(super) fn pool(text: &str, network: IpNetwork) -> Result<(), Invalid> {
    let first = network.network();
    if network.ip() != first {
        return Err(Invalid::HostBits {
            text: text.to_owned(),
            network: format!("{first}/{}", network.prefix()),
        });
    }
    let classes = [parameter::unfit(first), parameter::unfit(last(network))];
    match classes.into_iter().flatten().next() {
        Some(class) => Err(Invalid::Address {
            text: text.to_owned(),
            class,
        }),
        None => Ok(()),
    }
}

fn last(network: IpNetwork) -> IpAddr {
    network.broadcast()
}

/// Seven letters, an id of five digits, a point, the number of an interface and a
/// letter for what else is made for it are the kernel's fifteen.
///
/// # Kernel
/// netdevice(7), IFNAMSIZ.
fn link_prefix(text: &str) -> Result<String, Invalid> {
    if (1..=7).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase()) {
        Ok(text.to_owned())
    } else {
        let allowed = "1 to 7 lower-case letters";
        Err(Invalid::form(
            text,
            "the beginning of a link's name",
            allowed,
        ))
    }
}
