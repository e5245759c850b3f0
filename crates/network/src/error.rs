//! What can go wrong with a link, for callers that branch on it.

use std::net::IpAddr;

use rustix::io::Errno;
use veld_sys::Failure;

/// Why a link, an address or the host's rules are not as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation on the kernel did not happen.
    #[error(transparent)]
    Failed(#[from] Failure),

    /// A link of this name is there and in use: its other end, or what else it
    /// is, belongs to somebody who is alive.
    #[error("link {name} already exists")]
    LinkExists {
        /// The name, on the host or inside.
        name: String,
    },

    /// Another link has this address.
    #[error("address {address} is already routed to link {link}")]
    AddressTaken {
        /// The address asked for.
        address: IpAddr,
        /// The link that packets to it go to.
        link: String,
    },

    /// A link of this name is there but no veth, so it is none of ours.
    #[error("link {name} is not a veth pair")]
    NotOurs {
        /// The name on the host.
        name: String,
    },

    /// The kernel would not take this as a link's name.
    #[error("\"{name}\" is not a link name: {reason}")]
    BadName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// No single host can have this address on a routed link.
    #[error("{address} cannot be the address of a link: {reason}")]
    BadAddress {
        /// What was given.
        address: IpAddr,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// No single link can have this MAC address.
    #[error("{} cannot be the MAC address of a link: {reason}", crate::mac::Text(*mac))]
    BadMac {
        /// What was given.
        mac: crate::Mac,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// No link with these addresses can have this MTU.
    #[error("{mtu} cannot be the MTU of a link: {reason}")]
    BadMtu {
        /// What was given, bytes.
        mtu: u32,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// The host has no link of this name to make another one of.
    #[error("there is no link {name}")]
    NoSuchLink {
        /// The name on the host.
        name: String,
    },

    /// A link of this name is there but no bridge.
    #[error("link {name} is not a bridge")]
    NotABridge {
        /// The name on the host.
        name: String,
    },

    /// The host itself uses this link to reach the world.
    #[error("link {name} is what the host's default route uses")]
    IsUplink {
        /// The name on the host.
        name: String,
    },

    /// A bridge that somebody else made takes no notice of VLANs.
    #[error("bridge {name} does not filter VLANs: see vlan_filtering of ip-link(8)")]
    NoVlans {
        /// The name on the host.
        name: String,
    },

    /// This kernel was built without something.
    #[error("this kernel has no {what}")]
    Unsupported {
        /// What it lacks.
        what: &'static str,
    },

    /// IPv6 is switched off where an address was to be.
    #[error("{link} has IPv6 switched off (see disable_ipv6)")]
    NoIpv6 {
        /// The link, and whether it is the end inside.
        link: String,
    },

    /// The kernel has no nftables or the host has no `nft`. Everything else of
    /// [`ensure_host`](crate::ensure_host) was done: links work, but without
    /// masquerading, and IPv6 source addresses are not checked.
    #[error(transparent)]
    NoNftables(Failure),

    /// `nft` did not take the rules.
    #[error("cannot load table {table}: {message}")]
    RulesRefused {
        /// The table's family and name.
        table: String,
        /// The first line that nft said.
        message: String,
    },

    /// Nobody loaded the rules here, or somebody flushed them.
    #[error("table inet {table} is not loaded")]
    NotLoaded {
        /// The table's name.
        table: String,
    },

    /// A port cannot lead to this guest.
    #[error("cannot publish {port}: {reason}")]
    CannotPublish {
        /// Port of the host, with its address where one was given.
        port: String,
        /// What is in the way.
        reason: &'static str,
    },

    /// A port of the host leads to another guest.
    #[error("{port} is already published for {holder}")]
    PortTaken {
        /// Port of the host, with its address where one was given.
        port: String,
        /// Where it leads to.
        holder: IpAddr,
    },

    /// A process of the host has the port.
    #[error("{port} is in use by a process of the host")]
    PortInUse {
        /// Port of the host, with its address where one was given.
        port: String,
    },
}

impl Error {
    /// The errno, where there is one: that of the kernel, or `EEXIST` for what
    /// is there already.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Failed(failure) | Self::NoNftables(failure) => failure.errno(),
            Self::LinkExists { .. } | Self::AddressTaken { .. } | Self::PortTaken { .. } => {
                Some(Errno::EXIST.raw_os_error())
            }
            Self::Unsupported { .. } => Some(Errno::OPNOTSUPP.raw_os_error()),
            Self::NoSuchLink { .. } => Some(Errno::NODEV.raw_os_error()),
            Self::PortInUse { .. } => Some(Errno::ADDRINUSE.raw_os_error()),
            Self::NotLoaded { .. } => Some(Errno::NOENT.raw_os_error()),
            Self::NotOurs { .. }
            | Self::BadMac { .. }
            | Self::BadMtu { .. }
            | Self::NotABridge { .. }
            | Self::IsUplink { .. }
            | Self::NoVlans { .. }
            | Self::NoIpv6 { .. }
            | Self::BadName { .. }
            | Self::BadAddress { .. }
            | Self::RulesRefused { .. }
            | Self::CannotPublish { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_their_operands() {
        let rows: [(Error, &str); 7] = [
            (
                Error::Failed(Failure::new("create link veld1", Errno::PERM)),
                "cannot create link veld1",
            ),
            (
                Error::LinkExists {
                    name: "veld1".into(),
                },
                "link veld1 already exists",
            ),
            (
                Error::AddressTaken {
                    address: [10, 77, 0, 1].into(),
                    link: "veld2".into(),
                },
                "address 10.77.0.1 is already routed to link veld2",
            ),
            (
                Error::NotOurs {
                    name: "eth0".into(),
                },
                "link eth0 is not a veth pair",
            ),
            (
                Error::BadName {
                    name: "a/b".into(),
                    reason: "it has a slash",
                },
                "\"a/b\" is not a link name: it has a slash",
            ),
            (
                Error::NoNftables(Failure::new("run nft", Errno::NOENT)),
                "cannot run nft",
            ),
            (
                Error::RulesRefused {
                    table: "inet veld".into(),
                    message: "Error: x".into(),
                },
                "cannot load table inet veld: Error: x",
            ),
        ];
        for (error, text) in rows {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn errno_tells_exists_from_not_permitted() {
        let exists = Error::LinkExists {
            name: "veld1".into(),
        };
        let denied = Error::Failed(Failure::new("create link veld1", Errno::PERM));
        assert_eq!(exists.errno(), Some(Errno::EXIST.raw_os_error()));
        assert_eq!(denied.errno(), Some(Errno::PERM.raw_os_error()));
    }
}
