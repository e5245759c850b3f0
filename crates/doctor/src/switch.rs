//! Switches of the host's that decide what becomes of packets.

use std::path::Path;

use crate::limit::{path, read_number};
use crate::note::Note;

/// A switch, the value of which one should know, and why.
const SWITCHES: [(&str, u64, &str); 6] = [
    (
        "net.ipv4.ip_forward",
        0,
        "the first start of a VE in routed mode switches it on",
    ),
    (
        "net.ipv6.conf.all.forwarding",
        0,
        "the first start of a VE in routed mode switches it on",
    ),
    (
        "net.ipv6.conf.all.disable_ipv6",
        1,
        "VEs have no IPv6 beyond this host",
    ),
    (
        "net.ipv4.conf.all.rp_filter",
        2,
        "where nftables is missing, a VE can send from addresses of others",
    ),
    (
        "net.bridge.bridge-nf-call-iptables",
        1,
        "rules of iptables for the host also hold for VEs on a bridge",
    ),
    (
        "net.bridge.bridge-nf-call-ip6tables",
        1,
        "rules of ip6tables for the host also hold for VEs on a bridge",
    ),
];

pub(crate) fn notes(root: &Path) -> Vec<Note> {
    let is = |name, value| matches!(read_number(&path(root, name)), Ok(Some(now)) if now == value);
    let found = SWITCHES.iter().filter(|(name, value, _)| is(name, *value));
    found
        .map(|(name, value, advice)| Note {
            kind: "sysctl",
            subject: (*name).to_owned(),
            fact: format!("is {value}"),
            advice: (*advice).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::tree;

    #[test]
    fn only_the_value_that_matters_is_told_of() {
        let root = tree(&[
            ("proc/sys/net/ipv4/ip_forward", "0\n"),
            ("proc/sys/net/ipv6/conf/all/forwarding", "1\n"),
            ("proc/sys/net/ipv4/conf/all/rp_filter", "1\n"),
            ("proc/sys/net/bridge/bridge-nf-call-iptables", "1\n"),
        ]);
        let subjects: Vec<String> = notes(root.path())
            .into_iter()
            .map(|note| format!("{} {}", note.subject, note.fact))
            .collect();
        assert_eq!(
            subjects,
            [
                "net.ipv4.ip_forward is 0",
                "net.bridge.bridge-nf-call-iptables is 1"
            ]
        );
    }
}
