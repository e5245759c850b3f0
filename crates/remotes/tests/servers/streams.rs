//! Servers of simplestreams, signed and not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use veld_remotes::{Digest, Progress, Streams};

use crate::image::{access, cache, files, here, part, refused};
use crate::real::is_there;
use crate::server::{Server, reply};

type Tree = BTreeMap<String, Vec<u8>>;

const METADATA: &[u8] = b"what the image says of itself";
const ROOT: &[u8] = b"an archive of its root";

/// A build with an archive of the root.
fn build(combined: &str) -> String {
    let file = |name: &str, ftype: &str, content: &[u8], more: &str| {
        format!(
            r#""{name}":{{"ftype":"{ftype}","path":"images/{name}","size":{},"sha256":"{}"{more}}}"#,
            content.len(),
            Digest::of(content).hex()
        )
    };
    let more = format!(r#","combined_rootxz_sha256":"{combined}""#);
    format!(
        r#"{{"items":{{{},{}}}}}"#,
        file("incus.tar.xz", "incus.tar.xz", METADATA, &more),
        file("root.tar.xz", "root.tar.xz", ROOT, "")
    )
}

fn combined() -> Digest {
    Digest::of(&[METADATA, ROOT].concat())
}

/// A server's files.
fn tree(combined: &str) -> Tree {
    let index = r#"{"format":"index:1.0","index":{
        "images":{"datatype":"image-downloads","path":"streams/v1/images.json","format":"products:1.0"},
        "other":{"datatype":"image-ids","path":"streams/v1/none.json"}}}"#;
    let products = format!(
        r#"{{"format":"products:1.0","products":{{"debian:bookworm:{machine}:default":{{
            "aliases":"debian/12,debian/bookworm/default","arch":"{machine}","os":"Debian",
            "release":"bookworm","release_title":"bookworm","variant":"default",
            "versions":{{"20260102_05:24":{}}}}}}}}}"#,
        build(combined),
        machine = here()
    );
    let files: [(&str, &[u8]); 4] = [
        ("/streams/v1/index.json", index.as_bytes()),
        ("/streams/v1/images.json", products.as_bytes()),
        ("/images/incus.tar.xz", METADATA),
        ("/images/root.tar.xz", ROOT),
    ];
    files
        .map(|(path, content)| (path.to_owned(), content.to_vec()))
        .into()
}

fn serve(tree: Tree) -> Server {
    Server::new(move |asked, stream| match tree.get(&asked.path) {
        Some(content) => part(asked, stream, content),
        None => reply(stream, "404 Not Found", &[], b""),
    })
}

fn streams(server: &Server, keyring: Option<&Path>) -> Streams {
    Streams::new(&server.url(""), keyring, &access(), &Progress::default()).unwrap()
}

#[test]
fn an_image_becomes_its_files() {
    let server = serve(tree(combined().hex()));
    let (_dir, cache) = cache();
    for alias in [
        "debian/12",
        "debian/bookworm",
        &format!("debian/bookworm/{}", here()),
    ] {
        let pulled = streams(&server, None).pull(alias, None, &cache).unwrap();
        assert_eq!(pulled.digest, combined());
        assert_eq!(pulled.version, "20260102_05:24");
        assert_eq!(
            std::fs::read(pulled.metadata.clone().unwrap()).unwrap(),
            METADATA
        );
        assert_eq!(std::fs::read(&pulled.root).unwrap(), ROOT);
    }
    let begun = server
        .asked()
        .iter()
        .filter(|asked| asked.path.starts_with("/images/"))
        .count();
    assert_eq!(begun, 2, "what is there is not asked for again");
    let pulled = streams(&server, None)
        .pull("debian/12", None, &cache)
        .unwrap();
    // Somebody else may be making a template of the same files.
    let held = cache.hold().unwrap();
    let busy = pulled.clone().remove(&cache).unwrap_err().to_string();
    assert!(busy.ends_with(" is in use by another command"), "{busy}");
    assert!(pulled.root.is_file());
    drop(held);
    pulled.remove(&cache).unwrap();
    assert_eq!(files(cache.path()), []);
}

#[test]
fn a_list_tells_what_there_is() {
    let server = serve(tree(combined().hex()));
    let list = streams(&server, None).list().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].name, "debian/12");
    assert!(list[0].aliases.contains(&"debian/bookworm".to_owned()));
    assert_eq!(list[0].title, "Debian bookworm default");
    assert_eq!(list[0].size, (METADATA.len() + ROOT.len()) as u64);
    assert_eq!(
        streams(&server, None).resolve("debian/12").unwrap(),
        combined()
    );
}

#[test]
fn what_is_not_as_the_index_says_is_thrown_away() {
    let wrong = Digest::of(b"wrong");
    let server = serve(tree(wrong.hex()));
    let (_dir, cache) = cache();
    assert_eq!(
        refused(streams(&server, None).pull("debian/12", None, &cache)),
        format!(
            "cannot get {}: it has digest {}, not {wrong}",
            server.url("/images/root.tar.xz"),
            combined()
        )
    );
    assert_eq!(files(cache.path()), []);
    let mut lying = tree(combined().hex());
    lying.insert(
        "/images/root.tar.xz".to_owned(),
        b"an archive of its ROOT".to_vec(),
    );
    let server = serve(lying);
    let said = refused(streams(&server, None).pull("debian/12", None, &cache));
    assert!(
        said.contains("/images/root.tar.xz: it has digest "),
        "{said}"
    );
    assert_eq!(files(cache.path()).len(), 1, "the metadata was right");
    cache.sweep(Duration::ZERO, |_| true).unwrap();
    assert_eq!(files(cache.path()), []);
}

