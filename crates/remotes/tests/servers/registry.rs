//! An honest registry.

use std::os::unix::fs::PermissionsExt;

use veld_remotes::{Digest, Progress, Reference, Registry};

use crate::image::{INDEX, Image, access, cache, here, pull, pull_as, refused};
use crate::server::{Server, reply};

#[test]
fn an_image_becomes_an_oci_layout() {
    let image = Image::of(&[b"one", b"two", b"one", b"three", b"four", b"five", b"six"]);
    let (_dir, cache) = cache();
    let server = image.clone().serve();
    let pulled = pull(&server, &cache).unwrap();
    assert_eq!(pulled.digest.to_string(), image.digest());
    assert_eq!(pulled.name, format!("{}/box:1", server.host()));
    let read = |name: &str| std::fs::read_to_string(pulled.layout.join(name)).unwrap();
    assert_eq!(read("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
    let index: serde_json::Value = serde_json::from_str(&read("index.json")).unwrap();
    let entry = &index["manifests"][0];
    assert_eq!(entry["digest"], image.digest());
    assert_eq!(
        entry["annotations"]["org.opencontainers.image.ref.name"],
        pulled.name
    );
    for (digest, content) in image.blobs() {
        let path = pulled.layout.join("blobs").join(digest.replace(':', "/"));
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let mode = cache.path().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    // A layer that is there twice is asked for once.
    let layers = server
        .asked()
        .iter()
        .filter(|asked| asked.path.contains("/blobs/"))
        .count();
    assert_eq!(layers, 7);
}

#[test]
fn what_is_there_is_not_asked_for_again() {
    let image = Image::of(&[b"one", b"two"]);
    let (_dir, cache) = cache();
    let server = image.serve();
    pull(&server, &cache).unwrap();
    let before = server.asked().len();
    pull(&server, &cache).unwrap();
    assert_eq!(server.asked().len(), before + 1, "the manifest alone");
    assert_eq!(cache.names().unwrap().len(), 1);
}

#[test]
fn the_image_for_this_machine_is_chosen() {
    let (mine, other) = (
        Image::of(&[b"mine"]),
        Image::for_machine("s390x", &[b"other"]),
    );
    let entry = |image: &Image, machine: &str| {
        format!(
            r#"{{"mediaType":"{}","digest":"{}","size":{},"platform":{{"os":"linux","architecture":"{machine}"}}}}"#,
            crate::image::MANIFEST,
            image.digest(),
            image.manifest.len()
        )
    };
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{},{},{}]}}"#,
        entry(&other, "s390x"),
        entry(&mine, "unknown").replace("linux", "unknown"),
        entry(&mine, here())
    );
    let (_dir, cache) = cache();
    let text = index.clone();
    let image = mine.clone();
    let server = Server::new(move |asked, stream| {
        if asked.path == "/v2/box/manifests/1" {
            reply(
                stream,
                "200 OK",
                &[("Content-Type", INDEX)],
                text.as_bytes(),
            );
        } else {
            image.answer(asked, stream);
        }
    });
    let pulled = pull(&server, &cache).unwrap();
    assert_eq!(
        pulled.digest,
        Digest::of(index.as_bytes()),
        "that of the index"
    );
    let read = std::fs::read_to_string(pulled.layout.join("index.json")).unwrap();
    assert!(read.contains(&mine.digest()), "{read}");
}

#[test]
fn a_digest_is_resolved_by_one_request() {
    let image = Image::of(&[b"one"]);
    let server = image.clone().serve();
    let reference: Reference = format!("{}/box", server.host()).parse().unwrap();
    let registry = Registry::new(&reference, None, &access(), &Progress::default()).unwrap();
    assert_eq!(registry.resolve().unwrap().to_string(), image.digest());
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("HEAD", "/v2/box/manifests/latest")
    );
}

#[test]
fn what_is_not_there_is_said_by_the_registry() {
    let (_dir, cache) = cache();
    let server = Image::of(&[]).serve();
    assert_eq!(
        refused(pull_as(
            &format!("{}/box:2", server.host()),
            &access(),
            &cache
        )),
        format!(
            "cannot get {}: 404 Not Found: manifest unknown",
            server.url("/v2/box/manifests/2")
        )
    );
    assert!(!cache.path().exists());
}

#[test]
fn a_counter_tells_how_far_each_blob_is() {
    let image = Image::of(&[&[7; 100_000]]);
    let (_dir, cache) = cache();
    let server = image.serve();
    let reference: Reference = format!("{}/box", server.host()).parse().unwrap();
    let progress = Progress::default();
    let registry = Registry::new(&reference, None, &access(), &progress).unwrap();
    registry.pull(None, &cache).unwrap();
    let items = progress.items();
    assert_eq!(items.len(), 2);
    assert!(
        items
            .iter()
            .all(|item| item.is_over() && item.done() == item.size())
    );
    assert_eq!(items[1].size(), 100_000);
}
