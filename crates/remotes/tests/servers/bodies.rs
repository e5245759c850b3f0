//! Connections that break off, stand still or drip, and what is left for the next.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use veld_remotes::{Cache, Digest};

use crate::image::{Image, cache, files, part, pull, refused};
use crate::server::{Asked, Server, head, reply};

/// A layer that takes more than one read.
fn layer() -> Vec<u8> {
    (0..600_000_u32)
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// A server whose one layer is served by `serve`.
fn with_layer(serve: impl Fn(&Asked, &mut TcpStream, &[u8]) + Send + Sync + 'static) -> Server {
    let image = Image::of(&[&layer()]);
    let path = format!("/v2/box/blobs/{}", Digest::of(&layer()));
    Server::new(move |asked, stream| {
        if asked.path == path {
            serve(asked, stream, &image.layers[0]);
        } else {
            image.answer(asked, stream);
        }
    })
}

/// Leaves a part of the layer as a pull that was killed does.
fn leave(cache: &Cache, content: &[u8]) {
    let digest = Digest::of(&layer());
    let partial = cache.path().join("partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(
        partial.join(format!("sha256-{}.part", digest.hex())),
        content,
    )
    .unwrap();
}

fn parts(cache: &Cache) -> Vec<u64> {
    let all = files(cache.path()).into_iter();
    all.filter(|(name, _)| name.ends_with(".part"))
        .map(|(_, length)| length)
        .collect()
}

/// Where the requests for the layer began.
fn beginnings(server: &Server) -> Vec<usize> {
    let path = format!("/v2/box/blobs/{}", Digest::of(&layer()));
    let asked = server.asked();
    asked
        .iter()
        .filter(|asked| asked.path == path)
        .map(Asked::from)
        .collect()
}

#[test]
fn a_body_that_breaks_off_is_gone_on_with() {
    let (_dir, cache) = cache();
    let server = with_layer(|asked, stream, content| {
        if asked.from() == 0 {
            let _ = head(stream, "200 OK", &[], content.len() as u64);
            let _ = stream.write_all(&content[..1_000_000]);
        } else {
            part(asked, stream, content);
        }
    });
    pull(&server, &cache).unwrap();
    assert_eq!(beginnings(&server), [0, 1_000_000]);
    assert_eq!(parts(&cache), [] as [u64; 0]);
}

#[test]
fn a_pull_goes_on_where_the_last_one_ended() {
    let (_dir, cache) = cache();
    leave(&cache, &layer()[..1_234_567]);
    let server = with_layer(part);
    pull(&server, &cache).unwrap();
    assert_eq!(beginnings(&server), [1_234_567]);
}

#[test]
fn a_server_that_knows_no_ranges_begins_again() {
    let (_dir, cache) = cache();
    leave(&cache, &layer()[..1_234_567]);
    let server = with_layer(|_, stream, content| reply(stream, "200 OK", &[], content));
    pull(&server, &cache).unwrap();
    assert_eq!(beginnings(&server), [1_234_567]);
}

#[test]
fn a_part_of_something_else_is_thrown_away_once() {
    let (_dir, cache) = cache();
    leave(&cache, &[0; 5000]);
    let server = with_layer(part);
    pull(&server, &cache).unwrap();
    assert_eq!(beginnings(&server), [5000, 0]);
    // And so is one that is longer than the whole.
    let (_dir, cache) = crate::image::cache();
    leave(&cache, &vec![0; layer().len() + 1]);
    let server = with_layer(part);
    pull(&server, &cache).unwrap();
    assert_eq!(beginnings(&server), [0]);
}

#[test]
fn a_server_that_lies_about_a_rest_is_asked_once_more() {
    let (_dir, cache) = cache();
    leave(&cache, &layer()[..1_000_000]);
    let server = with_layer(|asked, stream, content| {
        let lie = vec![1; content.len()];
        part(asked, stream, &lie);
    });
    let said = refused(pull(&server, &cache));
    assert!(said.contains(": it has digest sha256:"), "{said}");
    assert_eq!(beginnings(&server), [1_000_000, 0]);
    assert_eq!(parts(&cache), [] as [u64; 0]);
}

#[test]
fn a_body_that_always_breaks_off_is_given_up_and_kept() {
    let (_dir, cache) = cache();
    let server = with_layer(|asked, stream, content| {
        let from = asked.from();
        let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
        let status = if from == 0 {
            "200 OK"
        } else {
            "206 Partial Content"
        };
        let rest = content.len() - from;
        let _ = head(stream, status, &[("Content-Range", &range)], rest as u64);
        let _ = stream.write_all(&content[from..from + 1000]);
    });
    let said = refused(pull(&server, &cache));
    assert!(
        said.ends_with(": the connection ended before the answer did"),
        "{said}"
    );
    assert_eq!(beginnings(&server), [0, 1000, 2000, 3000, 4000]);
    assert_eq!(parts(&cache), [5000]);
}

#[test]
fn a_server_that_stands_still_is_given_up() {
    let (_dir, cache) = cache();
    let server = with_layer(|asked, stream, content| {
        if asked.from() == 0 {
            let _ = head(stream, "200 OK", &[], content.len() as u64);
            let _ = stream.write_all(&content[..1000]);
        }
        std::thread::sleep(Duration::from_secs(6));
    });
    let begun = std::time::Instant::now();
    let said = refused(pull(&server, &cache));
    assert!(said.ends_with(": no answer within 2 s"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(parts(&cache), [1000]);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let (_dir, cache) = cache();
    let server = Server::new(|_, _| std::thread::sleep(Duration::from_secs(6)));
    assert_eq!(
        refused(pull(&server, &cache)),
        format!(
            "cannot get {}: no answer within 2 s",
            server.url("/v2/box/manifests/1")
        )
    );
}

#[test]
fn a_server_that_drips_is_given_up() {
    let (_dir, cache) = cache();
    let server = with_layer(|_, stream, content| {
        let _ = head(stream, "200 OK", &[], content.len() as u64);
        for byte in content {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let said = refused(pull(&server, &cache));
    assert!(
        said.contains(": only ") && said.ends_with(" bytes came in 2 s"),
        "{said}"
    );
    assert!(parts(&cache)[0] < 100);
}
