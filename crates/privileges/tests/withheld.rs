//! What is withheld from a VE it cannot get back, nor what that would give.
#![allow(clippy::unwrap_used, reason = "a test may end by a panic")]

use std::path::Path;

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities, capability_is_in_bounding_set};
use veld_privileges::{WITHHELD, withhold};

const LIMIT: &str = "/proc/sys/user/max_mnt_namespaces";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test that starts this very program again"
)]
fn what_is_withheld_does_not_come_back() {
    let unshare = |program: &[&str]| {
        std::process::Command::new("unshare")
            .args(["--user", "--map-root-user"])
            .args(program)
            .status()
    };
    if !unshare(&["true"]).is_ok_and(|status| status.success()) {
        println!("skipped: no user namespace can be made here");
        return;
    }
    let me = std::env::current_exe().unwrap();
    let arguments = [
        me.to_str().unwrap(),
        "--exact",
        "in_a_namespace",
        "--ignored",
    ];
    assert!(unshare(&arguments).unwrap().success());
}

#[test]
#[ignore = "run by what_is_withheld_does_not_come_back as root of a user namespace"]
fn in_a_namespace() {
    let limit = Path::new(LIMIT);
    veld_kernfs::write(limit, 100).unwrap();
    withhold().unwrap();
    for (name, capability) in WITHHELD {
        assert!(
            !capability_is_in_bounding_set(capability).unwrap(),
            "{name}"
        );
        let held = capabilities(None).unwrap();
        assert!(!held.permitted.contains(capability), "{name}");
    }
    let refused = veld_kernfs::write(limit, 90_000).unwrap_err();
    assert_eq!(refused.errno(), Some(Errno::ACCESS.raw_os_error()));
    assert_eq!(veld_kernfs::read(limit).unwrap(), "100");
    // Everything else that root of a VE needs is there.
    let held = capabilities(None).unwrap().effective;
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN | CapabilitySet::SETUID;
    assert!(held.contains(needed));
}
