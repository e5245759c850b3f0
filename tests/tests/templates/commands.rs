//! The commands, and what they say.

use std::fs;

use veld_tests::{Disk, host};

use crate::{archive, names, own_store, path};

#[test]
fn a_template_is_called_as_its_source_unless_a_name_is_given() {
    let host = host!();
    let store = host.directory().join("store");
    own_store(&host, &store);
    let one = archive(&host, "one");
    let made = host.veld(["template", "import", path(&one)]).ok();
    assert_eq!(made.stdout, "one: imported, no os-release, init none\n");
    host.veld(["template", "import", path(&one)])
        .fails(1, "veld: template one exists already");
    let refused = host.veld(["template", "import", "/", "--any-architecture"]);
    refused.fails(
        1,
        "veld: source gives no name for a template: give one with --name",
    );
    let wrong = ["template", "import", path(&one), "--name", "two"];
    let digest = ["--digest", "sha256:00"];
    let refused = host.veld(wrong.into_iter().chain(digest));
    assert_eq!(refused.status, 1);
    let line = "veld: source has digest sha256:";
    assert!(refused.stderr.starts_with(line), "{}", refused.stderr);
    assert_eq!(names(&store), ["one"]);
}

#[test]
fn a_replaced_template_goes_when_nobody_stands_on_it() {
    let host = host!();
    let store = host.directory().join("store");
    own_store(&host, &store);
    let [one, two] = ["one", "two"].map(|file| archive(&host, file));
    let put = |file: &std::path::Path| {
        host.veld([
            "template",
            "import",
            path(file),
            "--name",
            "base",
            "--replace",
        ])
    };
    put(&one).ok();
    let shown = host
        .veld(["template", "show", "base", "--json"])
        .ok()
        .stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let id = shown["id"].as_str().unwrap();
    // A VE that has noted nothing would be moved.
    host.veld(["create", "web1", "-t", "base", "--network", "none"])
        .done();
    let below = host.existing("web1").directory().join("private/below");
    let _ = fs::remove_file(&below);
    put(&two).fails(1, "veld: template base is in use by web1");
    fs::write(&below, format!("template base {id}\n")).unwrap();
    put(&two).ok();
    let version = format!("base@{id}");
    assert_eq!(names(&store), ["base", &version]);
    let listed = host.veld(["template", "list"]).ok().stdout;
    assert!(listed.contains(&version), "{listed}");
    host.veld(["template", "remove", &version])
        .fails(1, &format!("veld: template {version} is in use by web1"));
    assert_eq!(host.veld(["template", "gc"]).ok().stdout, "");
    host.veld(["destroy", "web1"]).done();
    let line = format!("{version}: would be removed, 1M\n");
    assert_eq!(host.veld(["template", "gc", "--dry-run"]).ok().stdout, line);
    let line = format!("{version}: removed, 1M\n");
    assert_eq!(host.veld(["template", "gc"]).ok().stdout, line);
    assert_eq!(names(&store), ["base"]);
    host.veld(["template", "show", &version])
        .fails(1, &format!("veld: no template {version}"));
}

#[test]
fn a_full_disk_leaves_what_was_there() {
    let Some(disk) = Disk::sized("ext4", 16 << 20) else {
        return;
    };
    let host = host!();
    let store = disk.root().join("store");
    own_store(&host, &store);
    let one = archive(&host, "one");
    host.veld(["template", "import", path(&one), "--name", "base"])
        .ok();
    let large = host.directory().join("tree/etc/large");
    fs::write(&large, vec![7; 32 << 20]).unwrap();
    let tree = host.directory().join("tree");
    let refused = host.veld([
        "template",
        "import",
        path(&tree),
        "--name",
        "base",
        "--replace",
    ]);
    refused.fails(
        1,
        "veld: cannot unpack etc/large: No space left on device (os error 28)",
    );
    assert_eq!(names(&store), ["base"]);
    assert!(store.join("base/root/etc/one").exists());
    drop(host);
}
