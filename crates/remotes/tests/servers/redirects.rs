//! Redirects: followed a few times, to no other protocol, and without the password.

use crate::auth::credentials;
use crate::image::{Image, access, cache, files, pull, pull_as, refused};
use crate::server::{Server, reply};

fn redirecting(to: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    Server::new(move |asked, stream| {
        reply(
            stream,
            "307 Temporary Redirect",
            &[("Location", &to(&asked.path))],
            b"",
        );
    })
}

#[test]
fn a_redirect_to_a_file_is_refused() {
    let (_dir, cache) = cache();
    for to in [
        "file:///etc/shadow",
        "ftp://127.0.0.1/x",
        "http://",
        "unix:/run/x",
    ] {
        let server = redirecting(move |_| to.to_owned());
        assert_eq!(
            refused(pull(&server, &cache)),
            format!(
                "cannot get {}: it redirects to {to}, which is no address of http or https",
                server.url("/v2/box/manifests/1")
            )
        );
    }
    assert_eq!(files(cache.path()), []);
}

#[test]
fn redirects_in_a_circle_end() {
    let (_dir, cache) = cache();
    let server = redirecting(str::to_owned);
    let url = server.url("/v2/box/manifests/1");
    assert_eq!(
        refused(pull(&server, &cache)),
        format!("cannot get {url}: it redirects more than 5 times, last to {url}")
    );
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn a_redirect_to_another_host_in_the_clear_is_refused() {
    let (_dir, cache) = cache();
    let server = redirecting(|_| "http://192.0.2.1/x".to_owned());
    let said = refused(pull(&server, &cache));
    assert!(
        said.ends_with(
            ": plain http is for this host alone: use https, or a remote with insecure = true"
        ),
        "{said}"
    );
}

#[test]
fn blobs_may_be_elsewhere_and_the_password_is_not_told_there() {
    let image = Image::of(&[b"one", b"two"]);
    let (_dir, cache) = cache();
    let elsewhere = image.clone().serve();
    let place = elsewhere.url("");
    let server = Server::new(move |asked, stream| {
        if asked.header("authorization").is_none() {
            let challenge = [("WWW-Authenticate", "Basic realm=\"r\"")];
            reply(stream, "401 Unauthorized", &challenge, b"");
        } else if asked.path.contains("/blobs/") {
            let to = format!("{place}{}", asked.path);
            reply(stream, "302 Found", &[("Location", &to)], b"");
        } else {
            image.answer(asked, stream);
        }
    });
    let mut access = access();
    access.credentials = Some(credentials());
    pull_as(&format!("{}/box:1", server.host()), &access, &cache).unwrap();
    let there = elsewhere.asked();
    assert_eq!(there.len(), 3);
    assert!(
        there
            .iter()
            .all(|asked| asked.header("authorization").is_none())
    );
    let shown = server
        .asked()
        .iter()
        .filter(|asked| asked.header("authorization").is_some())
        .count();
    assert_eq!(shown, 4, "a manifest and three blobs");
}

#[test]
fn a_host_that_a_redirect_leads_to_gets_no_password_by_asking_for_one() {
    let tokens = Server::new(|_, stream| reply(stream, "200 OK", &[], br#"{"token":"abc.def"}"#));
    let challenge = format!("Bearer realm=\"{}\"", tokens.url("/token"));
    let elsewhere = Server::new(move |_, stream| {
        let challenge = [("WWW-Authenticate", challenge.as_str())];
        reply(stream, "401 Unauthorized", &challenge, b"");
    });
    let place = elsewhere.url("");
    let server = redirecting(move |path| format!("{place}{path}"));
    let (_dir, cache) = cache();
    let mut access = access();
    access.credentials = Some(credentials());
    let pulled = pull_as(&format!("{}/box:1", server.host()), &access, &cache);
    assert_eq!(tokens.asked().len(), 0);
    assert_eq!(
        refused(pulled),
        format!(
            "cannot get {}: 401 Unauthorized: a redirect leads to another host, which is shown \
             no password",
            server.url("/v2/box/manifests/1")
        )
    );
}
