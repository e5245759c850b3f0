//! What an overlay's own layer says without a file in it, and who stands still.

use std::fs;

use veld_tests::host;

#[test]
fn the_root_directory_is_as_open_after_a_snapshot_as_before() {
    let host = host!();
    let ve = host.ve("web1").start();
    let mode = |name: &str| {
        let ve = host.existing(name);
        ve.start();
        let said = ve.sh("stat -c '%a %u' /").ok().line().to_owned();
        ve.stop();
        said
    };
    ve.sh("chown 7 / && chmod 1771 /").ok();
    ve.stop();
    host.veld(["snapshot", "create", "web1", "one"]).ok();
    assert_eq!(mode("web1"), "1771 7");
    // No file is changed.
    ve.start();
    ve.sh("chmod 711 /").ok();
    ve.stop();
    host.veld(["clone", "web1", "web2"]).ok();
    assert_eq!(mode("web2"), "711 7");
    assert_eq!(mode("web1"), "711 7");
    host.veld(["snapshot", "restore", "web1", "one"]).ok();
    assert_eq!(mode("web1"), "1771 7");
}

#[test]
fn a_ve_that_nobody_lets_go_on_does_with_the_next_command() {
    let host = host!();
    let ve = host.ve("web1").start();
    ve.veld("pause", [""; 0]).done();
    // As a snapshot leaves it of which every process was killed.
    fs::remove_file(ve.run_directory().join("paused")).unwrap();
    fs::write(ve.run_directory().join("still"), "processes\n").unwrap();
    host.veld(["snapshot", "delete", "web1", "none"])
        .fails(1, "veld: web1: has no snapshot none");
    assert!(!ve.run_directory().join("still").exists());
    ve.sh("true").ok();
    assert_eq!(ve.status(), "up");
}
