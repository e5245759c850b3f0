//! Images that `docker save` wrote: what comes out of them, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

mod common;

use std::fs;
use std::ops::ControlFlow;

use common::layout::{digest, gzip, here, zstd};
use common::{Archive, Host, names};
use veld_templates::{ImportOptions, Source};

/// A `docker save` archive in the shape of before: a directory for each layer, one
/// that is a link to another's.
fn saved(tags: [&str; 2]) -> Vec<u8> {
    let base = Archive::new().file("base", b"").end();
    let top = Archive::new().file("top", b"").file(".wh.base", b"").end();
    let configs = [vec![digest(&base)], vec![digest(&base), digest(&top)]]
        .map(|ids| common::layout::config(here(), &ids));
    let hex = |text: &str| {
        digest(text.as_bytes())
            .trim_start_matches("sha256:")
            .to_owned()
    };
    let [first, second] = configs
        .each_ref()
        .map(|config| format!("{}.json", hex(config)));
    let manifest = format!(
        r#"[{{"Config":"{first}","RepoTags":["{}"],"Layers":["a/layer.tar"]}},
            {{"Config":"{second}","RepoTags":["{}"],"Layers":["b/layer.tar","c/layer.tar"]}}]"#,
        tags[0], tags[1]
    );
    Archive::new()
        .file(&first, configs[0].as_bytes())
        .file(&second, configs[1].as_bytes())
        .directory("a/")
        .file("a/layer.tar", &base)
        .symlink("b/layer.tar", "../a/layer.tar")
        .file("c/layer.tar", &top)
        .file("manifest.json", manifest.as_bytes())
        .end()
}

#[test]
fn what_docker_saved_is_an_image() {
    let archive = saved(["local/base:1", "local/top:2"]);
    assert_eq!(
        Host::new().refused(&archive),
        "source has several images, choose one of local/base:1, local/top:2"
    );
    for (archive, reference) in [
        (archive.clone(), "local/top:2"),
        (gzip(&archive), "top:2"),
        (zstd(&archive), "local/top:2"),
    ] {
        let host = Host::new();
        let options = ImportOptions {
            image: Some(reference.to_owned()),
            ..ImportOptions::default()
        };
        host.import_with(&archive, "one", &options).unwrap();
        assert_eq!(names(&host.root("one")), ["top"]);
        // The same from a file, which is read by offset.
        let file = host.scratch().join("saved");
        fs::write(&file, &archive).unwrap();
        let source = Source::File(&file);
        let digest = ImportOptions {
            digest: Some(digest(&archive)),
            ..options
        };
        host.store()
            .import(source, "two", &digest, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(names(&host.root("two")), ["top"]);
        assert_eq!(host.names(), ["one", "two"]);
    }
}

#[test]
fn hostile_archives_of_images_are_refused() {
    let with = |archive: Archive| Host::new().refused(&archive.end());
    let manifest = br#"[{"Config":"c","Layers":["l"]}]"#;
    for (archive, line) in [
        (
            Archive::new().file("manifest.json", manifest),
            "image has no c",
        ),
        (
            Archive::new()
                .file("manifest.json", manifest)
                .symlink("c", "c"),
            "image has c, which is a link too often",
        ),
        (
            Archive::new()
                .file("manifest.json", manifest)
                .symlink("c", "../../etc/passwd"),
            "entry c has .. in its path",
        ),
        (
            Archive::new().file("manifest.json", b"[]"),
            "image has no images in manifest.json",
        ),
    ] {
        assert_eq!(with(archive), line);
    }
    let cut = saved(["a", "b"]);
    let line = Host::new().refused(&cut[..cut.len() - 2048]);
    assert!(line.starts_with("archive is cut off"), "{line}");
}
