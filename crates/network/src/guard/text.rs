//! The static part of the table, as nft reads it.

/// What the table of bridged links holds besides its mark.
///
/// Nothing of it is for one guest: whose MAC address and whose IP addresses may come
/// by which link is in the sets. The prefix is checked to be letters, so nothing needs
/// quoting. Only ports of bridges come here, so routed links do not.
///
/// - What is neither ARP nor IP is dropped: VLAN tags, spanning tree, and what else a
///   bridge would act on.
/// - A sender of ARP has the guest's MAC address and one of its IP addresses, or none
///   while it asks whether one of its own is taken (RFC 5227).
/// - A guest sends no answers of DHCP servers, which clients believe from any port; no
///   advertisements, queries or hellos of routers, also of those for multicast, to whom
///   a bridge sends what nobody else asked for; and no redirects; nor does it advertise
///   an address that is not its own.
/// - `@unbound` has the links of guests that were given no address: what their
///   addresses are is between them and a DHCP server or router. None of those that
///   another guest was given is: these are in `@bound4` and `@bound6`.
/// - A chain of extension headers that goes on in the second fragment hides what comes
///   after it (RFC 7112).
///
/// Frames for the bridge itself, as those of spanning tree, do not pass `prerouting`
/// and would be learned from: hence `input`.
pub(super) fn body(link_prefix: &str) -> String {
    format!(
        "\tset macs {{ typeof iifname . ether saddr; }}
\tset addresses4 {{ typeof iifname . ip saddr; }}
\tset addresses6 {{ typeof iifname . @nh,64,128; }}
\tset unbound {{ typeof iifname; }}
\tset bound4 {{ typeof ip saddr; }}
\tset bound6 {{ typeof @nh,64,128; }}
\tchain prerouting {{
\t\ttype filter hook prerouting priority dstnat; policy accept;
\t\tiifname \"{link_prefix}*\" goto from_guest
\t}}
\tchain input {{
\t\ttype filter hook input priority filter; policy accept;
\t\tiifname \"{link_prefix}*\" ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop
\t}}
\tchain from_guest {{
\t\tiifname . ether saddr != @macs drop
\t\tether type vmap {{ arp : goto guests_arp, ip : goto guests_ip, ip6 : goto guests_ip6 }}
\t\tdrop
\t}}
\tchain guests_arp {{
\t\tarp htype != 1 drop
\t\tarp ptype != ip drop
\t\tarp hlen != 6 drop
\t\tarp plen != 4 drop
\t\tarp operation != {{ request, reply }} drop
\t\tiifname . arp saddr ether != @macs drop
\t\tiifname @unbound arp saddr ip != @bound4 accept
\t\tiifname . arp saddr ip @addresses4 accept
\t\tarp operation request arp saddr ip 0.0.0.0 iifname . arp daddr ip @addresses4 accept
\t\tdrop
\t}}
\tchain guests_ip {{
\t\tudp sport 67 drop
\t\tudp dport 68 drop
\t\ticmp type {{ redirect, router-advertisement }} drop
\t\tip protocol igmp @th,0,8 {{ 0x11, 0x30 }} drop
\t\tip protocol 103 drop
\t\tiifname @unbound ip saddr != @bound4 accept
\t\tiifname . ip saddr @addresses4 accept
\t\tip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
\t\tdrop
\t}}
\tchain guests_ip6 {{
\t\tfrag nexthdr {{ 0, 43, 44, 60 }} drop
\t\texthdr frag exists icmpv6 type 133-137 drop
\t\tudp sport 547 drop
\t\tudp dport 546 drop
\t\ticmpv6 type {{ nd-redirect, nd-router-advert, mld-listener-query, 151 }} drop
\t\tmeta l4proto 103 drop
\t\tiifname @unbound icmpv6 type nd-neighbor-advert @th,64,128 @bound6 drop
\t\tiifname @unbound @nh,64,128 != @bound6 accept
\t\ticmpv6 type nd-neighbor-advert iifname . @th,64,128 != @addresses6 drop
\t\tiifname . @nh,64,128 @addresses6 accept
\t\tip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . @th,64,128 @addresses6 accept
\t\tip6 saddr :: icmpv6 type {{ nd-router-solicit, mld-listener-report, mld2-listener-report }} accept
\t\tdrop
\t}}
"
    )
}
