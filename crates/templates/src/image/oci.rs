//! The OCI image layout: index.json and blobs by digest.

use super::choose::{by_machine, by_name};
use super::documents::{Descriptor, Document, parse};
use super::place::{Place, layer_blob};
use super::{Image, Wanted, flaw};
use crate::error::Error;

/// Indexes within indexes. One is usual, two are seen.
const MAX_INDEXES: usize = 4;

pub(super) fn find(place: &Place, wanted: Wanted<'_>) -> Result<Image, Error> {
    let index: Document = parse("index.json", &place.document("index.json")?)?;
    let images = index.manifests.unwrap_or_default();
    let named = match wanted.reference {
        // A digest need not be listed: what a cache holds is known by it alone.
        Some(digest) if is_unlisted(digest, &images) => vec![bare(digest)],
        reference => by_name(images, reference)?,
    };
    let mut chosen = by_machine(named, wanted)?;
    for _ in 0..MAX_INDEXES {
        let size = (chosen.size != UNKNOWN).then_some(chosen.size);
        let text = place.verified(&chosen.digest, size)?;
        let document: Document = parse("manifest", &text)?;
        match (document.manifests, document.config, document.layers) {
            (Some(images), None, None) => chosen = by_machine(images, wanted)?,
            (None, Some(config), Some(layers)) => {
                return image(place, chosen.digest, &config, layers, wanted);
            }
            _ => return Err(flaw("has a manifest that is neither one nor an index")),
        }
    }
    Err(flaw("has indexes within indexes without an end"))
}

/// A size that nobody told.
const UNKNOWN: u64 = u64::MAX;

fn is_unlisted(reference: &str, images: &[Descriptor]) -> bool {
    reference.starts_with("sha256:") && images.iter().all(|image| image.digest != reference)
}

fn bare(digest: &str) -> Descriptor {
    Descriptor {
        media_type: String::new(),
        digest: digest.to_owned(),
        size: UNKNOWN,
        annotations: None,
        platform: None,
    }
}

fn image(
    place: &Place,
    digest: String,
    config: &Descriptor,
    layers: Vec<Descriptor>,
    wanted: Wanted<'_>,
) -> Result<Image, Error> {
    let kind = config.media_type.as_str();
    if !kind.contains("image") && !kind.is_empty() {
        return Err(flaw(&format!(
            "is no image but an artifact of type {kind:?}"
        )));
    }
    let text = place.verified(&config.digest, Some(config.size))?;
    let layers: Result<Vec<_>, Error> = layers.into_iter().map(layer_blob).collect();
    Image::new(digest, parse("config", &text)?, layers?, wanted)
}
