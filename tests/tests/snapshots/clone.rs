//! Copies of VEs, and what they have of their own.

use std::fs;

use serde_json::json;
use veld_tests::{Host, Template, host};

use crate::life::{in_each_layout, made};

in_each_layout!(is_independent: a_cloned_overlay_and_its_source_go_on_without_each_other,
    a_cloned_directory_and_its_source_go_on_without_each_other,
    a_cloned_image_and_its_source_go_on_without_each_other,
    a_cloned_subvolume_and_its_source_go_on_without_each_other);

/// Of a VE that is stopped, that runs, and of a snapshot; full and not.
fn is_independent(host: &Host, layout: &str) {
    let source = made(host, "web1", layout);
    source.start();
    source.put("/etc/mine", "then\n", "640");
    host.veld(["snapshot", "create", "web1", "then"]).ok();
    source.put("/etc/mine", "now\n", "640");
    let clone = |words: &[&str]| {
        let head = ["clone", "web1"].into_iter();
        let done = host.veld(head.chain(words.iter().copied())).ok();
        assert_eq!(done.stderr, "");
    };
    clone(&["running"]);
    clone(&["then", "--snapshot", "then"]);
    clone(&["full", "--snapshot", "then", "--full"]);
    assert_eq!(source.status(), "up");
    source.stop();
    clone(&["stopped", "other"]);
    clone(&["whole", "--full"]);
    let mut names = vec!["web1"];
    let clones = [
        ("running", "now"),
        ("then", "then"),
        ("full", "then"),
        ("stopped", "now"),
        ("other", "now"),
        ("whole", "now"),
    ];
    for (name, mine) in clones {
        let ve = host.existing(name);
        ve.start();
        assert_eq!(ve.exec(["cat", "/etc/mine"]).ok().line(), mine, "{name}");
        assert_eq!(ve.exec(["hostname"]).ok().line(), name);
        ve.put("/etc/mine", name, "640");
        names.push(name);
    }
    source.start();
    assert_eq!(source.exec(["cat", "/etc/mine"]).ok().line(), "now");
    host.veld(["destroy", "--force", "web1"]).done();
    for (name, _) in clones {
        let ve = host.existing(name);
        assert_eq!(ve.exec(["cat", "/etc/mine"]).ok().line(), name);
        ve.stop();
        ve.start();
        assert_eq!(ve.exec(["cat", "/etc/mine"]).ok().line(), name);
        ve.veld("destroy", ["--force"]).done();
    }
    host.nothing_remains();
    let layers = fs::read_dir(host.data().join("layers"));
    assert_eq!(layers.map_or(0, Iterator::count), 0);
}

#[test]
fn a_clone_has_id_and_addresses_of_its_own() {
    let host = host!();
    let source = host
        .ve("web1")
        .with(["--ip", "10.117.9.1", "--publish", "8080:80", "--ram", "64M"])
        .create();
    let done = host.veld(["clone", "web1", "web2"]).ok();
    assert_eq!(
        done.stderr,
        "veld: web2: warning: published ports are left to web1: 8080:80/tcp\n"
    );
    let (old, new) = (source.show(), host.existing("web2").show());
    for own in ["id", "uuid", "addresses", "first_host_id"] {
        assert_ne!(old[own], new[own], "{own}");
    }
    assert_eq!(new["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(new["settings"]["ram"], json!("64M"));
    assert_eq!(new["settings"]["hostname"], json!("web2"));
    assert_eq!(old["addresses"], json!(["10.117.9.1"]));
}

#[test]
fn a_clone_makes_keys_and_an_id_of_its_own() {
    let host = host!();
    let source = host.ve("web1").create();
    let upper = source.directory().join("private/upper/etc");
    fs::create_dir_all(upper.join("ssh")).unwrap();
    let id = "0123456789abcdef0123456789abcdef\n";
    fs::write(upper.join("machine-id"), id).unwrap();
    for name in ["ssh_host_rsa_key", "sshd_config"] {
        fs::write(upper.join("ssh").join(name), "secret").unwrap();
    }
    host.veld(["clone", "web1", "new"]).ok();
    host.veld(["clone", "web1", "same", "--keep-ssh-keys"]).ok();
    for (name, has_keys) in [("web1", true), ("new", false), ("same", true)] {
        let ve = host.existing(name);
        ve.start();
        let has = |path: &str| ve.exec(["test", "-s", path]).status == 0;
        assert_eq!(has("/etc/ssh/ssh_host_rsa_key"), has_keys, "{name}");
        assert_eq!(has("/etc/machine-id"), name == "web1", "{name}");
        assert!(has("/etc/ssh/sshd_config"));
    }
}

#[test]
fn a_cloned_debian_boots_with_another_machine_id() {
    let host = host!(Template::Debian);
    let source = host.ve("deb1").template(Template::Debian).start();
    let id = |name: &str| {
        host.existing(name)
            .exec(["cat", "/etc/machine-id"])
            .ok()
            .line()
            .to_owned()
    };
    let old = id("deb1");
    assert_eq!(old.len(), 32);
    host.veld(["clone", "deb1", "deb2"]).ok();
    source.stop();
    host.veld(["clone", "deb1", "deb3"]).ok();
    let clones = ["deb2", "deb3"].map(|name| {
        host.existing(name).start();
        id(name)
    });
    assert!(
        clones.iter().all(|new| new.len() == 32 && *new != old),
        "{clones:?}"
    );
    assert_ne!(clones[0], clones[1]);
}

#[test]
fn what_cannot_be_cloned_says_why() {
    let host = host!();
    let ve = host.ve("web1").create();
    host.ve("web2").create();
    for (words, said) in [
        (vec!["web1", "web2"], "veld: web2: exists already"),
        (vec!["web1", "web1"], "veld: web1: exists already"),
        (vec!["web3", "web4"], "veld: web3: no such VE"),
        (
            vec!["web1", "web4", "--snapshot", "x"],
            "veld: web1: has no snapshot x",
        ),
    ] {
        let head = ["clone"].into_iter();
        host.veld(head.chain(words)).fails(1, said);
    }
    assert!(!host.existing("web4").run_directory().exists());
    let both = host.veld(["clone", "web1", "web4", "--linked", "--full"]);
    assert_eq!(both.status, 2);
    let bad = host.veld(["clone", "web1", "Web"]);
    assert!(
        bad.stderr
            .contains("\"Web\" is not a VE name: 'W' at position 0")
    );
    drop(ve);
}

#[test]
fn a_disk_that_shares_no_blocks_refuses_a_linked_clone_of_a_directory() {
    let Some(disk) = veld_tests::Disk::new("ext4") else {
        return;
    };
    let mut host = host!();
    host.keep_data_in(&disk.data());
    made(&host, "web1", "directory");
    host.veld(["clone", "web1", "web2", "--linked"]).fails(
        1,
        "veld: web2: cannot clone: the file system of its files shares no blocks; \
         without --linked it is a full clone",
    );
    let done = host.veld(["clone", "web1", "web2"]).ok();
    assert!(done.line().ends_with(", full clone"), "{}", done.stdout);
    drop(host);
}
