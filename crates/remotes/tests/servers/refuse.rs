//! Registries that lie, and images that are none.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use veld_remotes::{Digest, Error, Progress, Reference, Registry};

use crate::image::{INDEX, Image, MANIFEST, access, cache, files, here, pull, pull_as, refused};
use crate::server::{Server, head, reply};

/// Serves one manifest as `box:1`.
fn serve(content_type: &'static str, text: &str) -> Server {
    let text = text.to_owned();
    Server::new(move |_, stream| {
        reply(
            stream,
            "200 OK",
            &[("Content-Type", content_type)],
            text.as_bytes(),
        );
    })
}

#[test]
fn a_blob_of_another_digest_leaves_nothing() {
    let image = Image::of(&[b"what was promised"]);
    let wanted = Digest::of(&image.layers[0]);
    let (_dir, cache) = cache();
    let honest = image.clone();
    let path = format!("/v2/box/blobs/{wanted}");
    let server = Server::new(move |asked, stream| {
        if asked.path == path {
            reply(stream, "200 OK", &[], b"what is delivered");
        } else {
            honest.answer(asked, stream);
        }
    });
    let found = Digest::of(b"what is delivered");
    assert_eq!(
        refused(pull(&server, &cache)),
        format!(
            "cannot get {}: it has digest {found}, not {wanted}",
            server.url(&format!("/v2/box/blobs/{wanted}"))
        )
    );
    let config = Digest::of(image.config.as_bytes());
    let left: Vec<String> = files(cache.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(left, [config.hex()], "the config was right");
    assert!(cache.names().unwrap().is_empty());
}

#[test]
fn a_manifest_of_another_digest_is_refused() {
    let image = Image::of(&[b"one"]);
    let server = {
        let image = image.clone();
        Server::new(move |_, stream| {
            reply(
                stream,
                "200 OK",
                &[("Content-Type", MANIFEST)],
                image.manifest.as_bytes(),
            )
        })
    };
    let (_dir, cache) = cache();
    let wanted = Digest::of(b"another");
    let reference = format!("{}/box@{wanted}", server.host());
    assert_eq!(
        refused(pull_as(&reference, &access(), &cache)),
        format!(
            "cannot get {}: it has digest {}, not {wanted}",
            server.url(&format!("/v2/box/manifests/{wanted}")),
            image.digest()
        )
    );
}

#[test]
fn zeros_without_end_are_cut_off_and_leave_nothing() {
    let image = Image::of(&[b"three"]);
    let (_dir, cache) = cache();
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let server = Server::new(move |asked, stream| {
        if !asked.path.contains("/blobs/") {
            return image.answer(asked, stream);
        }
        // Without a length, so that nothing but the bytes themselves tells.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        let zeros = vec![0; 1 << 20];
        while counter.load(Ordering::Relaxed) < 10 << 30 && stream.write_all(&zeros).is_ok() {
            counter.fetch_add(1 << 20, Ordering::Relaxed);
        }
    });
    let said = refused(pull(&server, &cache));
    assert!(
        said.ends_with("bytes") && said.contains(": it is longer than "),
        "{said}"
    );
    assert!(
        sent.load(Ordering::Relaxed) < 64 << 20,
        "what fits into sockets"
    );
    assert_eq!(files(cache.path()), []);
}

#[test]
fn ten_gigabytes_that_are_announced_are_not_begun() {
    let image = Image::of(&[b"three"]);
    let layer = Digest::of(&image.layers[0]);
    let (_dir, cache) = cache();
    let server = Server::new(move |asked, stream| {
        if asked.path.ends_with(layer.hex()) {
            let _ = head(stream, "200 OK", &[], 10 << 30);
            let _ = stream.write_all(&[0; 4096]);
        } else {
            image.answer(asked, stream);
        }
    });
    let said = refused(pull(&server, &cache));
    assert!(said.ends_with(": it is longer than 5 bytes"), "{said}");
    let parts = files(cache.path());
    assert!(
        parts.iter().all(|(name, _)| !name.ends_with(".part")),
        "{parts:?}"
    );
}

#[test]
fn what_has_no_space_is_not_begun() {
    let image = Image::of(&[b"three"]);
    let (_dir, cache) = cache();
    let mut large = image.clone();
    large.manifest = image
        .manifest
        .replace("\"size\":5}", "\"size\":9007199254740992}");
    let server = large.serve();
    let said = refused(pull(&server, &cache));
    assert!(
        said.contains(": it takes 9007199254740992 bytes, and ") && said.ends_with(" are free"),
        "{said}"
    );
    let begun = server
        .asked()
        .iter()
        .filter(|asked| asked.path.contains("/blobs/"))
        .count();
    assert_eq!(begun, 1, "the config alone");
    assert_eq!(files(cache.path()).len(), 1);
}

#[test]
fn a_manifest_without_end_is_not_read() {
    let server = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        let zeros = vec![b' '; 1 << 20];
        while stream.write_all(&zeros).is_ok() {}
    });
    let (_dir, cache) = cache();
    let said = refused(pull(&server, &cache));
    assert!(
        said.ends_with(": it is longer than 4194304 bytes"),
        "{said}"
    );
}

