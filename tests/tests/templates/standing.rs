//! Who stands on a template, also where that is hard to see.

use std::fs;

use veld_tests::{Host, host};

use crate::{archive, names, own_store, path};

/// A VE `web1` on `base@ID`, which is not the present `base` any more.
fn on_an_old_version(host: &Host) -> String {
    let store = host.directory().join("store");
    own_store(host, &store);
    for file in ["one", "two"] {
        let archive = archive(host, file);
        let import = ["template", "import", path(&archive)];
        let over = ["--name", "base", "--replace"];
        host.veld(import.into_iter().chain(over)).ok();
        if file == "one" {
            host.veld(["create", "web1", "-t", "base", "--network", "none"])
                .done();
        }
    }
    let versions = names(&store);
    assert_eq!(versions[0], "base");
    versions[1].clone()
}

#[test]
fn a_part_that_a_killed_snapshot_left_keeps_its_template() {
    let host = host!();
    let version = on_an_old_version(&host);
    // As after the exchange of the parts, before the last one becomes a layer.
    let ve = host.existing("web1").directory();
    fs::rename(ve.join("private"), ve.join("private.next")).unwrap();
    for directory in ["private", "private/upper", "private/work"] {
        fs::create_dir(ve.join(directory)).unwrap();
    }
    fs::write(ve.join("private/below"), "layer 0123456789ab\n").unwrap();
    assert_eq!(host.veld(["template", "gc"]).ok().stdout, "");
    host.veld(["template", "remove", &version])
        .fails(1, &format!("veld: template {version} is in use by web1"));
}

#[test]
fn what_cannot_be_read_is_not_taken_for_unused() {
    let host = host!();
    let version = on_an_old_version(&host);
    let below = host.existing("web1").directory().join("private/below");
    fs::write(&below, "templat").unwrap();
    let line = format!("veld: cannot parse {}: invalid data", below.display());
    host.veld(["template", "gc"]).fails(1, &line);
    host.veld(["template", "remove", &version]).fails(1, &line);
    host.veld(["template", "remove", "base"]).fails(1, &line);
    assert!(host.directory().join("store").join(&version).is_dir());
}
