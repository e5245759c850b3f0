//! Texts and their marks; what the kernel does with them is in `tests/`.

use rustix::io::Errno;

use super::load::run_by;
use super::text::{Text, mark};
use crate::{Error, HostNetwork};

fn text(pools: &[&str]) -> Text {
    Text::new(&HostNetwork {
        link_prefix: "veld".into(),
        masquerade: pools.iter().map(|pool| pool.parse().unwrap()).collect(),
        inner: pools.iter().map(|pool| pool.parse().unwrap()).collect(),
    })
}

#[test]
fn each_family_has_one_masquerade_rule() {
    let text = text(&["10.99.0.0/24", "fd77::5/64", "10.77.3.9/16", "10.77.4.0/24"]).body;
    assert!(
        text.contains("oifname != \"veld*\" ip saddr { 10.77.0.0/16, 10.99.0.0/24 } masquerade\n")
    );
    assert!(text.contains("oifname != \"veld*\" ip6 saddr { fd77::/64 } masquerade\n"));
    assert_eq!(text.matches("} masquerade").count(), 2, "{text}");
    let none = self::text(&[]).body;
    assert!(!none.contains("saddr {") && !none.contains("host-unreachable"));
}

#[test]
fn the_mark_follows_the_text() {
    let one = text(&["10.77.0.0/16", "10.99.0.0/24"]).mark;
    let same = text(&["10.99.0.0/24", "10.77.5.0/16"]).mark;
    let other = text(&["10.78.0.0/16"]).mark;
    assert_eq!(one, same, "one network, written two ways");
    assert_ne!(one, other);
    assert_eq!(
        mark(""),
        "rules_cbf29ce484222325",
        "FNV-1a of nothing is its offset basis"
    );
}

#[test]
fn a_host_without_nft_is_told_apart() {
    let error = run_by("no-such-nft", "inet veld", "").unwrap_err();
    assert!(matches!(error, Error::NoNftables(_)), "{error:?}");
    assert_eq!(error.to_string(), "cannot run no-such-nft");
    assert_eq!(error.errno(), Some(Errno::NOENT.raw_os_error()));
}

#[test]
fn a_refusal_carries_what_nft_said() {
    // `false` stands for an nft that refuses and says nothing.
    let error = run_by("false", "inet veld", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot load table inet veld: false: exit status: 1"
    );
}
