//! What makes no sense, each with its line.

use veld_tests::{Template, host};

use crate::ends;

#[test]
fn bad_names_and_sizes_are_refused() {
    let host = host!();
    for (words, text) in [
        (
            &["create", "Data"][..],
            "\"Data\" is not the name of a volume: 'D' at position 0",
        ),
        (
            &["create", "../x"],
            "\"../x\" is not the name of a volume: '.' at position 0",
        ),
        (
            &["create", "data", "--size", "much"],
            "\"much\" is not a size",
        ),
        (&["create", "data", "--size", "-1"], "unknown option -1"),
        (
            &["create", "data", "--layout", "tape"],
            "it is none of overlay, btrfs, image, directory",
        ),
        (&["resize", "data"], "missing SIZE"),
    ] {
        let refused = host.veld([&["volume"], words].concat());
        assert_eq!(refused.status, 2, "{words:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(text),
            "{words:?}: {}",
            refused.stderr
        );
    }
    for (words, text) in [
        (
            &["create", "data", "--layout", "image", "--size", "1M"][..],
            "cannot create: 1M is less than the 16M that an ext4 takes",
        ),
        (
            &["create", "data", "--layout", "overlay"],
            "cannot create: layout overlay is refused: a volume stands on no template",
        ),
        (&["show", "data"], "no such volume"),
        (&["resize", "data", "1G"], "no such volume"),
        (&["remove", "data"], "no such volume"),
    ] {
        let refused = host.veld([&["volume"], words].concat());
        refused.fails(1, &format!("veld: volume data: {text}"));
    }
    assert_eq!(host.veld(["volume", "list", "--json"]).ok().stdout, "[]\n");
    host.veld(["volume", "list"])
        .says("VOLUME  LAYOUT  SIZE  USED  VES");
    assert!(!host.data().join("volumes").exists(), "nothing was made");
}

#[test]
fn a_volume_that_there_is_not_is_no_mount() {
    let host = host!();
    let template = Template::Busybox.name();
    let words = [
        "create",
        "web1",
        "-t",
        &template,
        "--mount",
        "volume:data:/data",
    ];
    host.veld(words)
        .fails(1, "veld: web1: cannot create: no such volume data");
    let ve = host.ve("web1").with(["--network", "none"]).start();
    for option in [
        &["mount+=volume:data:/data"][..],
        &["--runtime", "mount+=volume:data:/data"],
    ] {
        ve.veld("set", option)
            .fails(1, "veld: web1: cannot set: no such volume data");
    }
    ve.stop();
    // One that went past Veld.
    host.veld(["volume", "create", "data", "--layout", "directory"])
        .ok();
    ve.veld("set", ["mount+=volume:data:/data"]).done();
    std::fs::remove_dir_all(host.data().join("volumes/data")).unwrap();
    ve.veld("start", [""; 0])
        .fails(1, "veld: web1: cannot start: no such volume data");
    host.nothing_remains();
    ends(&host, &[]);
}

#[test]
fn a_second_volume_of_a_name_is_refused() {
    let host = host!();
    host.veld(["volume", "create", "data", "--layout", "directory"])
        .says("volume data: created in layout directory");
    host.veld(["volume", "create", "data", "--size", "1G"])
        .fails(1, "veld: volume data: exists already");
    let sized = ["volume", "resize", "data", "1G"];
    let refused = host.veld(sized);
    assert_eq!(refused.status, 1);
    let text = "veld: volume data: cannot resize: a size cannot be held in layout directory: ";
    assert!(refused.stderr.starts_with(text), "{}", refused.stderr);
    ends(&host, &["data"]);
}
