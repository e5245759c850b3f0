//! Mounts that make no sense, each with its line.

use veld_tests::host;

use crate::{shared, text};

#[test]
fn what_is_wrong_is_said_all_at_once() {
    let host = host!();
    let words = [
        "create",
        "a",
        "--template",
        "busybox",
        "--mount",
        "/srv:/proc/x",
    ];
    let refused = host.veld(words);
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains(
            "\"/proc/x\" is not a place for a mount: allowed is one other than /run, and outside of /proc, /sys and /dev"
        ),
        "{}",
        refused.stderr
    );
    let ve = host.ve("a").with(["--network", "none"]).create();
    let refused = ve.veld("set", ["mount=/srv:/a,tmpfs:/a,/srv:/b,tmpfs:/b"]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: mount: two mounts on /a\n\
         veld: a: cannot set: mount: two mounts on /b\n"
    );
    let refused = ve.veld("set", ["mount-=/a"]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: mount: \"/a\" is not in the list\n"
    );
    let refused = ve.veld("set", ["mount+=volume:media:/media"]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: no such volume media\n"
    );
}

#[test]
fn what_cannot_be_mounted_changes_nothing() {
    let host = host!();
    let data = shared(&host, "data");
    let ve = host.ve("a").with(["--network", "none"]).start();
    let before = ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout;
    let refused = ve.veld(
        "set",
        [
            &format!("mount+={}:/data", text(&data)),
            "mount+=/no/such:/other",
            "ram=64M",
        ],
    );
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: cannot open /no/such of the host: No such file or directory (os error 2)\n"
    );
    assert_eq!(ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout, before);
    assert_eq!(ve.show()["mounts"], serde_json::json!([]));
    assert_eq!(ve.show()["settings"]["ram"], serde_json::Value::Null);
    // The second place cannot be used: the first mount goes again.
    ve.sh("touch /occupied").done();
    let refused = ve.veld(
        "set",
        [
            &format!("mount+={}:/data", text(&data)),
            &format!("mount+={}:/occupied/by", text(&data)),
        ],
    );
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: cannot use /occupied/by of the VE as a mount point: Not a directory (os error 20)\n"
    );
    assert_eq!(ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout, before);
    assert_eq!(ve.show()["mounts"], serde_json::json!([]));
}

#[test]
fn a_file_system_that_cannot_be_idmapped_is_named() {
    let host = host!();
    let ve = host.ve("a").with(["--network", "none"]).start();
    let refused = ve.veld("set", ["mount+=/proc/tty:/tty:idmap"]);
    assert_eq!(
        refused.stderr,
        "veld: a: cannot set: cannot idmap /proc/tty, which is on proc: Invalid argument (os error 22)\n"
    );
}
