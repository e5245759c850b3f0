//! The static part of the table, as nft reads it.

use std::fmt::Write as _;

use ipnetwork::IpNetwork;

use crate::HostNetwork;
use crate::names::SERVER6;
use crate::parts::GATEWAY4;

/// The rules of a host, and the name of the chain that stands for them.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) body: String,
    pub(super) mark: String,
}

impl Text {
    pub(super) fn new(network: &HostNetwork) -> Self {
        let body = body(network);
        let mark = mark(&body);
        Self { body, mark }
    }
}

/// What the table holds besides its mark.
///
/// Nothing of it is for one guest. The prefix is checked to be letters, and
/// networks print as numbers, so nothing needs quoting.
fn body(network: &HostNetwork) -> String {
    let ours = format!("\"{}*\"", network.link_prefix);
    let mut text = SETS.to_owned();
    // A String takes all that is written to it.
    let bridge = format!("\"{}\"", crate::own_bridge(&network.link_prefix));
    let _ = write!(text, "{}", from_guests(&ours, &bridge));
    text.push_str(PUBLISHED);
    let _ = write!(text, "{}", back());
    for (family, pools) in by_family(&network.masquerade) {
        let _ = writeln!(
            text,
            "\t\toifname != {ours} {family} saddr {{ {pools} }} masquerade"
        );
    }
    text.push_str(
        "\t}
\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
",
    );
    for (family, pools) in by_family(&network.inner) {
        let _ = writeln!(
            text,
            "\t\toifname != {ours} {family} daddr {{ {pools} }} reject with icmpx host-unreachable"
        );
    }
    let _ = write!(text, "{}", policies(&ours));
    text
}

/// Maps that are filled from guest to guest.
const SETS: &str = "\tmap published4 {
\t\ttype inet_proto . inet_service : ipv4_addr . inet_service
\t}
\tmap published4_at {
\t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
\t}
\tmap published6 {
\t\ttype inet_proto . inet_service : ipv6_addr . inet_service
\t}
\tmap published6_at {
\t\ttype ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service
\t}
\tset hairpin {
\t\ttype ifname . ifname
\t}
\tmap policy_in {
\t\ttype ifname : verdict
\t}
\tmap policy_in4 {
\t\ttype ipv4_addr : verdict
\t}
\tmap policy_in6 {
\t\ttype ipv6_addr : verdict
\t}
\tmap policy_out {
\t\ttype ifname : verdict
\t}
\tmap isolated {
\t\ttype ifname : verdict
\t}
";

/// Keeps guests honest, and away from the host's loopback addresses, which a
/// link with `route_localnet` would otherwise lead to.
///
/// What comes by the bridge of ours was looked at where it entered that, if it is a
/// guest's.
///
/// Every packet of a guest passes these. Three comparisons cost it less than one
/// look-up in a set of ranges, by a twentieth of what a small datagram costs in all.
fn from_guests(ours: &str, bridge: &str) -> String {
    format!(
        "\tchain prerouting {{
\t\ttype filter hook prerouting priority raw; policy accept;
\t\tiifname {ours} iifname != {bridge} jump from_guest
\t}}
\tchain from_guest {{
\t\tfib saddr . iif oif missing drop
\t\ticmp type redirect drop
\t\ticmpv6 type {{ nd-redirect, nd-router-advert }} drop
\t\tudp dport {{ 68, 546 }} drop
\t\ticmpv6 type nd-neighbor-solicit accept
\t\tip daddr 127.0.0.0/8 drop
\t\tip daddr 224.0.0.0/4 drop
\t\tip daddr 255.255.255.255 drop
\t\tip6 daddr ff00::/8 drop
\t}}
"
    )
}

/// Published ports: one look-up per connection and not per packet, since that is
/// how often a chain of type nat is passed.
///
/// What reaches the host by a link for a loopback address is none of these: the
/// kernel drops it, after this chain, and would not if its destination had
/// become another. ::1 and link-local addresses have no way out of the host.
const PUBLISHED: &str = "\tchain published_prerouting {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\tip daddr 127.0.0.0/8 return
\t\tfib daddr type local jump published
\t}
\tchain published_output {
\t\ttype nat hook output priority -100; policy accept;
\t\tfib daddr type local jump published
\t}
\tchain published {
\t\tdnat ip to ip daddr . meta l4proto . th dport map @published4_at
\t\tdnat ip to meta l4proto . th dport map @published4
\t\tip6 daddr { ::1, fe80::/10 } return
\t\tdnat ip6 to ip6 daddr . meta l4proto . th dport map @published6_at
\t\tdnat ip6 to meta l4proto . th dport map @published6
\t}
";

