//! A template from a directory or an archive.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, fstat, open};
use veld_sys::{Context, fault};

use crate::copy::Copier;
use crate::error::Error;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::progress::{Reporter, Watch};
use crate::stage::Stage;
use crate::store::Store;
use crate::stream::{Tap, decompress};
use crate::tree::Tree;
use crate::unpack::unpack;

/// Where a template comes from.
#[allow(missing_debug_implementations, reason = "a reader has no text")]
pub enum Source<'a> {
    /// A directory of this host. What is mounted below it is left out.
    Directory(&'a Path),
    /// A tar archive: not compressed, or by gzip, xz or zstd.
    File(&'a Path),
    /// The same from elsewhere, and what to call it.
    Stream(&'a mut dyn Read, &'a str),
}

impl<'a> Source<'a> {
    /// The directory or archive at a path.
    #[must_use]
    pub fn at(path: &'a Path) -> Self {
        if path.is_dir() {
            Self::Directory(path)
        } else {
            Self::File(path)
        }
    }
}

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// How large the template may become.
    pub limits: Limits,
    /// The sha256 that the archive must have, in hex, `sha256:` before it or not.
    pub digest: Option<String>,
}

impl Store {
    /// Makes a template of a source. Either it is there, whole and on the disk,
    /// or nothing is.
    ///
    /// Owners (as numbers), modes, times of modification to the nanosecond, hard
    /// links, holes, fifos, ACLs, file capabilities and `user.*` attributes come
    /// out as they went in; device nodes, sockets and other attributes are left
    /// out and counted.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Locked`]; [`Error::Refused`] with the entry that
    /// is no part of a template; [`Error::Corrupt`]; [`Error::Digest`];
    /// [`Error::Interrupted`] when `watch` breaks.
    pub fn import(
        &self,
        source: Source<'_>,
        name: &str,
        options: &ImportOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Manifest, Error> {
        let reporter = Reporter::new(watch);
        let stage = Stage::begin(self.path(), name, self.patience(), "import")?;
        let made = fill(&stage, source, name, options, &reporter);
        finish(stage, made, &reporter)
    }
}

/// Publishes a filled stage or throws it away. The first error is the one told.
pub(crate) fn finish(
    stage: Stage,
    made: Result<Manifest, Error>,
    reporter: &Reporter<'_>,
) -> Result<Manifest, Error> {
    match made {
        Ok(manifest) => {
            stage.publish(&manifest)?;
            Ok(manifest)
        }
        Err(error) => {
            let _ = stage.discard();
            // An error of a reader that was told to stop is only how it stopped.
            Err(if reporter.stopped() {
                Error::Interrupted
            } else {
                error
            })
        }
    }
}

fn fill(
    stage: &Stage,
    source: Source<'_>,
    name: &str,
    options: &ImportOptions,
    reporter: &Reporter<'_>,
) -> Result<Manifest, Error> {
    fault::point("unpack template").context(|| format!("unpack template {name}"))?;
    let root = stage.root()?;
    let mut tree = Tree::new(stage.root()?, options.limits);
    let (label, digest) = match source {
        Source::Directory(path) => {
            check_digest("none", options)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opening = || format!("open {}", path.display());
            let directory = open(path, flags, Mode::empty()).context(opening)?;
            let store = fstat(stage.store()).context(opening)?;
            Copier::new(&mut tree, reporter, &store).copy(directory.as_fd())?;
            (path.display().to_string(), None)
        }
        Source::File(path) => {
            let mut file = File::open(path).context(|| format!("open {}", path.display()))?;
            if let Ok(metadata) = file.metadata()
                && metadata.is_file()
            {
                reporter.expect(metadata.len());
            }
            let digest = fill_from(&mut file, &mut tree, reporter)?;
            (path.display().to_string(), Some(digest))
        }
        Source::Stream(stream, label) => {
            let digest = fill_from(stream, &mut tree, reporter)?;
            (label.to_owned(), Some(digest))
        }
    };
    if let Some(found) = &digest {
        check_digest(found, options)?;
    }
    reporter.tell(None)?;
    Ok(Manifest {
        digest,
        ..Manifest::of(name, label, &tree, root.as_fd())
    })
}

/// Unpacks a stream to its end and returns its digest.
pub(crate) fn fill_from(
    source: &mut dyn Read,
    tree: &mut Tree,
    reporter: &Reporter<'_>,
) -> Result<String, Error> {
    let mut tap = Tap::new(source, reporter);
    unpack(decompress(&mut tap)?, tree, reporter)?;
    Ok(tap.digest())
}

fn check_digest(found: &str, options: &ImportOptions) -> Result<(), Error> {
    let Some(wanted) = &options.digest else {
        return Ok(());
    };
    let bare = |text: &str| text.trim_start_matches("sha256:").to_ascii_lowercase();
    if bare(found) == bare(wanted) {
        return Ok(());
    }
    Err(Error::Digest {
        found: found.to_owned(),
        wanted: wanted.clone(),
    })
}
