//! A VE as a template.

use std::fs;

use serde_json::Value;
use veld_tests::{Template, host};

#[test]
fn a_ve_becomes_a_template_without_what_makes_it_this_one() {
    let host = host!();
    let templates = host.directory().join("templates");
    host.keep_templates_in(&templates, Template::Busybox);
    let ve = host.ve("web1").start();
    ve.put("/etc/mine", "kept\n", "640");
    ve.put(
        "/etc/machine-id",
        "0123456789abcdef0123456789abcdef\n",
        "444",
    );
    ve.sh("mkdir -p /etc/ssh && echo x >/etc/ssh/ssh_host_rsa_key && rm -r /home")
        .done();
    host.veld(["template", "from", "web1"]).fails(
        1,
        "veld: web1: is running; stop it first, or make a snapshot and use --snapshot",
    );
    host.veld(["snapshot", "create", "web1", "then"]).ok();
    ve.put("/etc/mine", "changed\n", "640");
    host.veld([
        "template",
        "from",
        "web1",
        "--snapshot",
        "then",
        "--name",
        "gold",
    ])
    .done();
    ve.stop();
    host.veld(["template", "from", "web1"]).done();
    let shown = host.veld(["template", "show", "gold", "--json"]).ok();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["source"], "VE web1, snapshot then");
    for (name, mine) in [("gold", "kept\n"), ("web1", "changed\n")] {
        let root = templates.join(name).join("root");
        assert_eq!(fs::read_to_string(root.join("etc/mine")).unwrap(), mine);
        assert!(!root.join("etc/ssh/ssh_host_rsa_key").exists());
        assert!(!root.join("home").exists(), "what was removed is not there");
        let id = fs::read_to_string(root.join("etc/machine-id"));
        assert!(id.is_err() || id.unwrap().is_empty());
        host.veld(["create", "web2", "--template", name]).done();
        let new = host.existing("web2");
        new.start();
        assert_eq!(new.exec(["cat", "/etc/mine"]).ok().line(), mine.trim_end());
        new.veld("destroy", ["--force"]).done();
        host.veld(["template", "remove", name]).ok();
    }
}
