//! Where the files of an image are: in a directory, or in an archive that lies in
//! one file. Both are read by offset, so that several can be open at once.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use veld_sys::Context;

use super::documents::{Descriptor, MAX_DOCUMENT};
use super::{Members, flaw};
use crate::error::Error;
use crate::stream::digest_of;

/// A directory or an archive with an image in it.
#[derive(Debug)]
pub(crate) enum Place {
    Directory(OwnedFd),
    Archive(Members),
}

/// A file of an image, to be read from its start.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
    pub(super) left: u64,
}

impl Place {
    /// The layout in a directory of the host.
    pub(crate) fn directory(path: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open(path, flags, Mode::empty());
        let directory = opened.context(|| format!("open {}", path.display()))?;
        Ok(Self::Directory(directory))
    }

    /// Whether it is where an image lies.
    pub(crate) fn is_image(&self) -> bool {
        self.has("manifest.json") || (self.has("index.json") && self.has("oci-layout"))
    }

    /// Whether there is a file of this name.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.open(path).is_ok()
    }

    /// Opens a file below it, through no link but those of a `docker save` archive
    /// between its own members.
    ///
    /// # Errors
    /// [`Error::Image`] where there is no such file.
    pub(crate) fn open(&self, path: &str) -> Result<Blob, Error> {
        match self {
            Self::Archive(members) => members.open(path),
            Self::Directory(directory) => open_below(directory, path),
        }
    }

    /// Reads a document whole.
    pub(super) fn document(&self, path: &str) -> Result<Vec<u8>, Error> {
        let blob = self.open(path)?;
        if blob.left > MAX_DOCUMENT {
            let size = blob.left;
            return Err(flaw(&format!("has {path} of {size} bytes, too large")));
        }
        let mut text = Vec::new();
        let reading = || format!("read {path} of the image");
        blob.take(MAX_DOCUMENT)
            .read_to_end(&mut text)
            .context(reading)?;
        Ok(text)
    }

    /// Reads the document that a digest names, and holds it against that.
    pub(super) fn verified(&self, wanted: &str, size: Option<u64>) -> Result<Vec<u8>, Error> {
        let text = self.document(&blob_path(wanted)?)?;
        let mut hash = Sha256::new();
        hash.update(&text);
        let found = digest_of(hash);
        if found != wanted {
            let what = "manifest or config";
            let wanted = wanted.to_owned();
            return Err(Error::Blob {
                what,
                found,
                wanted,
            });
        }
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if size.is_some_and(|size| size != length) {
            return Err(flaw(&format!(
                "has {wanted} of {length} bytes, not as told"
            )));
        }
        Ok(text)
    }
}

/// The file of a blob in an OCI layout.
///
/// # Errors
/// [`Error::Image`] for what is no sha256: it would be part of a path.
pub(super) fn blob_path(digest: &str) -> Result<String, Error> {
    let plain = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match digest.strip_prefix("sha256:") {
        Some(hex) if hex.len() == 64 && hex.bytes().all(plain) => Ok(format!("blobs/sha256/{hex}")),
        _ => Err(flaw(&format!("has {digest:?} for a digest"))),
    }
}

/// The path and the descriptor of a layer.
pub(super) fn layer_blob(layer: Descriptor) -> Result<(String, Option<Descriptor>), Error> {
    let kind = layer.media_type.as_str();
    if kind.contains("encrypted") || !(kind.contains("tar") || kind.is_empty()) {
        return Err(flaw(&format!("has a layer of the unknown type {kind:?}")));
    }
    Ok((blob_path(&layer.digest)?, Some(layer)))
}

/// # Kernel
/// openat2(2) with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`, Linux 5.6.
fn open_below(directory: &OwnedFd, path: &str) -> Result<Blob, Error> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let opening = || format!("open {path} of the image");
    let look = openat2(
        directory.as_fd(),
        path,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        resolve,
    );
    let is_file =
        |fd: &OwnedFd| fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
    match look {
        Ok(found) if is_file(&found) => {}
        Ok(_) | Err(Errno::LOOP | Errno::NOTDIR) => {
            return Err(flaw(&format!("has {path}, which is no plain file")));
        }
        Err(Errno::NOENT) => return Err(flaw(&format!("has no {path}"))),
        Err(errno) => return Err(errno).context(opening).map_err(Error::from),
    }
    let opened = openat2(directory.as_fd(), path, flags, Mode::empty(), resolve);
    let file = opened.context(opening)?;
    if !is_file(&file) {
        return Err(flaw(&format!("has {path}, which is no plain file")));
    }
    Blob::whole(file.into())
        .context(opening)
        .map_err(Error::from)
}

impl Blob {
    /// All of a file, whatever its offset is.
    pub(crate) fn whole(file: File) -> io::Result<Self> {
        let left = file.metadata()?.len();
        let file = Arc::new(file);
        Ok(Self { file, at: 0, left })
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(limit);
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let length = self.file.read_at(buffer, self.at)?;
        let read = u64::try_from(length).unwrap_or(u64::MAX);
        self.at = self.at.saturating_add(read);
        self.left = self.left.saturating_sub(read);
        Ok(length)
    }
}
