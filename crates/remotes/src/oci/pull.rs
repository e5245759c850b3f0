//! An image of a registry, into the cache's OCI image layout.

use std::path::PathBuf;

use veld_durable::{Life, ensure_dir, replace};

use super::layout::{self, Entry};
use super::manifest::{self, Descriptor, Document, LONGEST, Manifest};
use super::platform::Platform;
use super::registry::{Content, Registry};
use crate::cache::{Cache, Download, Wanted, download_all};
use crate::digest::Digest;
use crate::error::{Error, Why};
use crate::http::Method;

/// Digits of a digest that a person is shown.
const SHOWN: usize = 12;

/// An image that is in the cache, whole.
#[derive(Debug, Clone)]
pub struct PulledImage {
    /// The OCI image layout that it is in.
    pub layout: PathBuf,
    /// Its name there.
    pub name: String,
    /// What its reference had when it was pulled: of the index, where there is one.
    pub digest: Digest,
}

impl Registry {
    /// Has the image for this machine in the cache: what is there already is not
    /// asked for again, and what an earlier pull has begun is gone on with. One of
    /// another digest than `wanted` is not begun; that of the index and that of its
    /// manifest for this machine will do.
    ///
    /// # Errors
    /// [`Error::OtherPlatform`]; [`Error::Get`] with the address of what was not had.
    pub fn pull(&self, wanted: Option<&Digest>, cache: &Cache) -> Result<PulledImage, Error> {
        let first = self.manifest(&self.reference.wanted())?;
        let digest = first.digest.clone();
        let url = first.url.clone();
        let (content, manifest) = self.for_this_machine(first)?;
        if let Some(wanted) = wanted.filter(|it| **it != digest && **it != content.digest) {
            let (found, wanted) = (digest.to_string(), wanted.to_string());
            return Err(Why::Digest { found, wanted }.at(url));
        }
        let mut wanted = vec![self.wanted(cache, &manifest.config)?];
        for layer in &manifest.layers {
            let wanted_layer = self.wanted(cache, layer)?;
            let is_there = |one: &Wanted| one.digest == wanted_layer.digest;
            // An image may have the empty layer any number of times.
            if !wanted.iter().any(is_there) {
                wanted.push(wanted_layer);
            }
        }
        let download = Download {
            cache,
            client: &self.client,
            progress: &self.progress,
            open: &|wanted, from| {
                let range = format!("bytes={from}-");
                let headers = [("Range", range.as_str())];
                let headers = if from > 0 { &headers[..] } else { &[] };
                let response = self.send(&wanted.url, Method::Get, headers)?;
                if response.status.as_u16() == 416 {
                    return Ok(response);
                }
                self.must_succeed(response, &wanted.url)
            },
        };
        if let Some((config, _)) = wanted.split_first() {
            download.run(config)?;
            self.must_run_here(cache, &manifest.config)?;
        }
        download_all(&download, wanted.get(1..).unwrap_or_default())?;
        let path = cache.blob(&content.digest);
        if let Some(folder) = path.parent() {
            ensure_dir(folder, Life::Durable)?;
        }
        replace(&path, &content.text, Life::Durable)?;
        let size = u64::try_from(content.text.len()).unwrap_or(u64::MAX);
        let name = self.reference.to_string();
        let entry = Entry::new(&name, &manifest.media_type, &content.digest, size);
        layout::enter(cache, entry)?;
        Ok(PulledImage {
            layout: cache.layout(),
            name,
            digest,
        })
    }

    /// The manifest itself, or the one of an index that is for this machine.
    fn for_this_machine(&self, first: Content) -> Result<(Content, Manifest), Error> {
        let read = |content: &Content| {
            let parsed = manifest::parse(&content.media_type, &content.text);
            parsed.map_err(|why| why.at(&content.url))
        };
        let manifests = match read(&first)? {
            Document::Manifest(manifest) => return Ok((first, manifest)),
            Document::Index(manifests) => manifests,
        };
        let here = Platform::here();
        let chosen = manifests
            .iter()
            .filter_map(|(one, platform)| Some((one, here.distance(platform.as_ref()?)?)))
            .min_by_key(|(_, distance)| *distance);
        let Some((chosen, _)) = chosen else {
            let there = manifests
                .iter()
                .filter_map(|(_, platform)| platform.as_ref());
            let mut there: Vec<String> = there
                // So are marked what an image was built of, and its signatures.
                .filter(|platform| platform.architecture != "unknown")
                .map(Platform::to_string)
                .collect();
            there.dedup();
            return Err(self.other_platform(there));
        };
        if chosen.size > LONGEST {
            return Err(Why::TooLong { most: LONGEST }.at(&first.url));
        }
        let content = self.manifest(&chosen.digest.to_string())?;
        match read(&content)? {
            Document::Manifest(manifest) => Ok((content, manifest)),
            Document::Index(_) => {
                let what = "it is an index within an index".to_owned();
                Err(Why::Unusable(what).at(&content.url))
            }
        }
    }

    /// An image that is no part of an index says in its config what it is for.
    fn must_run_here(&self, cache: &Cache, config: &Descriptor) -> Result<(), Error> {
        let text = std::fs::read(cache.blob(&config.digest)).unwrap_or_default();
        match manifest::platform_of(&text) {
            Some(platform) if Platform::here().distance(&platform).is_some() => Ok(()),
            Some(platform) => Err(self.other_platform(vec![platform.to_string()])),
            None => {
                let url = self.blob_url(&config.digest)?;
                Err(Why::Unusable("it is no config of an image".to_owned()).at(url))
            }
        }
    }

    fn other_platform(&self, there: Vec<String>) -> Error {
        Error::OtherPlatform {
            image: self.reference.to_string(),
            wanted: Platform::here().to_string(),
            there,
        }
    }

    fn wanted(&self, cache: &Cache, blob: &Descriptor) -> Result<Wanted, Error> {
        let hex = blob.digest.hex();
        Ok(Wanted {
            url: self.blob_url(&blob.digest)?,
            digest: blob.digest.clone(),
            size: blob.size,
            path: cache.blob(&blob.digest),
            label: hex.get(..SHOWN).unwrap_or(hex).to_owned(),
        })
    }
}
