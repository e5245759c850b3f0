//! nftables by netlink: questions about what is there, and changes as one
//! transaction, without running nft.
//!
//! A batch holds any number of changes; the kernel makes all of them at once,
//! between two packets, or none. It takes microseconds, where a run of nft takes
//! milliseconds. What is here is no compiler: the few objects that differ from
//! guest to guest, in a table whose static part nft has loaded.

pub(crate) mod attributes;
pub(crate) mod batch;
pub(crate) mod expression;
pub(crate) mod question;

use std::io;

use rustix::io::Errno;

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of a message's type.
const NFTABLES: u16 = 10 << 8;
/// Which packets a table sees: `struct nfgenmsg`.
pub(crate) type Family = [u8; 4];
/// `NFPROTO_INET`, version 0, resource 0: IPv4 and IPv6.
pub(crate) const INET: Family = [1, 0, 0, 0];
/// `NFPROTO_BRIDGE`: frames between ports of bridges.
pub(crate) const BRIDGE: Family = [7, 0, 0, 0];

/// Whether an errno says that the kernel has no nftables.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INVAL | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT)
    )
}
