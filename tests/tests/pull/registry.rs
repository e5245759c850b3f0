//! From a real registry, Debian's `docker-registry`.

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Host, Registry, Site, Template, host, oci_image};

fn image(directory: &Path, word: &str) -> PathBuf {
    oci_image(directory, Template::Busybox, word)
}

/// A registry that has `box:1`, and the host that pulls from it.
fn pushed(host: Host) -> (Site, Registry) {
    let site = Site::new(host);
    let directory = site.host.directory().to_owned();
    let registry = Registry::start(&directory.join("registry"));
    registry.push(&image(&directory.join("image"), "first"), "oci");
    (site, registry)
}

#[test]
fn a_ve_starts_on_what_was_pulled_from_a_registry() {
    veld_tests::needs!(Registry::lacks());
    let (site, registry) = pushed(host!());
    let host = &site.host;
    let source = format!("{}/box:1", registry.host());
    let pulled = host.veld(["template", "pull", &source]).ok();
    assert_eq!(
        pulled.line(),
        "box-1: pulled, BusyBox of the tests, init busybox"
    );
    let shown = host.veld(["template", "show", "box-1"]).ok().stdout;
    let from = shown
        .lines()
        .find(|line| line.starts_with("pulled from"))
        .unwrap();
    assert!(from.contains(&format!(" {source} (sha256:")), "{from}");
    host.veld(["create", "web1", "-t", "box-1", "--network", "none"])
        .ok();
    host.veld(["start", "web1", "--wait"]).ok();
    let word = host.veld(["exec", "web1", "cat", "/etc/word"]).ok();
    assert_eq!(word.stdout, "first");
    // Its name is taken; another pull of the same blobs asks for none of them.
    let line = "veld: box-1: cannot pull: template box-1 exists already";
    host.veld(["template", "pull", &source]).fails(1, line);
    host.veld(["template", "pull", &source, "--name", "other"])
        .ok();
    host.veld(["destroy", "--force", "web1"]).ok();
}

#[test]
fn an_update_puts_the_new_image_in_place_of_the_old() {
    veld_tests::needs!(Registry::lacks());
    let (site, registry) = pushed(host!());
    let host = &site.host;
    site.configure(&format!(
        "[remote.reg]\nurl = \"http://{}\"\ntype = \"oci\"\n",
        registry.host()
    ));
    host.veld(["template", "pull", "reg:box:1", "--name", "box"])
        .ok();
    let current = host.veld(["template", "update", "box"]).ok();
    assert_eq!(current.line(), "box: is up to date");
    registry.push(&image(&host.directory().join("new"), "second"), "v2s2");
    let updated = host.veld(["template", "update", "--all"]).ok();
    assert_eq!(
        updated.line(),
        "box: updated, BusyBox of the tests, init busybox"
    );
    let word = site.templates().join("box/root/etc/word");
    assert_eq!(fs::read_to_string(word).unwrap(), "second");
    assert_eq!(
        host.veld(["template", "update", "box"]).ok().line(),
        "box: is up to date"
    );
    // Blobs that only the old image had are gone: one layer is, and config and manifest.
    let names = site.cached();
    let blobs = names.iter().filter(|name| name.len() == 64).count();
    assert_eq!(blobs, 4, "{names:?}");
    host.veld(["template", "remove", "box"]).ok();
    let swept = host.veld(["template", "gc"]).ok();
    assert!(
        swept.line().starts_with("cache: removed, 4 files, "),
        "{}",
        swept.line()
    );
    assert_eq!(site.cached(), ["index.json", "oci-layout"]);
}

#[test]
fn an_update_may_be_as_large_as_was_said_when_it_was_pulled() {
    veld_tests::needs!(Registry::lacks());
    let (site, registry) = pushed(host!());
    let host = &site.host;
    let source = format!("{}/box:1", registry.host());
    let words = ["template", "pull", &source, "--max-size", "64M"];
    host.veld(words).ok();
    let directory = host.directory().join("new");
    let grown = "g".repeat(65 << 20);
    registry.push(&image(&directory, &grown), "oci");
    let update = ["template", "update", "box-1"];
    let line = "veld: box-1: cannot update: entry etc/word makes the template larger than \
                67108864 bytes";
    host.veld(update).fails(1, line);
    let word = site.templates().join("box-1/root/etc/word");
    assert_eq!(fs::read_to_string(&word).unwrap(), "first");
    host.veld([&update[..], &["--max-size", "128M"]].concat())
        .ok();
    assert_eq!(fs::metadata(&word).unwrap().len(), 65 << 20);
    let listed = host.veld(["template", "list", "--json"]).ok().stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["origin"]["max_size_bytes"], 128 << 20);
}

#[test]
fn a_digest_that_is_asked_for_must_be_it() {
    veld_tests::needs!(Registry::lacks());
    let (site, registry) = pushed(host!());
    let host = &site.host;
    let source = format!("{}/box:1", registry.host());
    let wrong = format!("sha256:{}", "0".repeat(64));
    let refused = host.veld(["template", "pull", &source, "--digest", &wrong]);
    assert_eq!(refused.status, 1);
    let url = format!("http://{}/v2/box/manifests/1", registry.host());
    let begin = format!("veld: box-1: cannot pull: cannot get {url}: it has digest sha256:");
    assert!(refused.stderr.starts_with(&begin), "{}", refused.stderr);
    assert!(
        refused.stderr.ends_with(&format!(", not {wrong}\n")),
        "{}",
        refused.stderr
    );
    let found = refused.stderr.split("digest ").nth(1).unwrap();
    let digest = found.split(',').next().unwrap();
    host.veld(["template", "pull", &source, "--digest", digest])
        .ok();
    let listed = host.veld(["template", "list", "--json"]).ok().stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["origin"]["digest"], digest);
    assert_eq!(listed[0]["origin"]["reference"], source.as_str());
}