#[test]
fn an_image_for_other_machines_names_them() {
    let (_dir, cache) = cache();
    let entry = |platform: &str| {
        format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{}","size":2,"platform":{platform}}}"#,
            Digest::of(b"x")
        )
    };
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{},{},{}]}}"#,
        entry(r#"{"os":"linux","architecture":"s390x"}"#),
        entry(r#"{"os":"windows","architecture":"amd64"}"#),
        entry(r#"{"os":"unknown","architecture":"unknown"}"#)
    );
    let server = serve(INDEX, &index);
    let host = server.host();
    let variant = if here() == "arm64" { "/v8" } else { "" };
    assert_eq!(
        refused(pull(&server, &cache)),
        format!(
            "{host}/box:1 is not for linux/{}{variant}: it is for linux/s390x, windows/amd64",
            here()
        )
    );
    let server = Image::for_machine("s390x", &[b"one"]).serve();
    let host = server.host();
    assert_eq!(
        refused(pull(&server, &cache)),
        format!(
            "{host}/box:1 is not for linux/{}{variant}: it is for linux/s390x",
            here()
        )
    );
}

#[test]
fn the_old_schema_is_refused_in_words() {
    let (_dir, cache) = cache();
    let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let server = serve(
        signed,
        r#"{"schemaVersion": 1, "fsLayers": [], "history": []}"#,
    );
    assert_eq!(
        refused(pull(&server, &cache)),
        format!(
            "cannot get {}: it is a manifest of the old schema 1, which nobody can check: push it anew",
            server.url("/v2/box/manifests/1")
        )
    );
}

#[test]
fn what_is_no_json_is_no_manifest() {
    let (_dir, cache) = cache();
    let server = serve("text/html", "<html>");
    let said = refused(pull(&server, &cache));
    assert!(said.contains(": it is no manifest of an image: "), "{said}");
}

#[test]
fn plain_http_is_for_this_host() {
    let reference: Reference = "192.0.2.1/box".parse().unwrap();
    let url = Some("http://192.0.2.1:5000");
    let registry = Registry::new(&reference, url, &access(), &Progress::default()).unwrap();
    let (_dir, cache) = cache();
    assert_eq!(
        refused(registry.pull(None, &cache)),
        "cannot get http://192.0.2.1:5000/v2/box/manifests/latest: plain http is for this host alone: \
         use https, or a remote with insecure = true"
    );
}

#[test]
fn a_host_without_an_address_is_named() {
    let (_dir, cache) = cache();
    assert_eq!(
        refused(pull_as("nowhere.invalid/box:1", &access(), &cache)),
        "cannot get https://nowhere.invalid/v2/box/manifests/1: no address of host nowhere.invalid is known"
    );
}

#[test]
fn nobody_at_the_port_is_said() {
    let (_dir, cache) = cache();
    // The port of a server that is no more.
    let host = Image::of(&[]).serve().host();
    assert_eq!(
        refused(pull_as(&format!("{host}/box:1"), &access(), &cache)),
        format!("cannot get http://{host}/v2/box/manifests/1: Connection refused (os error 111)")
    );
}

#[test]
fn a_pull_that_is_told_to_stop_stops_in_the_middle_of_a_wait() {
    let server = Server::new(|_, _| std::thread::sleep(std::time::Duration::from_secs(5)));
    let reference: Reference = format!("{}/box", server.host()).parse().unwrap();
    let stop = Arc::<AtomicBool>::default();
    let progress = Progress::new(Arc::clone(&stop));
    let mut patient = access();
    patient.patience = veld_remotes::Patience::default();
    let registry = Registry::new(&reference, None, &patient, &progress).unwrap();
    let (_dir, cache) = cache();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            stop.store(true, Ordering::Relaxed);
        });
        let error = registry.pull(None, &cache).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
    });
    assert!(begun.elapsed() < std::time::Duration::from_secs(4));
}
