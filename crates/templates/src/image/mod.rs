//! Images of applications and systems as registries have them: OCI image layouts
//! and what `docker save` writes, as a directory or as an archive.
//!
//! ```text
//!  index.json ─► index ─► manifest ─► config (platform, diff ids)
//!                 └ by platform        └──► layers, the lowest first
//!  manifest.json ─────► config, layers          (docker save)
//! ```
//!
//! Everything is named by its digest and held against it: a document before it is
//! parsed, a layer when all of it was read, and its content by the config's diff id.
//! Names of files come from digests or from a list, never with a way out: they are
//! opened below the layout and through no link.

mod choose;
mod docker;
mod documents;
mod layers;
mod members;
mod oci;
mod place;
mod platform;

use serde::{Deserialize, Serialize};

use crate::error::Error;

use documents::{Config, Descriptor};
pub(crate) use layers::unpack_layers;
pub(crate) use members::Members;
pub(crate) use place::{Blob, Place};
pub(crate) use platform::check_machine;

/// Layers of one image. Overlay file systems take fewer, so no image has more.
const MAX_LAYERS: usize = 512;

/// What an image says that its program is run with. It is shown and does nothing:
/// a VE boots its own init, and nothing in an image is configuration of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// The program, and the words before those of `command`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// The words that a user may replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Variables as `NAME=VALUE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// Who runs it, as `user:group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The signal that asks it to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// Which of the images in a place is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Its name there, or `sha256:…` of its manifest.
    pub(crate) reference: Option<&'a str>,
    /// Whether one for another machine will do.
    pub(crate) any_architecture: bool,
}

/// An image that was chosen: everything but the content of its layers was read.
#[derive(Debug)]
pub(crate) struct Image {
    /// Digest of its manifest; of its config where `docker save` wrote none.
    pub(crate) digest: String,
    pub(crate) config: ImageConfig,
    layers: Vec<Layer>,
}

/// A layer, found and not yet read.
#[derive(Debug)]
struct Layer {
    /// Its file in the place.
    path: String,
    /// Digest and size of the file, where a manifest says them.
    blob: Option<Descriptor>,
    /// Digest of the archive in it.
    diff_id: String,
}

/// Finds the image in a place.
///
/// # Errors
/// [`Error::Choose`] where there are several, or none of the name;
/// [`Error::Platforms`] where there is none for this machine; [`Error::Image`].
pub(crate) fn find(place: &Place, wanted: Wanted<'_>) -> Result<Image, Error> {
    if place.has("index.json") && place.has("oci-layout") {
        oci::find(place, wanted)
    } else if place.has("manifest.json") {
        docker::find(place, wanted)
    } else {
        Err(flaw("has neither index.json nor manifest.json"))
    }
}

impl Image {
    /// `layers` are the files of the layers, with what is known of each.
    fn new(
        digest: String,
        config: Config,
        layers: Vec<(String, Option<Descriptor>)>,
        wanted: Wanted<'_>,
    ) -> Result<Self, Error> {
        let platform = config.platform();
        if !wanted.any_architecture {
            platform.check()?;
        }
        let diff_ids = config.rootfs.diff_ids;
        if layers.len() > MAX_LAYERS {
            return Err(flaw(&format!(
                "has {} layers, more than {MAX_LAYERS}",
                layers.len()
            )));
        }
        if layers.is_empty() {
            return Err(flaw("has no layers"));
        }
        if layers.len() != diff_ids.len() {
            let (layers, ids) = (layers.len(), diff_ids.len());
            return Err(flaw(&format!("has {layers} layers and {ids} diff ids")));
        }
        let layers = layers.into_iter().zip(diff_ids);
        Ok(Self {
            digest,
            config: config.config.unwrap_or_default().into(),
            layers: layers
                .map(|((path, blob), diff_id)| Layer {
                    path,
                    blob,
                    diff_id,
                })
                .collect(),
        })
    }

    /// Bytes of all layers as they are stored, where that is known.
    pub(crate) fn stored_size(&self) -> Option<u64> {
        let mut sizes = self
            .layers
            .iter()
            .map(|layer| Some(layer.blob.as_ref()?.size));
        sizes.try_fold(0_u64, |sum, size| Some(sum.saturating_add(size?)))
    }
}

fn flaw(text: &str) -> Error {
    Error::Image {
        flaw: text.to_owned(),
    }
}
