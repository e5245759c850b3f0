//! MAC addresses, and the IPv6 link-local addresses that follow from them.

use std::fmt;
use std::net::Ipv6Addr;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// The address of every host end. Each is alone with its guest, so one will do
/// for all, and a guest's neighbour entry stays true on another host.
pub(crate) const GATEWAY: Mac = [0x02, 0x56, 0xff, 0x00, 0x00, 0x01];

/// The MAC address of interface number `interface` of guest number `id`, the first
/// of which is 0: locally administered, unicast, the same each time, and never that
/// of a host end.
#[must_use]
pub fn mac_for(id: u32, interface: u8) -> Mac {
    let [a, b, c, d] = id.to_be_bytes();
    // The two lowest bits of the first byte say what kind of address it is.
    let (high, low) = (interface >> 6, interface & 0x3f);
    [0x02 | (low << 2), 0x45 + high, a, b, c, d]
}

/// The address of a host end that is a port of a bridge. A bridge that was given no
/// address takes the lowest of its ports': this is above that of any hardware.
pub(crate) fn of_port(guest: Mac) -> Mac {
    let [first, rest @ ..] = guest;
    let [a, b, c, d, e] = rest;
    let first = if first == 0xfe { 0xfa } else { 0xfe };
    [first, a, b, c, d, e]
}

/// A MAC address in words.
pub(crate) struct Text(pub(crate) Mac);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The link-local address that the kernel makes from a MAC address.
///
/// # Kernel
/// RFC 4291, appendix A (modified EUI-64); `addr_gen_mode` 0 in ip-sysctl.
pub(crate) fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let pair = |high, low| u16::from_be_bytes([high, low]);
    Ipv6Addr::new(
        0xfe80,
        0,
        0,
        0,
        pair(a ^ 0x02, b),
        pair(c, 0xff),
        pair(0xfe, d),
        pair(e, f),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_give_different_unicast_local_addresses() {
        let some: Vec<Mac> = [0, 1, 101, u32::MAX]
            .into_iter()
            .flat_map(|id| [0, 1, 63, 64, 255].map(|interface| mac_for(id, interface)))
            .collect();
        for (at, mac) in some.iter().enumerate() {
            assert_eq!(
                mac[0] & 0b11,
                0b10,
                "{mac:02x?} is unicast and locally administered"
            );
            assert_ne!(*mac, GATEWAY);
            assert!(!some[at + 1..].contains(mac));
            assert_ne!(of_port(*mac), *mac);
            assert_eq!(of_port(*mac)[0] & 0b11, 0b10);
        }
    }

    #[test]
    fn link_local_is_what_the_kernel_makes() {
        let mac = [0x02, 0xfc, 0x00, 0x00, 0x00, 0x01];
        let expected: Ipv6Addr = "fe80::fc:ff:fe00:1".parse().unwrap();
        assert_eq!(link_local(mac), expected);
    }
}
