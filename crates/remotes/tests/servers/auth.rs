//! Tokens, passwords, and servers that ask for patience.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use veld_remotes::{Access, Credentials};

use crate::image::{Image, access, cache, pull, pull_as, refused};
use crate::server::{Server, reply};

pub(crate) fn credentials() -> Credentials {
    let dir = tempfile::tempdir().unwrap();
    let word = dir.path().join("word");
    std::fs::write(&word, "secret\n").unwrap();
    Credentials::from_file("me", &word).unwrap()
}

/// A registry that lets in whoever has the token of `tokens`.
fn guarded(tokens: &Server) -> Server {
    let image = Image::of(&[b"one"]);
    let challenge = format!(
        "Bearer realm=\"{}\",service=\"the registry\"",
        tokens.url("/token")
    );
    Server::new(move |asked, stream| {
        if asked.header("authorization") == Some("Bearer abc.def") {
            image.answer(asked, stream);
        } else {
            reply(
                stream,
                "401 Unauthorized",
                &[("WWW-Authenticate", &challenge)],
                b"",
            );
        }
    })
}

#[test]
fn a_token_is_had_and_shown() {
    let tokens = Server::new(|_, stream| reply(stream, "200 OK", &[], br#"{"token":"abc.def"}"#));
    let server = guarded(&tokens);
    let (_dir, cache) = cache();
    pull(&server, &cache).unwrap();
    let asked = tokens.asked();
    assert_eq!(asked.len(), 1, "it serves for all that follows");
    assert_eq!(
        asked[0].path,
        "/token?service=the%20registry&scope=repository%3Abox%3Apull"
    );
    assert_eq!(
        asked[0].header("authorization"),
        None,
        "it is for everybody"
    );
}

#[test]
fn a_password_is_told_to_the_server_of_tokens() {
    let tokens = Server::new(|asked, stream| {
        if asked.header("authorization") == Some("Basic bWU6c2VjcmV0") {
            reply(stream, "200 OK", &[], br#"{"access_token":"abc.def"}"#);
        } else {
            reply(stream, "401 Unauthorized", &[], b"");
        }
    });
    let server = guarded(&tokens);
    let (_dir, cache) = cache();
    let mut access = access();
    access.credentials = Some(credentials());
    pull_as(&format!("{}/box:1", server.host()), &access, &cache).unwrap();
    let (_dir, cache) = crate::image::cache();
    let said = refused(pull(&server, &cache));
    assert!(
        said.starts_with(&format!("cannot get {}?", tokens.url("/token")))
            && said.contains(
                ": 401 Unauthorized: it is not for everybody: set user and password-file"
            ),
        "{said}"
    );
}

#[test]
fn a_password_that_does_not_fit_is_told_from_none() {
    let server = Server::new(|_, stream| {
        reply(
            stream,
            "401 Unauthorized",
            &[("WWW-Authenticate", "Basic realm=\"r\"")],
            b"",
        );
    });
    let (_dir, cache) = cache();
    let url = server.url("/v2/box/manifests/1");
    let with = Access {
        credentials: Some(credentials()),
        ..access()
    };
    assert_eq!(
        refused(pull_as(&format!("{}/box:1", server.host()), &with, &cache)),
        format!("cannot get {url}: 401 Unauthorized: the user or the password is not accepted")
    );
    assert_eq!(server.asked().len(), 2, "it is tried once");
    assert_eq!(
        refused(pull(&server, &cache)),
        format!(
            "cannot get {url}: 401 Unauthorized: it is not for everybody: set user and password-file of a \
             remote, or log in by podman, skopeo or docker"
        )
    );
}

#[test]
fn a_token_that_is_none_is_refused() {
    for answer in ["{}", "<html>", r#"{"token":"a\r\nb"}"#, r#"{"token":""}"#] {
        let tokens = Server::new(move |_, stream| reply(stream, "200 OK", &[], answer.as_bytes()));
        let server = guarded(&tokens);
        let (_dir, cache) = cache();
        let said = refused(pull(&server, &cache));
        assert!(said.ends_with(": it has no token"), "{said}");
    }
}

#[test]
fn a_busy_server_is_asked_again_after_its_time() {
    let image = Image::of(&[b"one"]);
    let (_dir, cache) = cache();
    let times = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&times);
    let server = Server::new(
        move |asked, stream| match counter.fetch_add(1, Ordering::Relaxed) {
            0 => reply(
                stream,
                "429 Too Many Requests",
                &[("Retry-After", "1")],
                b"",
            ),
            1 => reply(
                stream,
                "503 Service Unavailable",
                &[("Retry-After", "0")],
                b"",
            ),
            _ => image.answer(asked, stream),
        },
    );
    let begun = std::time::Instant::now();
    pull(&server, &cache).unwrap();
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(times.load(Ordering::Relaxed), 5);
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let (_dir, cache) = cache();
    let busy = |after: &'static str| {
        Server::new(move |_, stream| {
            reply(
                stream,
                "503 Service Unavailable",
                &[("Retry-After", after)],
                b"",
            );
        })
    };
    let server = busy("0");
    let url = server.url("/v2/box/manifests/1");
    assert_eq!(
        refused(pull(&server, &cache)),
        format!("cannot get {url}: 503 Service Unavailable: 4 times")
    );
    assert_eq!(server.asked().len(), 4);
    let server = busy("3600");
    let url = server.url("/v2/box/manifests/1");
    assert_eq!(
        refused(pull(&server, &cache)),
        format!("cannot get {url}: 503 Service Unavailable, and asks to come back in 3600 s")
    );
}
