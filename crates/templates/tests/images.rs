//! Images of several layers: what comes out of them, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test"
)]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use common::layout::{Layout, digest, gzip, here, zstd};
use common::{Archive, Host, chain, is_root, look, names};
use veld_templates::{ImportOptions, Limits, Source};

fn import(host: &Host, layout: &Layout, options: &ImportOptions) -> Result<String, String> {
    let source = Source::Directory(layout.path());
    let made = host
        .store()
        .import(source, "one", options, &mut |_| ControlFlow::Continue(()));
    match made {
        Ok(made) => Ok(made.digest.unwrap()),
        Err(error) => {
            assert_eq!(host.names(), Vec::<String>::new(), "{error}");
            Err(chain(&error))
        }
    }
}

fn refused(layout: &Layout) -> String {
    import(&Host::new(), layout, &ImportOptions::default()).unwrap_err()
}

fn of_layers(layers: &[Vec<u8>]) -> (Host, Layout) {
    let (host, layout) = (Host::new(), Layout::of(layers));
    import(&host, &layout, &ImportOptions::default()).unwrap();
    (host, layout)
}

/// Two layers with everything that an upper one may do to a lower one.
fn table() -> [Vec<u8>; 3] {
    let lower = Archive::new()
        .directory("./")
        .directory("etc/")
        .file("etc/kept", b"kept")
        .file("etc/gone", b"gone")
        .file("etc/changed", b"before")
        .directory("opaque/")
        .file("opaque/below", b"below")
        .directory("opaque/inner/")
        .file("opaque/inner/below", b"below")
        .directory("to-file/")
        .file("to-file/inside", b"inside")
        .file("to-directory", b"file")
        .directory("whole/")
        .directory("whole/tree/")
        .file("whole/tree/leaf", b"leaf")
        .directory("again/")
        .file("again/old", b"old")
        .symlink("link", "etc")
        .file("linked", b"linked")
        .end();
    let middle = Archive::new()
        // Before its sibling, and after one that is of this layer.
        .file("etc/.wh.gone", b"")
        .file("etc/changed", b"after")
        .file("opaque/mine", b"mine")
        .file("opaque/.wh..wh..opq", b"")
        .file("opaque/inner/mine", b"mine")
        .file("to-file", b"now a file")
        .directory("to-directory/")
        .file("to-directory/inside", b"inside")
        .file(".wh.whole", b"")
        .file("again/new", b"new")
        .file(".wh.again", b"")
        .directory("link/")
        .file("link/inside", b"inside")
        .hard_link("second", "linked")
        .file("etc/.wh.never-there", b"")
        .file("no/such/.wh.directory", b"")
        .with(b'5', b"etc/", b"", b"", |header| {
            header.set_mode(0o750);
            header.set_mtime(2_000_000);
        })
        .end();
    let upper = Archive::new()
        .file("linked", b"replaced, the other name is not")
        .end();
    [lower, middle, upper]
}

#[test]
fn layers_change_what_is_below_them() {
    if !is_root() {
        return;
    }
    let (host, _layout) = of_layers(&table());
    let root = host.root("one");
    assert_eq!(
        names(&root),
        [
            "again",
            "again/new",
            "etc",
            "etc/changed",
            "etc/kept",
            "link",
            "link/inside",
            "linked",
            "opaque",
            "opaque/inner",
            "opaque/inner/mine",
            "opaque/mine",
            "second",
            "to-directory",
            "to-directory/inside",
            "to-file",
        ]
    );
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    assert_eq!(read("etc/changed"), "after");
    assert_eq!(read("to-file"), "now a file");
    assert_eq!(read("second"), "linked");
    let etc = fs::metadata(root.join("etc")).unwrap();
    assert_eq!((etc.mode() & 0o7777, etc.mtime()), (0o750, 2_000_000));
    assert!(!root.join("no").exists(), "made for a whiteout of nothing");
}

