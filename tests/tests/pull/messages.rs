//! What is said where nothing can be pulled.

use std::fs;

use veld_tests::{FileServer, Site, Template, host};

#[test]
fn a_source_must_say_where_it_is() {
    let site = Site::new(host!());
    let host = &site.host;
    site.configure("[remote.reg]\nurl = \"http://127.0.0.1:9\"\ntype = \"oci\"\n");
    for (source, what) in [
        (
            "debian:12",
            "\"debian:12\" names no registry: write HOST/debian:12, or REMOTE:IMAGE with a [remote.REMOTE] in \
             veld.toml",
        ),
        (
            "a.test/Box",
            "\"a.test/Box\" is not an image: a repository is a path of a-z, 0-9, '.', '_' and '-'",
        ),
        (
            "reg:",
            "\"\" is not an image: a repository is a path of a-z, 0-9, '.', '_' and '-'",
        ),
    ] {
        let line = format!("veld: {source}: cannot pull: {what}");
        host.veld(["template", "pull", source]).fails(1, &line);
    }
    let source = "reg:box";
    let line = "veld: box: cannot pull: cannot get http://127.0.0.1:9/v2/box/manifests/latest: \
                Connection refused (os error 111)";
    host.veld(["template", "pull", source]).fails(1, line);
    let line = "veld: box: cannot pull: \"sha256:0\" is not a digest: allowed is sha256: or sha512: \
                and its digits";
    host.veld(["template", "pull", source, "--digest", "sha256:0"])
        .fails(1, line);
    let line = "veld: reg: cannot search: a registry of OCI images has no list of them";
    host.veld(["template", "search", "reg"]).fails(1, line);
    let line = "veld: none: cannot search: there is no [remote.none] in veld.toml";
    host.veld(["template", "search", "none"]).fails(1, line);
    let cached = site.cached();
    assert_eq!(cached, [] as [&str; 0]);
}

#[test]
fn only_what_was_pulled_is_updated() {
    let site = Site::new(host!());
    let host = &site.host;
    let root = Template::Busybox.root().display().to_string();
    host.veld(["template", "import", &root, "--name", "own"])
        .ok();
    let line = "veld: own: was not pulled, so there is nothing to update it from";
    host.veld(["template", "update", "own"]).fails(1, line);
    let line = "veld: nosuch: cannot update: no template nosuch";
    host.veld(["template", "update", "nosuch"]).fails(1, line);
    assert_eq!(host.veld(["template", "update", "--all"]).ok().stdout, "");
}

#[test]
fn a_server_without_the_image_says_so() {
    let site = Site::new(host!());
    let host = &site.host;
    let root = host.directory().join("server");
    fs::create_dir_all(root.join("streams/v1")).unwrap();
    fs::write(root.join("streams/v1/index.json"), "{\"index\":{}}").unwrap();
    let server = FileServer::serve(&root, None);
    let url = server.url();
    site.configure(&format!(
        "[remote.images]\nurl = \"{url}\"\ntype = \"simplestreams\"\n\
         [remote.signed]\nurl = \"{url}\"\ntype = \"simplestreams\"\nkeyring = \"/dev/null\"\n"
    ));
    let line = format!("veld: debian-12: cannot pull: {url}/ has no image debian/12");
    host.veld(["template", "pull", "images:debian/12"])
        .fails(1, &line);
    let line = format!(
        "veld: debian-12: cannot pull: cannot get {url}/streams/v1/index.sjson: 404 Not Found"
    );
    host.veld(["template", "pull", "signed:debian/12"])
        .fails(1, &line);
}
