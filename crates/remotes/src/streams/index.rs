//! The two kinds of file that a server of simplestreams has: an index of indexes,
//! and products with their versions and files.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `streams/v1/index.json`.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    index: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    datatype: String,
    path: String,
}

impl Index {
    /// Paths of the files of products that have images.
    pub(super) fn paths(&self) -> Vec<&str> {
        let entries = self.index.values();
        entries
            .filter(|entry| entry.datatype == "image-downloads")
            .map(|entry| entry.path.as_str())
            .collect()
    }
}

/// A file of products.
#[derive(Debug, Deserialize)]
pub(super) struct Products {
    pub(super) products: BTreeMap<String, Product>,
}

/// One distribution, release, variant and machine.
#[derive(Debug, Deserialize)]
pub(super) struct Product {
    /// Divided by commas.
    #[serde(default)]
    aliases: String,
    #[serde(default)]
    pub(super) arch: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    release_title: String,
    #[serde(default)]
    variant: String,
    /// By date and time, so that the last is the newest.
    #[serde(default)]
    pub(super) versions: BTreeMap<String, Version>,
}

/// One build of a product.
#[derive(Debug, Deserialize)]
pub(super) struct Version {
    #[serde(default)]
    pub(super) items: BTreeMap<String, File>,
}

/// A file of a build.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) ftype: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) sha256: String,
    /// Of a metadata file followed by a root file of some kind.
    #[serde(default)]
    pub(super) combined_rootxz_sha256: Option<String>,
    #[serde(default)]
    pub(super) combined_squashfs_sha256: Option<String>,
    /// As the first, by older servers.
    #[serde(default)]
    pub(super) combined_sha256: Option<String>,
}

impl Product {
    /// All that it may be called by, the shortest of its own first.
    pub(super) fn names(&self) -> Vec<String> {
        let aliases = self.aliases.split(',').map(str::trim);
        let mut names: Vec<String> = aliases
            .filter(|a| !a.is_empty())
            .map(str::to_owned)
            .collect();
        let os = self.os.to_lowercase();
        for release in [&self.release, &self.release_title] {
            if os.is_empty() || release.is_empty() {
                continue;
            }
            let variant = if self.variant.is_empty() {
                "default"
            } else {
                &self.variant
            };
            if variant == "default" {
                names.push(format!("{os}/{release}"));
            }
            names.push(format!("{os}/{release}/{variant}"));
        }
        names.sort_by_key(|name| (name.matches('/').count(), name.len()));
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// `Debian bookworm default`.
    pub(super) fn title(&self) -> String {
        let release = if self.release_title.is_empty() {
            &self.release
        } else {
            &self.release_title
        };
        let words = [&self.os, release, &self.variant];
        let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
        words.join(" ").trim().to_owned()
    }
}

/// The files that an image is made of.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// None where the root file has all.
    pub(super) metadata: Option<File>,
    pub(super) root: File,
    /// The sha256 of both, one after the other, as the server tells it.
    pub(super) combined: Option<String>,
}

impl Version {
    /// Its files: metadata with an archive of the root, which is read by this program
    /// alone, before one with a squashfs, and a file with both at last.
    pub(super) fn files(&self) -> Option<Files> {
        let of = |types: &[&str]| {
            let item = |ftype: &&str| self.items.values().find(|item| item.ftype == *ftype);
            types.iter().find_map(item).cloned()
        };
        let metadata = of(&["incus.tar.xz", "lxd.tar.xz"]);
        if let Some(metadata) = metadata {
            if let Some(root) = of(&["root.tar.xz"]) {
                let combined = metadata.combined_rootxz_sha256.clone();
                let combined = combined.or_else(|| metadata.combined_sha256.clone());
                return Some(Files {
                    metadata: Some(metadata),
                    root,
                    combined,
                });
            }
            if let Some(root) = of(&["squashfs"]) {
                let combined = metadata.combined_squashfs_sha256.clone();
                return Some(Files {
                    metadata: Some(metadata),
                    root,
                    combined,
                });
            }
        }
        let root = of(&["incus_combined.tar.gz", "lxd_combined.tar.gz"])?;
        Some(Files {
            metadata: None,
            root,
            combined: None,
        })
    }
}

impl Files {
    /// What the image is known by: the digest of all of it.
    pub(super) fn fingerprint(&self) -> &str {
        self.combined.as_deref().unwrap_or(&self.root.sha256)
    }

    pub(super) fn size(&self) -> u64 {
        let metadata = self.metadata.as_ref().map_or(0, |file| file.size);
        metadata.saturating_add(self.root.size)
    }
}