#[test]
fn umoci_makes_the_same_of_the_same_image() {
    if !is_root() || Command::new("umoci").arg("--version").output().is_err() {
        return;
    }
    let mut layout = Layout::new();
    let image = layout.image(&table(), gzip);
    // umoci wants its type to be that of what is in it.
    let manifest = fs::read_to_string(layout.blob_path(&image.digest)).unwrap();
    let manifest = manifest.replace("layer.v1.tar\"", "layer.v1.tar+gzip\"");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let image = layout.blob(kind, manifest.as_bytes());
    layout.list_as(&image, "table");
    let host = Host::new();
    import(&host, &layout, &ImportOptions::default()).unwrap();
    let bundle = host.scratch().join("bundle");
    let unpacked = Command::new("umoci")
        .args(["unpack", "--image"])
        .arg(format!("{}:table", layout.path().display()))
        .arg(&bundle)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    // Times of directories that no entry is for are those of the unpacking.
    let seen = |root: &Path| {
        let mut all = look(root);
        for (name, text) in &mut all {
            if root.join(name).is_dir() && name != "etc" {
                text.truncate(text.find(" mtime").unwrap());
            }
        }
        all
    };
    assert_eq!(seen(&host.root("one")), seen(&bundle.join("rootfs")));
}

#[test]
fn layers_are_compressed_or_not() {
    for store in [gzip, zstd, <[u8]>::to_vec] {
        let mut layout = Layout::new();
        let image = layout.image(&table(), store);
        layout.list(&image, "");
        let host = Host::new();
        let found = import(&host, &layout, &ImportOptions::default()).unwrap();
        assert_eq!(found, image.digest);
        let manifest = host.store().get("one").unwrap().manifest().clone();
        let config = manifest.image.unwrap();
        assert_eq!(
            (config.entrypoint, config.environment),
            (vec!["/bin/sh".to_owned()], vec!["A=b".to_owned()])
        );
        assert_eq!(config.user.as_deref(), Some("1:2"));
        assert_eq!(config.stop_signal.as_deref(), Some("SIGINT"));
        assert_eq!(manifest.id.unwrap().len(), 12);
    }
}

#[test]
fn an_opaque_root_and_an_empty_layer_are_fine() {
    let lower = Archive::new().file("below", b"").end();
    let upper = Archive::new()
        .file("mine", b"")
        .file(".wh..wh..opq", b"")
        .end();
    let (host, _layout) = of_layers(&[lower, upper, vec![0; 1024]]);
    assert_eq!(names(&host.root("one")), ["mine"]);
}

/// Names outside that a layer aims at stay as they are, and all of it is inside.
#[test]
fn a_layer_follows_links_of_lower_ones_inside_the_root() {
    let outside = tempfile::tempdir().unwrap();
    let aim = outside.path().to_str().unwrap();
    fs::write(outside.path().join("kept"), "kept").unwrap();
    let lower = Archive::new()
        .directory("usr/lib/")
        .file("usr/lib/old", b"old")
        .file("usr/lib/gone", b"gone")
        .directory("opaque/")
        .file("opaque/below", b"below")
        .symlink("lib", "usr/lib")
        .symlink("abs", aim)
        .symlink("up", "../../../../../../../../..")
        .symlink("dots", &format!("up{aim}"))
        .symlink("clear", "/opaque")
        .end();
    let upper = Archive::new()
        .directory("lib/sub/")
        .file("lib/sub/new", b"new")
        .file("lib/.wh.gone", b"")
        .hard_link("same", "lib/old")
        .file("abs/one", b"1")
        .file("abs/.wh.kept", b"")
        .file("dots/two", b"2")
        .file("up/three", b"3")
        .file("clear/.wh..wh..opq", b"")
        .file("clear/own", b"own")
        .end();
    let (host, _layout) = of_layers(&[lower, upper]);
    let root = host.root("one");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("usr/lib/sub/new"), "new");
    assert_eq!(read("same"), "old");
    assert_eq!(fs::metadata(root.join("same")).unwrap().nlink(), 2);
    assert!(!root.join("usr/lib/gone").exists());
    assert!(root.join("lib").is_symlink() && root.join("abs").is_symlink());
    assert_eq!(read(&format!("{}/one", &aim[1..])), "1");
    assert_eq!(read(&format!("{}/two", &aim[1..])), "2");
    assert_eq!(read("three"), "3");
    assert_eq!(names(&root.join("opaque")), ["own"]);
    let left = fs::read_dir(outside.path()).unwrap();
    assert_eq!(left.count(), 1, "something was made outside");
    assert!(outside.path().join("kept").exists());
}

