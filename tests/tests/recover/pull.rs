//! Pulls and updates of templates that go wrong: what was there is there and VEs stand
//! on it, and the next pull or update finishes.

use std::fs;
use std::path::Path;

use veld_tests::{Cmd, FileServer, Host, Registry, Site, Template, copied_tree, lacks, oci_image};

use crate::walk::{Kind, Round, walk, walked_by};

walked_by!(pulls_from_streams: a_pull_from_a_server_of_images_that_fails_makes_nothing,
    a_pull_from_a_server_of_images_without_space_makes_nothing,
    a_killed_pull_from_a_server_of_images_is_made_again);

walked_by!(pulls_from_registry: a_pull_from_a_registry_that_fails_makes_nothing,
    a_pull_from_a_registry_without_space_makes_nothing,
    a_killed_pull_from_a_registry_is_made_again);

walked_by!(updates_from_streams: an_update_from_a_server_of_images_that_fails_keeps_the_old,
    an_update_from_a_server_of_images_without_space_keeps_the_old,
    a_killed_update_from_a_server_of_images_is_made_again);

walked_by!(updates_from_registry: an_update_from_a_registry_that_fails_keeps_the_old,
    an_update_from_a_registry_without_space_keeps_the_old,
    a_killed_update_from_a_registry_is_made_again);

/// Where an image with a word in `/etc/word` is pulled from; as long as it is kept.
struct Remote {
    config: String,
    _kept: Kept,
}

enum Kept {
    Registry { _it: Registry },
    Streams { _it: FileServer },
}

/// What makes a remote with this word below a directory.
type Make = fn(&Path, &str) -> Remote;

fn registry(directory: &Path, word: &str) -> Remote {
    let registry = Registry::start(&directory.join("registry"));
    let image = oci_image(&directory.join("image"), Template::NoInit, word);
    registry.push(&image, "oci");
    Remote {
        config: format!(
            "[remote.reg]\nurl = \"http://{}\"\ntype = \"oci\"\n",
            registry.host()
        ),
        _kept: Kept::Registry { _it: registry },
    }
}

fn streams(directory: &Path, word: &str) -> Remote {
    let tree = copied_tree(directory, Template::NoInit);
    fs::write(tree.join("etc/word"), word).unwrap();
    let root = directory.join("server");
    veld_tests::simplestreams(&root, &tree);
    let server = FileServer::serve(&root, None);
    Remote {
        config: format!(
            "[remote.reg]\nurl = \"{}\"\ntype = \"simplestreams\"\n",
            server.url()
        ),
        _kept: Kept::Streams { _it: server },
    }
}

fn pulls_from_streams(host: Host, kind: Kind) {
    veld_tests::needs!(lacks(&["xz"]));
    pulls(&Site::new(host), kind, streams, "reg:busybox/1");
}

fn pulls_from_registry(host: Host, kind: Kind) {
    veld_tests::needs!(Registry::lacks());
    pulls(&Site::new(host), kind, registry, "reg:box:1");
}

fn updates_from_streams(host: Host, kind: Kind) {
    veld_tests::needs!(lacks(&["xz"]));
    updates(&Site::new(host), kind, streams, "reg:busybox/1");
}

fn updates_from_registry(host: Host, kind: Kind) {
    veld_tests::needs!(Registry::lacks());
    updates(&Site::new(host), kind, registry, "reg:box:1");
}

fn pulls(site: &Site, kind: Kind, make: Make, source: &str) {
    let host = &site.host;
    let remote = make(&host.directory().join("one"), "one");
    site.configure(&remote.config);
    let words = ["template", "pull", source, "--name", "box"];
    walk(
        host,
        ("pull", 1, kind),
        |fault| fault.veld(host, &words),
        |round: &Round<'_>| {
            let made = host.veld(["template", "show", "box"]).status == 0;
            assert!(made || !round.is_done(), "it says that it is made");
            assert!(!made || !round.has_failed(), "{}", round.output.stderr);
            if round.has_failed() {
                assert_eq!(visible(site), [""; 0], "after the error");
            }
            if !made {
                host.veld(words).ok();
            }
            assert_eq!(word(site), "one");
            nothing_is_left(site);
        },
    );
}

/// A VE stands on the old one.
fn updates(site: &Site, kind: Kind, make: Make, source: &str) {
    let host = &site.host;
    let remotes = ["one", "two"].map(|word| make(&host.directory().join(word), word));
    let ve = host.existing("web1");
    let words = ["template", "update", "box"];
    walk(
        host,
        ("update", 1, kind),
        |fault| {
            site.configure(&remotes[0].config);
            host.veld(["template", "pull", source, "--name", "box"])
                .ok();
            host.veld(["create", "web1", "-t", "box", "--network", "none"])
                .ok();
            site.configure(&remotes[1].config);
            fault.veld(host, &words)
        },
        |round: &Round<'_>| {
            let is_new = word(site) == "two";
            assert!(is_new || !round.is_done(), "it says that it is replaced");
            assert_eq!(word(site), if is_new { "two" } else { "one" });
            ve.veld("start", [""; 0]).done();
            let read = ve.exec(["/bin/busybox", "cat", "/etc/word"]);
            assert_eq!(read.ok().stdout, "one", "it stands on what it was made on");
            let again = host.veld(words).ok();
            let says = if is_new {
                "box: is up to date"
            } else {
                "box: updated, "
            };
            assert!(again.line().starts_with(says), "{}", again.line());
            assert_eq!(word(site), "two");
            ve.veld("stop", ["--force"]).done();
            ve.veld("start", [""; 0]).done();
            let read = ve.exec(["/bin/busybox", "cat", "/etc/word"]);
            assert_eq!(read.ok().stdout, "one");
            ve.veld("destroy", ["--force"]).done();
            host.nothing_remains();
            assert_eq!(host.leaks(), Vec::<String>::new());
            nothing_is_left(site);
        },
    );
}

fn word(site: &Site) -> String {
    fs::read_to_string(site.templates().join("box/root/etc/word")).unwrap()
}

/// What is among the templates but for the cache and locks.
fn visible(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.templates()).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name != ".cache" && !name.ends_with(".lock"))
        .collect()
}

/// Once the template is removed and what nobody uses is collected. What was pulled of
/// no template is kept for a week.
fn nothing_is_left(site: &Site) {
    site.host.veld(["template", "remove", "box"]).ok();
    let cache = site.templates().join(".cache");
    let script = "find \"$0\" -type f -exec touch -d '8 days ago' {} +";
    let words = ["-c", script, cache.to_str().unwrap()];
    Cmd::program("sh", words).run().ok();
    site.host.veld(["template", "gc"]).ok();
    assert_eq!(visible(site), [""; 0]);
    let cached = site.cached();
    let of_the_layout = |name: &String| ["index.json", "oci-layout"].contains(&name.as_str());
    assert!(cached.iter().all(of_the_layout), "{cached:?}");
}
