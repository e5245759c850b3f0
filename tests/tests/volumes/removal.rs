//! Volumes stay as long as somebody wants them.

use veld_tests::{host, until};

use crate::{ends, loops};

#[test]
fn a_volume_that_a_config_names_is_not_removed() {
    let host = host!();
    for name in ["data", "free"] {
        host.veld([
            "volume", "create", name, "--layout", "image", "--size", "32M",
        ])
        .ok();
    }
    let mount = ["--network", "none", "--mount", "volume:data:/data"];
    let one = host.ve("one").with(mount).create();
    let two = host.ve("two").with(mount).start();
    two.sh("echo kept >/data/file").done();
    let removed = host.veld(["volume", "remove", "data", "free"]);
    assert_eq!(removed.stdout, "volume free: removed\n");
    removed.fails(1, "veld: volume data: is used by one, two");
    one.destroy();
    host.veld(["volume", "remove", "data"])
        .fails(1, "veld: volume data: is used by two");
    // For this run alone it is not any more, and then for good.
    two.veld("set", ["--runtime", "mount-=/data"]).done();
    host.veld(["volume", "remove", "data"])
        .fails(1, "veld: volume data: is used by two");
    until("nobody has it mounted", || loops(&host).is_empty());
    two.veld("set", ["mount="]).done();
    let three = host.ve("three").with(mount).start();
    assert_eq!(three.exec(["cat", "/data/file"]).ok().line(), "kept");
    three.veld("destroy", ["--force"]).done();
    ends(&host, &["data"]);
}

#[test]
fn a_volume_that_a_run_has_is_not_removed() {
    let host = host!();
    host.veld(["volume", "create", "data", "--layout", "directory"])
        .ok();
    let ve = host.ve("one").with(["--network", "none"]).start();
    ve.veld("set", ["--runtime", "mount+=volume:data:/data"])
        .done();
    host.veld(["volume", "remove", "data"])
        .fails(1, "veld: volume data: is used by one");
    let listed = host.veld(["volume", "list"]).ok().stdout;
    assert_eq!(
        listed,
        "VOLUME  LAYOUT     SIZE  USED  VES\ndata    directory  -     -     one\n"
    );
    ve.stop();
    ends(&host, &["data"]);
}

#[test]
fn a_config_that_cannot_be_read_keeps_all_volumes() {
    let host = host!();
    host.veld(["volume", "create", "data", "--layout", "directory"])
        .ok();
    let ve = host.ve("one").with(["--network", "none"]).create();
    let config = std::fs::read_to_string(ve.config()).unwrap();
    std::fs::write(ve.config(), format!("{config}\nnonsense = 1\n")).unwrap();
    let refused = host.veld(["volume", "remove", "data"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("nonsense"), "{}", refused.stderr);
    assert!(host.data().join("volumes/data").is_dir());
    std::fs::write(ve.config(), config).unwrap();
    ends(&host, &["data"]);
}