#[test]
fn a_layer_leads_nowhere() {
    let lower = Archive::new()
        .symlink("out", "/tmp")
        .symlink("circle", "circle/round")
        .file("plain", b"")
        .symlink("file", "plain")
        .end();
    let with = |upper: Archive| refused(&Layout::of(&[lower.clone(), upper.end()]));
    for (upper, line) in [
        (
            Archive::new().file("../x", b""),
            "entry ../x has .. in its path",
        ),
        (
            Archive::new().file("circle/x", b""),
            "entry circle/x goes through more than 40 symbolic links",
        ),
        (
            Archive::new().file("circle/.wh.x", b""),
            "entry circle/x goes through more than 40 symbolic links",
        ),
        (
            Archive::new().file("file/x", b""),
            "entry plain/x goes through plain, which is not a directory",
        ),
        (
            Archive::new().file(".wh..", b""),
            "entry .wh.. is a whiteout of no name",
        ),
        (
            Archive::new().file(".wh...", b""),
            "entry .wh... is a whiteout of no name",
        ),
        (
            Archive::new().file(".wh.a/b", b""),
            "entry .wh.a/b is below a whiteout",
        ),
        (
            Archive::new().hard_link("x", "out/passwd"),
            "entry x is a hard link to tmp/passwd, which is not there",
        ),
    ] {
        assert_eq!(with(upper), line);
    }
}

#[test]
fn bounds_are_those_of_all_layers_together() {
    let layers: Vec<Vec<u8>> = (0..4)
        .map(|n| Archive::new().file(&format!("f{n}"), &[1; 1000]).end())
        .collect();
    let layout = Layout::of(&layers);
    let bounded = |size, entries| ImportOptions {
        limits: Limits { size, entries },
        ..ImportOptions::default()
    };
    let line = import(&Host::new(), &layout, &bounded(3500, 100)).unwrap_err();
    assert_eq!(line, "entry f3 makes the template larger than 3500 bytes");
    let line = import(&Host::new(), &layout, &bounded(1 << 20, 3)).unwrap_err();
    assert_eq!(line, "entry f3 makes the template larger than 3 entries");
    import(&Host::new(), &layout, &bounded(4000, 4)).unwrap();
    let many: Vec<Vec<u8>> = (0..1000).map(|_| vec![0; 1024]).collect();
    let line = refused(&Layout::of(&many));
    assert_eq!(line, "image has 1000 layers, more than 512");
    assert_eq!(refused(&Layout::of(&[])), "image has no layers");
}

