//! An image of a server of simplestreams, into files of the cache.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use veld_sys::Context;

use super::index;
use super::server::Streams;
use crate::cache::{Cache, Download, Wanted, download_all};
use crate::digest::{Digest, Hasher};
use crate::error::{Error, Why};
use crate::url::Url;

/// Files of an image that are in the cache, whole.
#[derive(Debug, Clone)]
pub struct PulledFiles {
    /// The directory that they are in, and nothing else.
    pub directory: PathBuf,
    /// What the image says of itself; none where the root has that in it.
    pub metadata: Option<PathBuf>,
    /// An archive or a squashfs.
    pub root: PathBuf,
    /// Of all of it.
    pub digest: Digest,
    /// When it was built, as the server writes it.
    pub version: String,
}

impl Streams {
    /// Has the newest build of an image in the cache; one of another digest than
    /// `wanted` is not begun.
    ///
    /// # Errors
    /// Those of [`Streams::resolve`]; [`Error::Get`] with the address of the file that
    /// was not had.
    pub fn pull(
        &self,
        alias: &str,
        wanted: Option<&Digest>,
        cache: &Cache,
    ) -> Result<PulledFiles, Error> {
        let newest = self.newest(alias)?;
        let digest = self.digest(newest.files.fingerprint())?;
        if let Some(wanted) = wanted.filter(|wanted| **wanted != digest) {
            let (found, wanted) = (digest.to_string(), wanted.to_string());
            return Err(Why::Digest { found, wanted }.at(self.base.below(alias)?));
        }
        let directory = cache.streams().join(digest.hex());
        let mut files = vec![self.wanted(&newest.files.root, &directory)?];
        if let Some(metadata) = &newest.files.metadata {
            files.push(self.wanted(metadata, &directory)?);
        }
        let download = Download {
            cache,
            client: &self.client,
            progress: &self.progress,
            open: &|wanted, from| self.open(&wanted.url, from),
        };
        download_all(&download, &files)?;
        let mut paths = files.into_iter().map(|file| file.path);
        let root = paths.next().unwrap_or_default();
        let metadata = paths.next();
        if newest.files.combined.is_some() {
            let both: Vec<&Path> = metadata
                .iter()
                .chain([&root])
                .map(PathBuf::as_path)
                .collect();
            self.must_have(&digest, &both, self.base.below(&newest.files.root.path)?)?;
        }
        Ok(PulledFiles {
            directory,
            metadata,
            root,
            digest,
            version: newest.version,
        })
    }

    fn wanted(&self, file: &index::File, directory: &Path) -> Result<Wanted, Error> {
        let url = self.base.below(&file.path)?;
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(Why::Unusable(format!("{name:?} is no name of a file")).at(url));
        }
        Ok(Wanted {
            digest: self.digest(&file.sha256)?,
            url,
            size: file.size,
            path: directory.join(name),
            label: name.to_owned(),
        })
    }

    /// The files, one after the other, must have the digest that the index has.
    fn must_have(&self, digest: &Digest, files: &[&Path], url: Url) -> Result<(), Error> {
        let mut hasher = digest.hasher();
        for path in files {
            add(&mut hasher, path)?;
        }
        let found = hasher.finish();
        if found == *digest {
            return Ok(());
        }
        for path in files {
            let _ = std::fs::remove_file(path);
        }
        let (found, wanted) = (found.to_string(), digest.to_string());
        Err(Why::Digest { found, wanted }.at(url))
    }
}

impl PulledFiles {
    /// Takes the files away, for when a template has been made of them and the cache is
    /// no longer held. Another who holds it may be making one of them, too; a sweep
    /// takes them then.
    ///
    /// # Errors
    /// [`Error::Busy`] while the cache is held; names what cannot be removed.
    pub fn remove(self, cache: &Cache) -> Result<(), Error> {
        let _alone = cache.hold_alone()?;
        for path in self.metadata.iter().chain([&self.root]) {
            std::fs::remove_file(path).context(|| format!("remove {}", path.display()))?;
        }
        let path = &self.directory;
        Ok(std::fs::remove_dir(path).context(|| format!("remove {}", path.display()))?)
    }
}

fn add(hasher: &mut Hasher, path: &Path) -> Result<(), Error> {
    let reading = || format!("read {}", path.display());
    let mut file = File::open(path).context(reading)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = file.read(&mut buffer).context(reading)?;
        if length == 0 {
            return Ok(());
        }
        hasher.update(buffer.get(..length).unwrap_or_default());
    }
}