/// What a published port leads to a guest from a loopback address of the host, or
/// from the guest itself, comes from the host, or the answer would not come back.
///
/// The host is the gateway of every guest: one that has no other IPv4 address has
/// this one.
fn back() -> String {
    format!(
        "\tchain from_host {{
\t\tmeta nfproto ipv4 snat ip to {GATEWAY4}
\t\tmasquerade
\t}}
\tchain postrouting {{
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tip saddr 127.0.0.0/8 ct status dnat jump from_host
\t\tiifname . oifname @hairpin ct status dnat jump from_host
"
    )
}

/// Isolation is looked at for every packet, so that it holds at once; policies
/// for the first of a connection, whose others and answers then pass.
///
/// What the host sends is looked up by address: of a published port the kernel
/// still says, in this chain, that it leaves by lo.
///
/// What the host has for guests alone, as names, is no neighbour's of the host's, who
/// may know the way to such an address.
///
/// Errors of a guest's about packets of no connection are dropped: of some the kernel
/// believes without having sent any that its way to an address is narrow.
///
/// Whoever is refused is told: TCP by a reset, since the kernel sends a peer one
/// ICMP error a second.
fn policies(ours: &str) -> String {
    format!(
        "\t\tiifname vmap @isolated
\t\toifname vmap @isolated
\t\tct state established,related accept
\t\tiifname {ours} ct state invalid jump errors
\t\tiifname vmap @policy_out
\t\toifname vmap @policy_in
\t}}
\tchain input {{
\t\ttype filter hook input priority filter; policy accept;
\t\tiifname != {ours} goto others
\t\tct state established,related accept
\t\ticmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
\t\tct state invalid jump errors
\t\tiifname vmap @policy_out
\t}}
\tchain output {{
\t\ttype filter hook output priority filter; policy accept;
\t\tct state established,related accept
\t\ticmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
\t\tip daddr vmap @policy_in4
\t\tip6 daddr vmap @policy_in6
\t}}
\tchain others {{
\t\tiifname \"lo\" accept
\t\tip daddr {GATEWAY4} drop
\t\tip6 daddr {SERVER6} drop
\t}}
\tchain errors {{
\t\ticmp type {{ destination-unreachable, time-exceeded, parameter-problem }} drop
\t\ticmpv6 type {{ destination-unreachable, packet-too-big, time-exceeded, parameter-problem }} drop
\t}}
\tchain refused {{
\t\tmeta l4proto tcp reject with tcp reset
\t\treject with icmpx admin-prohibited
\t}}
"
    )
}

/// Networks by the name of their family, where there are any.
fn by_family(networks: &[IpNetwork]) -> impl Iterator<Item = (&'static str, String)> {
    let of = |is_ipv4: bool| listed(networks.iter().filter(|it| it.is_ipv4() == is_ipv4));
    let both = [("ip", of(true)), ("ip6", of(false))];
    both.into_iter().filter(|(_, listed)| !listed.is_empty())
}

/// Networks as nft takes them: in one order however they were given, and none
/// that is within another.
fn listed<'a>(pools: impl Iterator<Item = &'a IpNetwork>) -> String {
    let mut pools: Vec<(u8, IpNetwork)> = pools.map(|pool| (pool.prefix(), *pool)).collect();
    pools.sort_unstable();
    let mut kept: Vec<IpNetwork> = Vec::new();
    for (_, pool) in pools {
        if !kept.iter().any(|wide| wide.contains(pool.network())) {
            kept.push(pool);
        }
    }
    let kept: Vec<String> = kept
        .iter()
        .map(|pool| format!("{}/{}", pool.network(), pool.prefix()))
        .collect();
    kept.join(", ")
}

/// The name of the chain that stands for these rules: their FNV-1a hash. It is
/// to tell our own texts apart, not to withstand anybody.
pub(crate) fn mark(body: &str) -> String {
    let hash = body.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("rules_{hash:016x}")
}
