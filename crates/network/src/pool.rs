//! Addresses by number from a pool.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

use crate::Error;

/// Address number `id` of an IPv4 pool: number 1 follows the network's address,
/// which is nobody's, as is the last, its broadcast address.
///
/// # Errors
/// [`Error::OutOfPool`] for number 0 and for those past the last.
pub fn address_for(pool: Ipv4Network, id: u32) -> Result<Ipv4Addr, Error> {
    let size = (1_u64 << (32 - pool.prefix())).saturating_sub(2);
    if id == 0 || u64::from(id) > size {
        return Err(out_of_pool(pool.into(), id, size.into()));
    }
    Ok(Ipv4Addr::from_bits(pool.network().to_bits() | id))
}

/// Address number `id` of an IPv6 pool: number 1 follows the network's address,
/// which is every router's.
///
/// # Errors
/// [`Error::OutOfPool`] for number 0 and for those past the last.
pub fn address6_for(pool: Ipv6Network, id: u32) -> Result<Ipv6Addr, Error> {
    let host_bits = 128 - u32::from(pool.prefix());
    let size = 1_u128
        .checked_shl(host_bits)
        .map_or(u128::MAX, |all| all - 1);
    if id == 0 || u128::from(id) > size {
        return Err(out_of_pool(pool.into(), id, size));
    }
    Ok(Ipv6Addr::from_bits(
        pool.network().to_bits() | u128::from(id),
    ))
}

fn out_of_pool(pool: IpNetwork, number: u32, size: u128) -> Error {
    Error::OutOfPool { pool, number, size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_and_broadcast_are_nobodys() {
        let pool: Ipv4Network = "10.77.3.9/24".parse().unwrap();
        assert_eq!(
            address_for(pool, 1).unwrap(),
            Ipv4Addr::new(10, 77, 3, 1),
            "the pool's own host bits do not count"
        );
        assert_eq!(
            address_for(pool, 254).unwrap(),
            Ipv4Addr::new(10, 77, 3, 254)
        );
        for outside in [0, 255, 256, u32::MAX] {
            assert!(address_for(pool, outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn numbers_carry_over_bytes() {
        let pool: Ipv4Network = "10.64.0.0/10".parse().unwrap();
        assert_eq!(address_for(pool, 257).unwrap(), Ipv4Addr::new(10, 64, 1, 1));
        let pool: Ipv6Network = "fd77::/64".parse().unwrap();
        assert_eq!(
            address6_for(pool, 0x1_0001).unwrap(),
            "fd77::1:1".parse::<Ipv6Addr>().unwrap()
        );
    }

    #[test]
    fn a_full_pool_says_which_and_how_many() {
        let small: Ipv4Network = "192.168.7.0/30".parse().unwrap();
        assert_eq!(
            address_for(small, 3).unwrap_err().to_string(),
            "pool 192.168.7.0/30 has no address number 3: it holds 2"
        );
        let single: Ipv4Network = "192.168.7.1/32".parse().unwrap();
        assert_eq!(
            address_for(single, 1).unwrap_err().to_string(),
            "pool 192.168.7.1/32 has no address number 1: it holds 0"
        );
        let small: Ipv6Network = "fd77::/126".parse().unwrap();
        assert_eq!(
            address6_for(small, 4).unwrap_err().to_string(),
            "pool fd77::/126 has no address number 4: it holds 3"
        );
        let all: Ipv6Network = "::/0".parse().unwrap();
        assert!(address6_for(all, u32::MAX).is_ok());
        let all: Ipv4Network = "0.0.0.0/0".parse().unwrap();
        assert!(address_for(all, u32::MAX - 1).is_ok());
    }
}
