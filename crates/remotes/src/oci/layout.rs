//! The index of the cache's OCI image layout: which images are here, by name.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use veld_durable::{Life, Lock, LockError, ensure_dir, replace};
use veld_sys::{Context, Failure};

use super::manifest::{OCI_INDEX, blobs_of};
use crate::cache::Cache;
use crate::digest::Digest;
use crate::error::Error;

/// By the specification of the layout.
const NAME: &str = "org.opencontainers.image.ref.name";
const VERSION: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";
/// An update of the index is one small file.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: String,
    manifests: Vec<Entry>,
}

/// An image of the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Entry {
    /// An image by the name that it was asked for by.
    pub(super) fn new(name: &str, media_type: &str, digest: &Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: digest.to_string(),
            size,
            annotations: BTreeMap::from([(NAME.to_owned(), name.to_owned())]),
        }
    }

    fn name(&self) -> Option<&str> {
        self.annotations.get(NAME).map(String::as_str)
    }
}

/// Puts an image into the index. What had its name stays without one, so that the
/// next sweep knows its blobs for those of an image that nobody wants.
pub(super) fn enter(cache: &Cache, entry: Entry) -> Result<(), Error> {
    let layout = cache.layout();
    ensure_dir(&layout, Life::Durable)?;
    let version = layout.join("oci-layout");
    if !version.exists() {
        replace(&version, VERSION.as_bytes(), Life::Durable)?;
    }
    alter(cache, |entries| {
        entries.retain(|other| other.digest != entry.digest || other.name() != entry.name());
        let before = entries.iter_mut();
        for before in before.filter(|before| before.name() == entry.name()) {
            before.annotations.remove(NAME);
        }
        entries.push(entry);
    })
}

/// Takes the images out of the index whose names are not to be kept; the blobs that
/// they refer to.
pub(crate) fn forget(cache: &Cache, keep: impl Fn(&str) -> bool) -> Result<Vec<Digest>, Error> {
    let is_kept = |entry: &Entry| entry.name().is_some_and(&keep);
    let mut gone = read(cache)?;
    gone.retain(|entry| !is_kept(entry));
    if !gone.is_empty() {
        alter(cache, |entries| entries.retain(is_kept))?;
    }
    Ok(gone.iter().flat_map(|entry| blobs(cache, entry)).collect())
}

impl Cache {
    /// The names of all images.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn names(&self) -> Result<Vec<String>, Error> {
        let entries = read(self)?;
        let names = entries.iter().filter_map(|entry| entry.name());
        Ok(names.map(str::to_owned).collect())
    }
}

/// All blobs that an image of the index refers to.
pub(crate) fn referred(cache: &Cache) -> Result<Vec<Digest>, Error> {
    let entries = read(cache)?;
    Ok(entries
        .iter()
        .flat_map(|entry| blobs(cache, entry))
        .collect())
}

/// The manifest of an image and what is in it.
fn blobs(cache: &Cache, entry: &Entry) -> Vec<Digest> {
    let Ok(digest) = entry.digest.parse::<Digest>() else {
        return Vec::new();
    };
    let manifest = std::fs::read(cache.blob(&digest)).unwrap_or_default();
    let mut all = blobs_of(&manifest).unwrap_or_default();
    all.push(digest);
    all
}

fn alter(cache: &Cache, change: impl FnOnce(&mut Vec<Entry>)) -> Result<(), Error> {
    let lock = cache.path().join("index.lock");
    let _lock = Lock::acquire(&lock, PATIENCE, "veld template").map_err(|error| match error {
        LockError::Held(_) => Error::Busy {
            path: cache.path().to_owned(),
        },
        LockError::Failed(failure) => failure.into(),
    })?;
    let mut manifests = read(cache)?;
    change(&mut manifests);
    let index = Index {
        schema_version: 2,
        media_type: OCI_INDEX.to_owned(),
        manifests,
    };
    let path = index_path(cache.layout().as_path());
    let writing = || format!("write {}", path.display());
    let text = serde_json::to_vec(&index)
        .map_err(io::Error::from)
        .context(writing)?;
    Ok(replace(&path, &text, Life::Durable)?)
}

fn read(cache: &Cache) -> Result<Vec<Entry>, Error> {
    let path = index_path(cache.layout().as_path());
    let text = match std::fs::read(&path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.context(|| format!("read {}", path.display()))?,
    };
    let index: Index = serde_json::from_slice(&text).map_err(|error| {
        Failure::new(format!("read {}", path.display()), io::Error::from(error))
    })?;
    Ok(index.manifests)
}

fn index_path(layout: &Path) -> std::path::PathBuf {
    layout.join("index.json")
}
