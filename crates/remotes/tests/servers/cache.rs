//! What is kept, and what is swept.

use std::time::Duration;

use veld_remotes::{Digest, Error, Swept};

use crate::image::{Image, access, cache, files, pull, pull_as};

#[test]
fn a_sweep_leaves_what_an_image_refers_to() {
    let (_dir, cache) = cache();
    let one = Image::of(&[b"shared", b"its own"]).serve();
    let other = Image::of(&[b"shared"]).serve();
    let first = pull(&one, &cache).unwrap();
    pull(&other, &cache).unwrap();
    let swept = cache.sweep(Duration::from_secs(3600), |_| true).unwrap();
    assert_eq!(swept, Swept::default());
    let swept = cache.sweep(Duration::from_secs(3600), |name| name != first.name);
    let swept = swept.unwrap();
    assert_eq!(
        swept.files, 2,
        "the manifest, and the layer that is its own"
    );
    let names: Vec<String> = files(cache.path())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&Digest::of(b"shared").hex().to_owned()),
        "{names:?}"
    );
    assert!(
        !names.contains(&Digest::of(b"its own").hex().to_owned()),
        "{names:?}"
    );
    // What is left is still an image.
    let before = other.asked().len();
    pull(&other, &cache).unwrap();
    assert_eq!(other.asked().len(), before + 1);
}

#[test]
fn parts_are_kept_until_they_are_stale() {
    let (_dir, cache) = cache();
    let part = cache.path().join("partial/sha256-0.part");
    std::fs::create_dir_all(part.parent().unwrap()).unwrap();
    std::fs::write(&part, b"begun").unwrap();
    assert_eq!(
        cache
            .sweep(Duration::from_secs(3600), |_| true)
            .unwrap()
            .files,
        0
    );
    let swept = cache.sweep(Duration::ZERO, |_| true).unwrap();
    assert_eq!(swept, Swept { files: 1, bytes: 5 });
    assert!(!part.exists());
}

#[test]
fn nothing_is_swept_from_under_a_pull() {
    let (_dir, cache) = cache();
    let held = cache.hold().unwrap();
    let _second = cache.hold().unwrap();
    let error = cache.sweep(Duration::ZERO, |_| true).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "the cache {} is in use by another command",
            cache.path().display()
        )
    );
    drop((held, _second));
    cache.sweep(Duration::ZERO, |_| true).unwrap();
}

#[test]
fn an_image_of_a_name_replaces_the_one_before() {
    let (_dir, cache) = cache();
    let image = Image::of(&[b"old"]);
    let state = std::sync::Arc::new(std::sync::Mutex::new(image));
    let now = std::sync::Arc::clone(&state);
    let server =
        crate::server::Server::new(move |asked, stream| now.lock().unwrap().answer(asked, stream));
    let name = format!("{}/box:1", server.host());
    let old = pull_as(&name, &access(), &cache).unwrap();
    *state.lock().unwrap() = Image::of(&[b"new"]);
    let new = pull_as(&name, &access(), &cache).unwrap();
    assert_ne!(old.digest, new.digest);
    assert_eq!(cache.names().unwrap(), [name]);
    let hour = Duration::from_secs(3600);
    assert_eq!(cache.sweep(hour, |_| true).unwrap().files, 2);
}
