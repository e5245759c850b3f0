//! Images made by a test: an OCI layout file by file, each with any content.
#![allow(
    clippy::disallowed_methods,
    reason = "a test writes files as anybody would"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A layout in a directory that goes away.
pub(crate) struct Layout {
    dir: tempfile::TempDir,
    manifests: Vec<String>,
}

/// A descriptor, and the digest in it.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) json: String,
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// This machine as registries call it.
pub(crate) fn here() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Layout {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        fs::write(
            dir.path().join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        Self {
            dir,
            manifests: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn blob_path(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        self.dir.path().join("blobs/sha256").join(hex)
    }

    pub(crate) fn blob(&self, kind: &str, bytes: &[u8]) -> Blob {
        let digest = digest(bytes);
        fs::write(self.blob_path(&digest), bytes).unwrap();
        let size = bytes.len();
        let json = format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{size}}}"#);
        Blob { digest, json }
    }

    /// An image of layers that are not compressed, each stored as `store` makes it.
    pub(crate) fn image(&self, layers: &[Vec<u8>], store: impl Fn(&[u8]) -> Vec<u8>) -> Blob {
        self.image_for(here(), layers, store)
    }

    pub(crate) fn image_for(
        &self,
        architecture: &str,
        layers: &[Vec<u8>],
        store: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Blob {
        let ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
        let config = config(architecture, &ids);
        let blobs: Vec<Blob> = layers
            .iter()
            .map(|layer| self.blob("application/vnd.oci.image.layer.v1.tar", &store(layer)))
            .collect();
        self.manifest(&config, &blobs)
    }

    pub(crate) fn manifest(&self, config: &str, layers: &[Blob]) -> Blob {
        let config = self.blob(
            "application/vnd.oci.image.config.v1+json",
            config.as_bytes(),
        );
        let layers: Vec<&str> = layers.iter().map(|layer| layer.json.as_str()).collect();
        let text = format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
            config.json,
            layers.join(",")
        );
        self.blob(
            "application/vnd.oci.image.manifest.v1+json",
            text.as_bytes(),
        )
    }

    /// Lists an image; `more` is put into its descriptor.
    pub(crate) fn list(&mut self, image: &Blob, more: &str) {
        let json = image.json.trim_end_matches('}');
        let comma = if more.is_empty() { "" } else { "," };
        self.manifests.push(format!("{json}{comma}{more}}}"));
        let text = format!(
            r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
            self.manifests.join(",")
        );
        fs::write(self.dir.path().join("index.json"), text).unwrap();
    }

    pub(crate) fn list_as(&mut self, image: &Blob, name: &str) {
        let more = format!(r#""annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#);
        self.list(image, &more);
    }

    /// A layout with one image.
    pub(crate) fn of(layers: &[Vec<u8>]) -> Self {
        let mut layout = Self::new();
        let image = layout.image(layers, <[u8]>::to_vec);
        layout.list(&image, "");
        layout
    }
}

pub(crate) fn config(architecture: &str, diff_ids: &[String]) -> String {
    let ids: Vec<String> = diff_ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!(
        r#"{{"architecture":"{architecture}","os":"linux",
            "config":{{"Entrypoint":["/bin/sh"],"Cmd":null,"Env":["A=b"],"User":"1:2","StopSignal":"SIGINT"}},
            "rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        ids.join(",")
    )
}
