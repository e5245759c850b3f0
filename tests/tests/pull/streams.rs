//! From a server of simplestreams, as Incus has them.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use veld_tests::{Cmd, Host, host, signal, until};

use crate::server::Files;
use crate::site::{Site, archive, lacks, tree};

const METADATA: &str =
    "architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: BusyBox\n";

fn sha256(files: &[&Path]) -> String {
    let words: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let joined = format!("cat {} | sha256sum", words.join(" "));
    let said = Cmd::program("sh", ["-c", &joined]).run().ok();
    said.line().split(' ').next().unwrap().to_owned()
}

/// Makes the files of a server that has `busybox/1` and `busybox/1/cloud`.
fn make(root: &Path) {
    let images = root.join("images");
    let index = root.join("streams/v1");
    fs::create_dir_all(&images).unwrap();
    fs::create_dir_all(&index).unwrap();
    fs::write(images.join("metadata.yaml"), METADATA).unwrap();
    let (metadata, rootfs) = (images.join("incus.tar.xz"), images.join("rootfs.tar.xz"));
    archive(&metadata, "-cJf", &images, "metadata.yaml");
    archive(&rootfs, "-cJf", &tree(root), ".");
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        same => same,
    };
    let item = |ftype: &str, file: &Path, more: &str| {
        let name = file.file_name().unwrap().to_str().unwrap();
        format!(
            r#"{{"ftype":"{ftype}","path":"images/{name}","size":{},"sha256":"{}"{more}}}"#,
            file.metadata().unwrap().len(),
            sha256(&[file])
        )
    };
    let combined = sha256(&[&metadata, &rootfs]);
    let product = |variant: &str| {
        format!(
            r#""busybox:1:{machine}:{variant}":{{"aliases":"busybox/1/{variant}","arch":"{machine}",
            "os":"BusyBox","release":"1","release_title":"one","variant":"{variant}",
            "versions":{{"20260102_05:24":{{"items":{{"incus.tar.xz":{},"root.tar.xz":{}}}}}}}}}"#,
            item(
                "incus.tar.xz",
                &metadata,
                &format!(r#","combined_rootxz_sha256":"{combined}""#)
            ),
            item("root.tar.xz", &rootfs, "")
        )
    };
    let products = format!(
        r#"{{"format":"products:1.0","products":{{{},{}}}}}"#,
        product("default"),
        product("cloud")
    );
    fs::write(index.join("images.json"), products).unwrap();
    let text = r#"{"format":"index:1.0","index":{"images":{"datatype":"image-downloads",
        "path":"streams/v1/images.json","format":"products:1.0"}}}"#;
    fs::write(index.join("index.json"), text).unwrap();
}

fn remote(server: &Files) -> String {
    let url = server.url();
    format!("[remote.images]\nurl = \"{url}\"\ntype = \"simplestreams\"\n")
}

fn site(host: Host) -> Site {
    let site = Site::new(host);
    make(&site.host.directory().join("server"));
    site
}

#[test]
fn a_ve_starts_on_what_was_pulled_from_a_server_of_images() {
    veld_tests::needs!(lacks(&["xz"]));
    let site = site(host!());
    let host = &site.host;
    let server = Files::serve(&host.directory().join("server"), None);
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
    let hanging = Files::serve(&root, Some("rootfs"));
    let server = Files::serve(&root, None);
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
