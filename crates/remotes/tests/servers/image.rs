//! Images that the tests' servers have, and pulls of them.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use veld_remotes::{
    Access, Cache, Digest, Error, Patience, Progress, PulledImage, Reference, Registry,
};

use crate::server::{Asked, Server, reply};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// This machine as Go calls it.
pub(crate) fn here() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        same => same,
    }
}

/// An image in memory.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) manifest: String,
    pub(crate) config: String,
    pub(crate) layers: Vec<Vec<u8>>,
}

impl Image {
    /// One for this machine.
    pub(crate) fn of(layers: &[&[u8]]) -> Self {
        Self::for_machine(here(), layers)
    }

    pub(crate) fn for_machine(architecture: &str, layers: &[&[u8]]) -> Self {
        let config = format!(r#"{{"os":"linux","architecture":"{architecture}"}}"#);
        let blob = |kind: &str, content: &[u8]| {
            let digest = Digest::of(content);
            let length = content.len();
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{digest}","size":{length}}}"#
            )
        };
        let list: Vec<String> = layers
            .iter()
            .map(|layer| blob("layer.v1.tar", layer))
            .collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{}]}}"#,
            blob("config.v1+json", config.as_bytes()),
            list.join(",")
        );
        let layers = layers.iter().map(|layer| layer.to_vec()).collect();
        Self {
            manifest,
            config,
            layers,
        }
    }

    pub(crate) fn digest(&self) -> String {
        Digest::of(self.manifest.as_bytes()).to_string()
    }

    /// All blobs by digest.
    pub(crate) fn blobs(&self) -> BTreeMap<String, Vec<u8>> {
        let all = self
            .layers
            .iter()
            .cloned()
            .chain([self.config.clone().into_bytes()]);
        all.map(|blob| (Digest::of(&blob).to_string(), blob))
            .collect()
    }

    /// Answers as an honest registry does, which has it as `box:1`.
    pub(crate) fn answer(&self, asked: &Asked, stream: &mut TcpStream) {
        let digest = self.digest();
        let manifest =
            ["1", "latest", digest.as_str()].map(|tag| format!("/v2/box/manifests/{tag}"));
        if manifest.contains(&asked.path) {
            let headers = [
                ("Content-Type", MANIFEST),
                ("Docker-Content-Digest", digest.as_str()),
            ];
            return reply(stream, "200 OK", &headers, self.manifest.as_bytes());
        }
        let blobs = self.blobs();
        let blob = asked
            .path
            .strip_prefix("/v2/box/blobs/")
            .and_then(|digest| blobs.get(digest));
        match blob {
            Some(blob) => part(asked, stream, blob),
            None => {
                let text =
                    br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
                reply(stream, "404 Not Found", &[], text);
            }
        }
    }

    pub(crate) fn serve(self) -> Server {
        Server::new(move |asked, stream| self.answer(asked, stream))
    }
}

/// A file from the byte on that is asked for.
pub(crate) fn part(asked: &Asked, stream: &mut TcpStream, content: &[u8]) {
    let (from, length) = (asked.from(), content.len());
    if from == 0 {
        return reply(stream, "200 OK", &[], content);
    }
    let range = format!("bytes {from}-{}/{length}", length - 1);
    reply(
        stream,
        "206 Partial Content",
        &[("Content-Range", &range)],
        &content[from..],
    );
}

/// A cache in a directory of its own.
pub(crate) fn cache() -> (TempDir, Cache) {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(&dir.path().join("cache"));
    (dir, cache)
}

/// As the default, but nobody wants to wait so long for a test.
pub(crate) fn access() -> Access {
    let patience = Patience {
        connect: Duration::from_secs(20),
        answer: Duration::from_secs(2),
        silence: Duration::from_secs(2),
        window: Duration::from_secs(2),
        later: Duration::from_secs(3),
    };
    Access {
        patience,
        ..Access::default()
    }
}

/// Pulls `box:1`.
pub(crate) fn pull(server: &Server, cache: &Cache) -> Result<PulledImage, Error> {
    pull_as(&format!("{}/box:1", server.host()), &access(), cache)
}

pub(crate) fn pull_as(text: &str, access: &Access, cache: &Cache) -> Result<PulledImage, Error> {
    let reference: Reference = text.parse().unwrap();
    Registry::new(&reference, None, access, &Progress::default())?.pull(None, cache)
}

/// The text of an error with its causes.
pub(crate) fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// What a pull is refused with.
pub(crate) fn refused<T: std::fmt::Debug>(pulled: Result<T, Error>) -> String {
    text(&pulled.unwrap_err())
}

/// Names of all files below a directory but locks, and their lengths.
pub(crate) fn files(path: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                waiting.push(path);
            } else if !name.to_str().unwrap().ends_with("lock") {
                found.push((name.into_string().unwrap(), metadata.len()));
            }
        }
    }
    found.sort();
    found
}
