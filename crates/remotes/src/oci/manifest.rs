//! What a registry tells of an image: indexes of manifests, and manifests.
//!
//! Both kinds are read, of the OCI and of Docker's second schema; they differ in
//! their media types alone.

use serde::Deserialize;

use super::platform::Platform;
use crate::digest::Digest;
use crate::error::Why;

pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIGS: &[&str] = &[
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// What is asked for.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// The longest manifest, and the longest config of an image.
pub(super) const LONGEST: u64 = 4 << 20;
const MOST_LAYERS: usize = 512;

/// A blob as it is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// What a name of an image leads to.
#[derive(Debug)]
pub(super) enum Document {
    /// Manifests for several machines.
    Index(Vec<(Descriptor, Option<Platform>)>),
    Manifest(Manifest),
}

/// One image.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<u64>,
    media_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<RawPlatform>,
}

#[derive(Debug, Deserialize)]
struct RawPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// Reads what came as `content_type`.
///
/// # Errors
/// [`Why::Unusable`].
pub(super) fn parse(content_type: &str, text: &[u8]) -> Result<Document, Why> {
    let unusable = |what: String| Why::Unusable(what);
    let raw: Raw = serde_json::from_slice(text)
        .map_err(|error| unusable(format!("it is no manifest of an image: {error}")))?;
    let said = content_type.split(';').next().unwrap_or_default().trim();
    if raw.schema_version == Some(1) || said.contains("manifest.v1+") && said.contains("docker") {
        let what = "it is a manifest of the old schema 1, which nobody can check: push it anew";
        return Err(unusable(what.to_owned()));
    }
    let own = raw.media_type.as_deref();
    let media_type = own.unwrap_or(said).to_owned();
    if let Some(manifests) = raw.manifests {
        if !matches!(media_type.as_str(), OCI_INDEX | DOCKER_LIST) {
            return Err(unusable(format!(
                "it has manifests and is of type {media_type:?}"
            )));
        }
        return index(manifests);
    }
    let (Some(config), Some(layers)) = (raw.config, raw.layers) else {
        return Err(unusable("it is no manifest of an image".to_owned()));
    };
    let config = descriptor(config)?;
    if !CONFIGS.contains(&config.media_type.as_str()) {
        let what = format!(
            "it is no image of a file system: its config is {:?}",
            config.media_type
        );
        return Err(unusable(what));
    }
    if layers.len() > MOST_LAYERS {
        let what = format!("it has {} layers, allowed are {MOST_LAYERS}", layers.len());
        return Err(unusable(what));
    }
    if config.size > LONGEST {
        return Err(Why::TooLong { most: LONGEST });
    }
    let media_type = match media_type.as_str() {
        DOCKER_MANIFEST => DOCKER_MANIFEST,
        _ => OCI_MANIFEST,
    };
    let layers: Result<Vec<_>, Why> = layers.into_iter().map(descriptor).collect();
    Ok(Document::Manifest(Manifest {
        media_type: media_type.to_owned(),
        config,
        layers: layers?,
    }))
}

fn index(manifests: Vec<RawDescriptor>) -> Result<Document, Why> {
    let mut found = Vec::new();
    for mut raw in manifests {
        let platform = raw.platform.take().map(|raw| Platform {
            os: raw.os,
            architecture: raw.architecture,
            variant: raw.variant.unwrap_or_default(),
        });
        found.push((descriptor(raw)?, platform));
    }
    Ok(Document::Index(found))
}

fn descriptor(raw: RawDescriptor) -> Result<Descriptor, Why> {
    let digest = raw.digest.parse();
    Ok(Descriptor {
        media_type: raw.media_type,
        digest: digest
            .map_err(|error: crate::digest::BadDigest| Why::Unusable(error.to_string()))?,
        size: raw.size,
    })
}

/// The machine that a config of an image says it is for.
pub(super) fn platform_of(config: &[u8]) -> Option<Platform> {
    let raw: RawPlatform = serde_json::from_slice(config).ok()?;
    Some(Platform {
        os: raw.os,
        architecture: raw.architecture,
        variant: raw.variant.unwrap_or_default(),
    })
}

/// What a manifest refers to: its config and layers; none where it is no manifest.
pub(super) fn blobs_of(text: &[u8]) -> Option<Vec<Digest>> {
    let raw: Raw = serde_json::from_slice(text).ok()?;
    let all = raw.config.into_iter().chain(raw.layers?);
    all.map(|blob| blob.digest.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn refused(content_type: &str, text: &str) -> String {
        parse(content_type, text.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_no_image_is_refused_in_words() {
        let old = "it is a manifest of the old schema 1, which nobody can check: push it anew";
        assert_eq!(refused("", r#"{"schemaVersion": 1, "fsLayers": []}"#), old);
        let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert_eq!(refused(signed, "{}"), old);
        assert_eq!(refused("", "{}"), "it is no manifest of an image");
        let chart = format!(
            r#"{{"config": {{"mediaType": "application/x", "digest": "{DIGEST}", "size": 2}}, "layers": []}}"#
        );
        assert_eq!(
            refused(OCI_MANIFEST, &chart),
            "it is no image of a file system: its config is \"application/x\""
        );
        let bad = r#"{"mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{"digest": "sha256:../x", "size": 1}]}"#;
        assert_eq!(
            refused(OCI_INDEX, bad),
            "\"sha256:../x\" is not a digest: allowed is sha256: or sha512: and its digits"
        );
    }

    #[test]
    fn both_kinds_of_manifest_are_read() {
        let text = format!(
            r#"{{"schemaVersion": 2, "mediaType": "{DOCKER_MANIFEST}",
                "config": {{"mediaType": "{}", "digest": "{DIGEST}", "size": 2}},
                "layers": [{{"mediaType": "x", "digest": "{DIGEST}", "size": 7}}]}}"#,
            CONFIGS[1]
        );
        let Document::Manifest(manifest) = parse("", text.as_bytes()).unwrap() else {
            panic!("it is a manifest");
        };
        assert_eq!(manifest.media_type, DOCKER_MANIFEST);
        assert_eq!((manifest.config.size, manifest.layers[0].size), (2, 7));
        assert_eq!(blobs_of(text.as_bytes()).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,80}") {
            let _ = parse(OCI_MANIFEST, text.as_bytes());
            let _ = blobs_of(text.as_bytes());
        }
    }
}
