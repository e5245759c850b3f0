//! From a server of simplestreams, as Incus has them.

use std::fs;

use rustix::process::Signal;
use veld_tests::{
    FileServer, Host, Site, Template, copied_tree, host, lacks, signal, simplestreams, until,
};

fn remote(server: &FileServer) -> String {
    let url = server.url();
    format!("[remote.images]\nurl = \"{url}\"\ntype = \"simplestreams\"\n")
}

fn site(host: Host) -> Site {
    let site = Site::new(host);
    let root = site.host.directory().join("server");
    simplestreams(&root, &copied_tree(&root, Template::Busybox));
    site
}

#[test]
fn a_ve_starts_on_what_was_pulled_from_a_server_of_images() {
    veld_tests::needs!(lacks(&["xz"]));
    let site = site(host!());
    let host = &site.host;
    let server = FileServer::serve(&host.directory().join("server"), None);
    site.configure(&remote(&server));
    let listed = host.veld(["template", "remotes"]).ok();
    let rows: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["NAME", "TYPE", "URL"],
            vec!["images", "simplestreams", &server.url()]
        ]
    );
    let found = host
        .veld(["template", "search", "images", "cloud", "--json"])
        .ok()
        .stdout;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["name"], "busybox/1/cloud");
    let table = host.veld(["template", "search", "images"]).ok();
    assert!(
        table.line().contains("BusyBox one default"),
        "{}",
        table.line()
    );
    let pulled = host.veld(["template", "pull", "images:busybox/1"]).ok();
    assert_eq!(
        pulled.line(),
        "busybox-1: pulled, BusyBox of the tests, init busybox"
    );
    assert_eq!(
        site.cached(),
        [] as [&str; 0],
        "its files are of no more use"
    );
    let current = host.veld(["template", "update", "busybox-1"]).ok();
    assert_eq!(current.line(), "busybox-1: is up to date");
    host.veld(["create", "web1", "-t", "busybox-1", "--network", "none"])
        .ok();
    host.veld(["start", "web1", "--wait"]).ok();
    host.veld(["exec", "web1", "true"]).ok();
    host.veld(["destroy", "--force", "web1"]).ok();
}

#[test]
fn a_pull_that_ends_in_the_middle_leaves_a_part_for_the_next() {
    veld_tests::needs!(lacks(&["xz"]));
    let site = site(host!());
    let host = &site.host;
    let root = host.directory().join("server");
    let hanging = FileServer::serve(&root, Some("rootfs"));
    let server = FileServer::serve(&root, None);
    let half = root.join("images/rootfs.tar.xz").metadata().unwrap().len() / 2;
    let partial = site.templates().join(".cache/partial");
    let pull = ["template", "pull", "images:busybox/1"];
    for (number, status, stderr) in [
        (Signal::INT, 1, "veld: busybox-1: cannot pull: interrupted"),
        (Signal::KILL, 137, ""),
    ] {
        site.configure(&remote(&hanging));
        let running = host.cmd(pull).spawn();
        until("half of it is here", || {
            let parts = fs::read_dir(&partial).into_iter().flatten().flatten();
            let mut lengths = parts.filter_map(|part| part.metadata().ok());
            lengths.any(|metadata| metadata.len() == half)
        });
        signal(running.pid(), number);
        running.output().fails(status, stderr);
        let left = site.cached();
        let parts = left.iter().filter(|name| name.ends_with(".part"));
        assert_eq!(parts.count(), 1, "{left:?}");
        assert_eq!(host.veld(["template", "list"]).ok().lines().count(), 1);
        site.configure(&remote(&server));
        host.veld(pull).ok();
        assert_eq!(site.cached(), [] as [&str; 0]);
        host.veld(["template", "remove", "busybox-1"]).ok();
    }
}
