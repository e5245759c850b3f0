//! Interfaces of guests: routed links, ports of bridges, links on top of others and
//! links of the host's own, with their addresses and routes; and the few static rules
//! that keep guests honest. A routed link, which is a veth pair:
//!
//! ```text
//!  guest's namespace                     host's namespace
//!  eth0  10.77.0.5/32, fd77::5/128       veld5   no bridge; IPv6: fe80::1 only
//!        fe80::EUI-64/64                         10.77.0.5, fd77::5, fe80::EUI-64
//!  default via 169.254.0.1, fe80::1              routed here, one route each
//!        (both permanent neighbours)             (all permanent neighbours)
//! ```
//!
//! [`ensure_host`] is for every start: forwarding, the gateway's address and one
//! nftables table, all of which cost a few reads when they are there already.
//! [`attach`] and [`detach`] make and remove one link, by netlink alone: no
//! program is run and no rule is added, so the cost of a link does not grow with
//! the number of links. [`plug`], [`alter()`] and [`unplug`] are for a guest that runs,
//! and may have done anything to what it was given: its links are found by what
//! the kernel says of the host's end, and what the guest took away is not missed.
//!
//! Who answers for the gateway: 169.254.0.1 is an address of the host's `lo`,
//! which the kernel answers ARP for on every link; fe80::1 is the link-local
//! address of every host end. So a guest that loses its fixed neighbour entries
//! (it took the link down, or has its own idea of its network) finds the gateway
//! again by itself. All host ends have one MAC address, so that what a guest
//! knows of its gateway is still true after it moved to another host.
//!
//! The host end having no address, the host speaks to a guest from its uplink's
//! address, as it does to the world. A host that has no IPv4 address at all can
//! answer guests but not call them.
//!
//! What keeps a guest honest: a source address must be routed to the link that
//! it comes from (`fib saddr . iif`), the guest's one link-local address included;
//! and the host learns a neighbour by ARP only where that is so (`arp_filter`),
//! so a guest cannot fill the host's neighbour table either.
//!
//! What differs from guest to guest in the rules, ports of the host that lead to
//! it, a policy, a group that it is isolated in, are entries of sets and maps and
//! chains that a map leads to: [`admit`] puts them in, [`change`] alters them and
//! [`withdraw`] takes them out, each as one transaction by netlink. A guest that
//! has none of it costs none of it.
//!
//! What this crate must not know: VEs, config files, names of templates. Guests
//! are namespace descriptors, and links are names and numbers.

mod alter;
mod announce;
mod answer;
mod bridge;
mod end;
mod error;
mod ethernet;
mod frame;
mod guard;
mod host;
mod inner;
mod interface;
mod link;
mod loopback;
mod mac;
mod message;
mod meter;
mod name;
mod names;
mod netns;
mod nft;
mod observe;
mod on_top;
mod pair;
mod parts;
mod physical;
mod pool;
mod probe;
mod proxy;
mod rtnl;
mod rules;
mod settle;
mod shape;
mod socket;
mod stale;
mod sysctl;
mod uplink;

pub use alter::alter;
pub use announce::{announce, announce_inside};
pub use bridge::{ensure_bridge, own_bridge};
pub use error::Error;
pub use guard::{guard, guard_again, guards_again, unguard};
pub use host::{HostNetwork, ensure_host, reload_host, remove_host};
pub use interface::{Interface, Kind, LEAST_MTU6, check_mac};
pub use link::{attach, detach, detach_from_living, exists, plug, unplug};
pub use loopback::loopback_up;
pub use mac::{Mac, mac_for};
pub use meter::{Metered, meter};
pub use names::{DOMAIN, Names};
pub use observe::{Counters, Observed, ObservedLink, all_counters, counters, observe};
pub use parts::GATEWAY4;
pub use physical::{Nic, NotANic, is_inside, nic, recover, release};
pub use pool::{addresses_from, pool_has, pool_size};
pub use probe::{Occupant, Standing, look_up, neighbours};
pub use proxy::{answer_for, stop_answering_for};
pub use rules::{
    Direction, GuestRules, Policy, PolicyRule, Publish, RuleProtocol, Rules, Transport, admit,
    change, holder, rebuild, withdraw,
};
pub use shape::{Rates, shape, shapers, unshape};
pub use sysctl::host_has_ipv6;
