//! What `docker save` writes: manifest.json with the names of files.

use sha2::{Digest, Sha256};

use super::documents::{Saved, parse};
use super::place::Place;
use super::{Image, Wanted, flaw};
use crate::error::Error;
use crate::stream::digest_of;

pub(super) fn find(place: &Place, wanted: Wanted<'_>) -> Result<Image, Error> {
    let images: Vec<Saved> = parse("manifest.json", &place.document("manifest.json")?)?;
    let saved = choose(images, wanted.reference)?;
    let text = place.document(&saved.config)?;
    let mut hash = Sha256::new();
    hash.update(&text);
    let found = digest_of(hash);
    // The file is called by its digest, in either shape: HEX.json, blobs/sha256/HEX.
    let name = saved.config.rsplit('/').next().unwrap_or_default();
    let hex = name.strip_suffix(".json").unwrap_or(name);
    if found != format!("sha256:{hex}") {
        return Err(Error::Blob {
            what: "config",
            found,
            wanted: hex.to_owned(),
        });
    }
    let layers = saved.layers.into_iter().map(|path| (path, None)).collect();
    Image::new(found, parse("config", &text)?, layers, wanted)
}

fn choose(images: Vec<Saved>, reference: Option<&str>) -> Result<Saved, Error> {
    let tags = |image: &Saved| image.repo_tags.clone().unwrap_or_default();
    let there: Vec<String> = images
        .iter()
        .map(|image| {
            let tags = tags(image);
            tags.first().unwrap_or(&image.config).clone()
        })
        .collect();
    let several = images.len() > 1;
    let is_called = |image: &Saved| {
        let Some(reference) = reference else {
            return !several;
        };
        let called = |tag: &String| {
            let before = tag.strip_suffix(reference);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let hex = reference.strip_prefix("sha256:").unwrap_or(reference);
        tags(image).iter().any(called) || (hex.len() == 64 && image.config.contains(hex))
    };
    if images.is_empty() {
        return Err(flaw("has no images in manifest.json"));
    }
    let found = images.into_iter().find(is_called);
    found.ok_or(Error::Choose {
        wanted: reference.map(str::to_owned),
        there,
    })
}
