//! From the layers of an image to a tree.

use std::io;

use veld_sys::Context;

use super::place::{Blob, Place};
use super::{Image, Layer, flaw};
use crate::ahead::{Sums, read_ahead};
use crate::error::Error;
use crate::progress::Reporter;
use crate::stream::Hashing;
use crate::tree::Tree;
use crate::unpack::unpack_layer;

/// Unpacks all layers, the lowest first, each held against what is said of it.
pub(crate) fn unpack_layers(
    place: &Place,
    image: &Image,
    tree: &mut Tree,
    reporter: &Reporter<'_>,
) -> Result<(), Error> {
    for layer in &image.layers {
        let blob = place.open(&layer.path)?;
        if let Some(told) = &layer.blob
            && told.size != blob.left
        {
            let (size, told) = (blob.left, told.size);
            let path = &layer.path;
            return Err(flaw(&format!("has {path} of {size} bytes, not {told}")));
        }
        let unpacked = read_ahead(blob.clone(), true, reporter, |archive| {
            unpack_layer(archive, tree, reporter)
        });
        match unpacked {
            Ok(((), sums)) => layer.verify(&sums)?,
            // Where it is not the layer that was meant, that is the better reason.
            Err(error @ (Error::Corrupt { .. } | Error::Failed(_))) => {
                layer.verify_file(blob)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
    }
    tree.finish()
}

impl Layer {
    fn verify(&self, sums: &Sums) -> Result<(), Error> {
        self.verify_digest(&sums.digest)?;
        let inner = sums.inner.clone().unwrap_or_default();
        if inner != self.diff_id {
            return Err(Error::Blob {
                what: "content of a layer",
                found: inner,
                wanted: self.diff_id.clone(),
            });
        }
        Ok(())
    }

    fn verify_file(&self, blob: Blob) -> Result<(), Error> {
        let mut hashing = Hashing::new(blob);
        let reading = || format!("read {} of the image", self.path);
        io::copy(&mut hashing, &mut io::sink()).context(reading)?;
        self.verify_digest(&hashing.digest())
    }

    fn verify_digest(&self, found: &str) -> Result<(), Error> {
        match &self.blob {
            Some(blob) if blob.digest != found => Err(Error::Blob {
                what: "layer",
                found: found.to_owned(),
                wanted: blob.digest.clone(),
            }),
            _ => Ok(()),
        }
    }
}
