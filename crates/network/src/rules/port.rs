//! Whether a process of the host has a port that is to be published.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::sockopt::{
    set_ip_freebind, set_ipv6_freebind, set_ipv6_v6only, set_socket_reuseaddr,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};

use super::guest::{Publish, Transport};

/// Whether the port is somebody's in this network namespace: tried by binding
/// it, for no longer than that takes.
///
/// A host that lacks a family has nobody there.
///
/// # Kernel
/// bind(2); `SO_REUSEADDR` of socket(7), with which a connection that is over
/// does not count, but whoever listens does; `IP_FREEBIND` of ip(7).
pub(super) fn is_in_use(publish: &Publish) -> bool {
    let any = [
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ];
    let addresses = publish.address.map_or(any.to_vec(), |own| vec![own]);
    addresses.into_iter().any(|address| {
        let bound = try_bind(SocketAddr::new(address, publish.port), publish.transport);
        bound == Err(Errno::ADDRINUSE)
    })
}

fn try_bind(address: SocketAddr, transport: Transport) -> Result<(), Errno> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let kind = match transport {
        Transport::Tcp => SocketType::STREAM,
        Transport::Udp => SocketType::DGRAM,
    };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if transport == Transport::Tcp {
        set_socket_reuseaddr(&socket, true)?;
    }
    if address.is_ipv4() {
        set_ip_freebind(&socket, true)?;
    } else {
        set_ipv6_v6only(&socket, true)?;
        set_ipv6_freebind(&socket, true)?;
    }
    bind(&socket, &address)
}
