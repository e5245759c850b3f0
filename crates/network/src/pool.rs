//! Addresses of a pool, each by its number.
//!
//! Number 1 follows the network's own address, which in IPv4 is nobody's and in IPv6
//! every router's. The last one of IPv4, the broadcast address, is nobody's either.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

/// How many addresses a pool has to give.
#[must_use]
pub fn pool_size(pool: IpNetwork) -> u128 {
    match pool {
        IpNetwork::V4(pool) => (1_u128 << (32 - pool.prefix())).saturating_sub(2),
        IpNetwork::V6(pool) => 1_u128
            .checked_shl(u32::from(128 - pool.prefix()))
            .map_or(u128::MAX, |all| all - 1),
    }
}

/// Whether `address` is one that a pool has to give.
#[must_use]
pub fn pool_has(pool: IpNetwork, address: IpAddr) -> bool {
    let number = match (pool, address) {
        (IpNetwork::V4(pool), IpAddr::V4(address)) if pool.contains(address) => {
            u128::from(address.to_bits() - pool.network().to_bits())
        }
        (IpNetwork::V6(pool), IpAddr::V6(address)) if pool.contains(address) => {
            address.to_bits() - pool.network().to_bits()
        }
        _ => return false,
    };
    (1..=pool_size(pool)).contains(&number)
}

/// All addresses of a pool, the one of this number first. Numbers past the last begin
/// anew: guests that have numbers of their own are spread over any pool, so that each
/// finds a free one soon.
pub fn addresses_from(pool: IpNetwork, number: u32) -> impl Iterator<Item = IpAddr> {
    let size = pool_size(pool);
    let first = u128::from(number).saturating_sub(1);
    (0..size).map(move |step| {
        // Below the size, which leaves room for one more.
        let number = (first % size + step) % size + 1;
        match pool {
            IpNetwork::V4(pool) => {
                let offset = u32::try_from(number).unwrap_or_default();
                Ipv4Addr::from_bits(pool.network().to_bits() | offset).into()
            }
            IpNetwork::V6(pool) => Ipv6Addr::from_bits(pool.network().to_bits() | number).into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(pool: &str, number: u32, count: usize) -> Vec<String> {
        addresses_from(pool.parse().unwrap(), number)
            .take(count)
            .map(|address| address.to_string())
            .collect()
    }

    #[test]
    fn network_and_broadcast_are_nobodys() {
        assert_eq!(
            some("10.77.3.9/24", 253, 3),
            ["10.77.3.253", "10.77.3.254", "10.77.3.1"],
            "the pool's own host bits do not count"
        );
        assert_eq!(some("fd77::/126", 2, 4), ["fd77::2", "fd77::3", "fd77::1"]);
    }

    #[test]
    fn numbers_carry_over_bytes() {
        assert_eq!(some("10.64.0.0/10", 257, 1), ["10.64.1.1"]);
        assert_eq!(some("fd77::/64", 0x1_0001, 1), ["fd77::1:1"]);
        assert_eq!(some("::/0", u32::MAX, 1), ["::ffff:ffff"]);
        assert_eq!(some("0.0.0.0/0", u32::MAX - 1, 1), ["255.255.255.254"]);
    }

    #[test]
    fn each_address_comes_once_whatever_is_first() {
        for number in [0, 1, 6, 14, 15, 101, u32::MAX] {
            let mut all = some("203.0.113.0/28", number, usize::MAX);
            assert_eq!(all.len(), 14, "from {number}");
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 14, "from {number}");
        }
        for none in ["192.168.7.1/32", "192.168.7.0/31", "fd77::1/128"] {
            assert!(some(none, 1, 1).is_empty(), "{none}");
            assert_eq!(pool_size(none.parse().unwrap()), 0);
        }
    }

    #[test]
    fn a_pool_has_what_it_gives() {
        let pool: IpNetwork = "203.0.113.16/28".parse().unwrap();
        assert!(addresses_from(pool, 1).all(|address| pool_has(pool, address)));
        for not in ["203.0.113.16", "203.0.113.31", "203.0.113.15", "fd77::1"] {
            assert!(!pool_has(pool, not.parse().unwrap()), "{not}");
        }
        let pool: IpNetwork = "fd77::/64".parse().unwrap();
        assert!(pool_has(pool, "fd77::ffff:ffff:ffff:ffff".parse().unwrap()));
        assert!(!pool_has(pool, "fd77::".parse().unwrap()));
        assert!(!pool_has(pool, "fd78::1".parse().unwrap()));
    }
}
