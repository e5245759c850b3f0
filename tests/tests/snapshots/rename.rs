//! A VE that is called otherwise.

use serde_json::json;
use veld_tests::{Template, host};

#[test]
fn a_renamed_ve_is_the_same_by_another_name() {
    let host = host!();
    let old = host.ve("web1").start();
    old.put("/etc/mine", "kept\n", "644");
    let before = old.show();
    old.stop();
    let events = old.veld("events", [""; 0]).ok().stdout;
    host.veld(["rename", "web1", "www"])
        .says("web1: is www now");
    assert!(!old.directory().exists());
    assert!(!old.run_directory().exists());
    old.veld("start", [""; 0])
        .fails(1, "veld: web1: no such VE");
    let new = host.existing("www");
    let id = before["id"].to_string();
    assert_eq!(host.veld(["show", &id, "--json"]).ok().status, 0);
    new.start();
    let shown = new.show();
    for same in [
        "id",
        "uuid",
        "config",
        "addresses",
        "template",
        "first_host_id",
    ] {
        assert_eq!(shown[same], before[same], "{same}");
    }
    assert_eq!(shown["settings"]["hostname"], json!("www"));
    assert_eq!(new.exec(["hostname"]).ok().line(), "www");
    assert_eq!(new.exec(["cat", "/etc/mine"]).ok().line(), "kept");
    let told = new.veld("events", [""; 0]).ok().stdout;
    assert_eq!(told.lines().count(), events.lines().count() + 2, "{told}");
    // The name is free, its number and addresses are not.
    let other = host.ve("web1").create();
    assert_ne!(other.show()["id"], before["id"]);
    assert_ne!(other.show()["addresses"], before["addresses"]);
}

#[test]
fn its_addresses_are_its_own_under_the_new_name() {
    let host = host!();
    let old = host.ve("web1").with(["--ip", "10.117.9.9"]).create();
    host.veld(["rename", "web1", "www"])
        .says("web1: is www now");
    host.veld([
        "create",
        "web2",
        "--template",
        &Template::Busybox.name(),
        "--ip",
        "10.117.9.9",
    ])
    .fails(
        1,
        "veld: web2: cannot create: 10.117.9.9 is an address of VE www",
    );
    host.existing("www").destroy();
    assert!(!old.directory().exists());
    host.ve("web2").with(["--ip", "10.117.9.9"]).create();
}

#[test]
fn a_host_name_of_its_own_stays() {
    let host = host!();
    host.ve("web1")
        .with(["--hostname", "www.example.org"])
        .create();
    host.veld(["rename", "web1", "web2"])
        .says("web1: is web2 now");
    let shown = host.existing("web2").show();
    assert_eq!(shown["settings"]["hostname"], json!("www.example.org"));
}

#[test]
fn what_cannot_be_renamed_says_why() {
    let host = host!();
    let ve = host.ve("web1").start();
    host.ve("web2").create();
    for (words, status, said) in [
        (["web1", "www"], 1, "veld: web1: is running; stop it first"),
        (["web2", "web1"], 1, "veld: web1: exists already"),
        (["web2", "web2"], 1, "veld: web2: has that name"),
        (["web3", "web4"], 1, "veld: web3: no such VE"),
    ] {
        host.veld(["rename", words[0], words[1]])
            .fails(status, said);
    }
    let refused = host.veld(["rename", "web2", "Web"]);
    assert_eq!(refused.status, 2);
    assert!(
        refused
            .stderr
            .contains("\"Web\" is not a VE name: 'W' at position 0")
    );
    assert_eq!(ve.status(), "up");
    for name in ["www", "web3", "web4"] {
        assert!(!host.existing(name).run_directory().exists(), "{name}");
    }
}