#[test]
fn another_digest_than_asked_for_is_not_begun() {
    let server = serve(tree(combined().hex()));
    let (_dir, cache) = cache();
    let wanted = Digest::of(b"yesterday's");
    assert_eq!(
        refused(streams(&server, None).pull("debian/12", Some(&wanted), &cache)),
        format!(
            "cannot get {}: it has digest {}, not {wanted}",
            server.url("/debian/12"),
            combined()
        )
    );
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| !asked.path.starts_with("/images/"))
    );
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let server = serve(tree(combined().hex()));
    let (_dir, cache) = cache();
    assert_eq!(
        refused(streams(&server, None).pull("debian/13", None, &cache)),
        format!(
            "{} has no image debian/13: there is debian/12",
            server.url("/")
        )
    );
}

/// Keys that live as long as the value, in a directory whose name is short enough for
/// the sockets of the agent.
struct Keys {
    dir: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        let keys = Self {
            dir: tempfile::Builder::new()
                .prefix("k")
                .tempdir_in("/tmp")
                .unwrap(),
        };
        keys.gpg(&[
            "--passphrase",
            "",
            "--quick-generate-key",
            "test",
            "ed25519",
            "sign",
        ]);
        keys
    }

    fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .arg("--homedir")
            .arg(self.dir.path())
            .args(["--batch", "--quiet", "--yes"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn keyring(&self) -> PathBuf {
        let path = self.dir.path().join("trusted.gpg");
        std::fs::write(&path, self.gpg(&["--export"])).unwrap();
        path
    }

    fn signed(&self, text: &[u8]) -> Vec<u8> {
        let path = self.dir.path().join("text");
        std::fs::write(&path, text).unwrap();
        self.gpg(&["--output", "-", "--clear-sign", path.to_str().unwrap()])
    }

    /// The tree with its indexes signed, and the plain ones of somebody else.
    fn sign(&self, mut tree: Tree) -> Tree {
        for name in ["index", "images"] {
            let plain = tree
                .insert(format!("/streams/v1/{name}.json"), b"{}".to_vec())
                .unwrap();
            tree.insert(format!("/streams/v1/{name}.sjson"), self.signed(&plain));
        }
        tree
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.dir.path())
            .args(["--kill", "gpg-agent"])
            .output();
    }
}

/// What a server is refused with by who trusts the keys of `keyring`.
fn refused_by(tree: Tree, keyring: &Path) -> String {
    let server = serve(tree);
    let said = refused(streams(&server, Some(keyring)).list());
    said.replace(&server.url(""), "URL")
}

#[test]
fn an_index_must_be_signed_by_a_trusted_key() {
    if !is_there("gpg") || !is_there("gpgv") {
        return;
    }
    let (keys, others) = (Keys::new(), Keys::new());
    let (_dir, cache) = cache();
    let keyring = keys.keyring();
    let good = keys.sign(tree(combined().hex()));
    let server = serve(good.clone());
    let trusting = streams(&server, Some(&keyring));
    trusting.pull("debian/12", None, &cache).unwrap();
    assert_eq!(
        refused_by(good.clone(), &others.keyring()),
        format!(
            "URL/streams/v1/index.sjson is not signed by a key of {}: Can't check signature: No public key",
            others.dir.path().join("trusted.gpg").display()
        )
    );
    let mut missing = good;
    missing.remove("/streams/v1/index.sjson");
    assert_eq!(
        refused_by(missing, &keyring),
        "cannot get URL/streams/v1/index.sjson: 404 Not Found"
    );
}

#[test]
fn only_what_is_signed_is_read() {
    if !is_there("gpg") || !is_there("gpgv") {
        return;
    }
    let keys = Keys::new();
    let keyring = keys.keyring();
    let good = keys.sign(tree(combined().hex()));
    let with = |path: &str, content: Vec<u8>| {
        let mut tree = good.clone();
        tree.insert(path.to_owned(), content);
        tree
    };
    let (index, images) = ("/streams/v1/index.sjson", "/streams/v1/images.sjson");
    let plain = tree(combined().hex())["/streams/v1/index.json"].clone();
    let said = refused_by(with(index, plain), &keyring);
    assert!(
        said.starts_with("URL/streams/v1/index.sjson is not signed by a key of "),
        "{said}"
    );
    let text = String::from_utf8(good[images].clone()).unwrap();
    let altered = text.replace("bookworm", "bullseye").into_bytes();
    let said = refused_by(with(images, altered), &keyring);
    assert!(
        said.starts_with("URL/streams/v1/images.sjson is not signed by a key of ")
            && said.contains("BAD signature"),
        "{said}"
    );
    // Text before what is signed is no part of it.
    let led = [b"{\"index\":{}}\n", &good[index][..]].concat();
    let server = serve(with(index, led));
    assert_eq!(streams(&server, Some(&keyring)).list().unwrap().len(), 1);
}

#[test]
fn what_unfolds_to_more_than_was_sent_is_no_index() {
    if !is_there("gpg") || !is_there("gpgv") {
        return;
    }
    let keys = Keys::new();
    let path = keys.dir.path().join("zeros");
    std::fs::write(&path, vec![0; 8 << 20]).unwrap();
    let packed = ["--output", "-", "-z", "9", "--sign", path.to_str().unwrap()];
    let packed = keys.gpg(&packed);
    assert!(packed.len() < 1 << 16);
    let mut tree = keys.sign(tree(combined().hex()));
    tree.insert("/streams/v1/index.sjson".to_owned(), packed);
    let said = refused_by(tree, &keys.keyring());
    assert!(
        said.starts_with("URL/streams/v1/index.sjson is not signed by a key of "),
        "{said}"
    );
}