#[test]
fn what_is_not_what_it_is_called_is_refused() {
    let layer = Archive::new().file("f", b"x").end();
    let other = Archive::new().file("f", b"y").end();
    // A layer of the same size with other content.
    let layout = Layout::of(std::slice::from_ref(&layer));
    fs::write(layout.blob_path(&digest(&layer)), &other).unwrap();
    let line = format!(
        "layer of the image has digest {}, not {}",
        digest(&other),
        digest(&layer)
    );
    assert_eq!(refused(&layout), line);
    // One that is cut off, and one that is not there.
    fs::write(layout.blob_path(&digest(&layer)), &layer[..700]).unwrap();
    let path = layout.blob_path(&digest(&layer));
    let name = format!(
        "blobs/sha256/{}",
        digest(&layer).trim_start_matches("sha256:")
    );
    let size = layer.len();
    assert_eq!(
        refused(&layout),
        format!("image has {name} of 700 bytes, not {size}")
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(refused(&layout), format!("image has no {name}"));
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert_eq!(
        refused(&layout),
        format!("image has {name}, which is no plain file")
    );
    // A config whose diff id is another's.
    let mut layout = Layout::new();
    let blob = layout.blob("application/vnd.oci.image.layer.v1.tar", &layer);
    let config = common::layout::config(here(), &[digest(&other)]);
    let image = layout.manifest(&config, &[blob]);
    layout.list(&image, "");
    let line = format!(
        "content of a layer of the image has digest {}, not {}",
        digest(&layer),
        digest(&other)
    );
    assert_eq!(refused(&layout), line);
    // A manifest that was exchanged.
    let text = fs::read(layout.blob_path(&image.digest)).unwrap();
    let spaced = [&text[..], b" "].concat();
    fs::write(layout.blob_path(&image.digest), &spaced).unwrap();
    let line = format!(
        "manifest or config of the image has digest {}, not {}",
        digest(&spaced),
        image.digest
    );
    assert_eq!(refused(&layout), line);
}

#[test]
fn documents_that_are_none_are_refused() {
    let layout = Layout::of(&[Archive::new().file("f", b"").end()]);
    let index = layout.path().join("index.json");
    let deep = "[".repeat(100_000);
    for (text, line) in [
        ("{", "image has a malformed index.json: "),
        ("{\"manifests\":7}", "image has a malformed index.json: "),
        (deep.as_str(), "image has a malformed index.json: "),
        ("{}", "image is an index without images"),
        (
            "{\"manifests\":[{\"digest\":\"sha256:../../etc/passwd\",\"size\":1}]}",
            "image has \"sha256:../../etc/passwd\" for a digest",
        ),
        (
            "{\"manifests\":[{\"digest\":\"md5:00\",\"size\":1}]}",
            "image has \"md5:00\" for a digest",
        ),
    ] {
        fs::write(&index, text).unwrap();
        let found = refused(&layout);
        assert!(found.starts_with(line), "{found}");
    }
    // A gibibyte, which nobody writes to look at it.
    fs::File::create(&index).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(
        refused(&layout),
        "image has index.json of 1073741824 bytes, too large"
    );
}

#[test]
fn of_several_images_one_is_chosen() {
    let mut layout = Layout::new();
    for name in ["one", "two"] {
        let layer = Archive::new().file(name, b"").end();
        let image = layout.image(&[layer], gzip);
        layout.list_as(&image, name);
    }
    assert_eq!(
        refused(&layout),
        "source has several images, choose one of one, two"
    );
    let named = |name: &str| ImportOptions {
        image: Some(name.to_owned()),
        ..ImportOptions::default()
    };
    assert_eq!(
        import(&Host::new(), &layout, &named("three")).unwrap_err(),
        "source has no image three: there is one, two"
    );
    let host = Host::new();
    let found = import(&host, &layout, &named("two")).unwrap();
    assert_eq!(names(&host.root("one")), ["two"]);
    // By its digest, too, and by another's it is refused.
    import(&Host::new(), &layout, &named(&found)).unwrap();
    let wanted = ImportOptions {
        digest: Some("sha256:00".to_owned()),
        ..named("two")
    };
    assert_eq!(
        import(&Host::new(), &layout, &wanted).unwrap_err(),
        format!("source has digest {found}, not sha256:00")
    );
}

#[test]
fn an_image_for_this_machine_is_chosen() {
    let mut layout = Layout::new();
    let platforms = |architectures: &[&str]| {
        let images = architectures.iter().map(|architecture| {
            let layer = Archive::new().file(architecture, b"").end();
            let image = layout.image_for(architecture, &[layer], gzip);
            let json = image.json.trim_end_matches('}').to_owned();
            format!(r#"{json},"platform":{{"os":"linux","architecture":"{architecture}"}}}}"#)
        });
        let images: Vec<String> = images.collect();
        let text = format!(r#"{{"manifests":[{}]}}"#, images.join(","));
        layout.blob("application/vnd.oci.image.index.v1+json", text.as_bytes())
    };
    let (both, foreign) = (platforms(&["vax", here()]), platforms(&["vax", "pdp11"]));
    layout.list_as(&both, "both");
    layout.list_as(&foreign, "foreign");
    let named = |name: &str, any| ImportOptions {
        image: Some(name.to_owned()),
        any_architecture: any,
        ..ImportOptions::default()
    };
    let host = Host::new();
    import(&host, &layout, &named("both", false)).unwrap();
    assert_eq!(names(&host.root("one")), [here()]);
    let machine = std::env::consts::ARCH;
    assert_eq!(
        import(&Host::new(), &layout, &named("foreign", false)).unwrap_err(),
        format!("no image is for {machine}: there is linux/vax, linux/pdp11")
    );
    // An image whose config alone says it.
    let mut layout = Layout::new();
    let image = layout.image_for("vax", &[Archive::new().file("f", b"").end()], gzip);
    layout.list(&image, "");
    assert_eq!(
        refused(&layout),
        format!("image is for vax, and this machine is {machine}")
    );
    let any = ImportOptions {
        any_architecture: true,
        ..ImportOptions::default()
    };
    import(&Host::new(), &layout, &any).unwrap();
}
