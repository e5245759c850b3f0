//! Texts and their marks; what the kernel does with them is in `tests/`.

use super::*;

fn network(pool4: Option<&str>, pool6: Option<&str>) -> HostNetwork {
    HostNetwork {
        link_prefix: "veld".into(),
        pool4: pool4.map(|pool| pool.parse().unwrap()),
        pool6: pool6.map(|pool| pool.parse().unwrap()),
    }
}

#[test]
fn each_pool_has_one_masquerade_rule() {
    let text = body(&network(Some("10.77.3.9/16"), Some("fd77::5/64")));
    assert!(text.contains("oifname != \"veld*\" ip saddr 10.77.0.0/16 masquerade\n"));
    assert!(text.contains("oifname != \"veld*\" ip6 saddr fd77::/64 masquerade\n"));
    assert_eq!(text.matches("masquerade").count(), 2);
    let text = body(&network(None, None));
    assert!(!text.contains("masquerade") && !text.contains("hook forward"));
}

#[test]
fn the_mark_follows_the_text() {
    let one = mark(&body(&network(Some("10.77.0.0/16"), None)));
    let same = mark(&body(&network(Some("10.77.5.0/16"), None)));
    let other = mark(&body(&network(Some("10.78.0.0/16"), None)));
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
    let error = run("no-such-nft", "veld", "").unwrap_err();
    assert!(matches!(error, Error::NoNftables(_)), "{error:?}");
    assert_eq!(error.to_string(), "cannot run no-such-nft");
    assert_eq!(error.errno(), Some(Errno::NOENT.raw_os_error()));
}

#[test]
fn a_refusal_carries_what_nft_said() {
    // `false` stands for an nft that refuses and says nothing.
    let error = run("false", "veld", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot load table inet veld: false: exit status: 1"
    );
}
