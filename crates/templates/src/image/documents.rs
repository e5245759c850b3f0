//! The JSON documents of images, as far as they matter here.
//!
//! # Format
//! OCI image specification: Image Layout, Image Index, Image Manifest, Image
//! Configuration; `docker save`: manifest.json of moby's image specification 1.2.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::platform::Platform;
use super::{ImageConfig, flaw};
use crate::error::Error;

/// Bytes of a document. Registries refuse manifests beyond 4 MiB.
pub(super) const MAX_DOCUMENT: u64 = 4 * 1024 * 1024;

/// Text of one value that is kept for show, and how many there may be.
const MAX_SHOWN: usize = 4096;
const MAX_WORDS: usize = 256;

/// A reference to a blob.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) platform: Option<Platform>,
}

/// An index or a manifest: told apart by what it has.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) manifests: Option<Vec<Descriptor>>,
    pub(super) config: Option<Descriptor>,
    pub(super) layers: Option<Vec<Descriptor>>,
}

/// The configuration of an image.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    pub(super) config: Option<Runtime>,
    pub(super) rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
pub(super) struct RootFs {
    pub(super) diff_ids: Vec<String>,
}

/// What the program is run with.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Runtime {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    user: Option<String>,
    stop_signal: Option<String>,
}

/// One image of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Saved {
    pub(super) config: String,
    #[serde(default)]
    pub(super) repo_tags: Option<Vec<String>>,
    pub(super) layers: Vec<String>,
}

impl Config {
    pub(super) fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
        }
    }
}

impl From<Runtime> for ImageConfig {
    /// Cut where it is longer than anybody wants to see.
    fn from(runtime: Runtime) -> Self {
        let text = |mut text: String| {
            if text.len() > MAX_SHOWN {
                text = text.chars().take(MAX_SHOWN / 4).collect();
            }
            text
        };
        let words = |words: Option<Vec<String>>| {
            let words = words.unwrap_or_default().into_iter();
            words.take(MAX_WORDS).map(text).collect()
        };
        let some = |value: Option<String>| value.filter(|value| !value.is_empty()).map(text);
        Self {
            entrypoint: words(runtime.entrypoint),
            command: words(runtime.cmd),
            environment: words(runtime.env),
            user: some(runtime.user),
            stop_signal: some(runtime.stop_signal),
        }
    }
}

/// Parses a document that is called `name`. Depth is bounded by the parser.
pub(super) fn parse<T: DeserializeOwned>(name: &str, text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| flaw(&format!("has a malformed {name}: {error}")))
}
