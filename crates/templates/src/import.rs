//! A template from a directory, an archive, an image.
//!
//! What a source is, its content says, never its name (see `magic.rs`, `spool.rs`,
//! `top.rs`).

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstat, open};
use veld_sys::{Context, fault};

use crate::copy::Copier;
use crate::error::Error;
use crate::image::{ImageConfig, Place};
use crate::limits::Limits;
use crate::manifest::{Manifest, Origin};
use crate::progress::{Reporter, Watch};
use crate::stage::Stage;
use crate::store::Store;
use crate::stream::{Tap, decompress};
use crate::tree::Tree;
use crate::unpack::unpack;

/// Where a template comes from.
#[allow(missing_debug_implementations, reason = "a reader has no text")]
pub enum Source<'a> {
    /// A directory of this host: a root, or an OCI image layout. What is mounted
    /// below it is left out.
    Directory(&'a Path),
    /// A file: a tar archive of a root or of an image, not compressed or by gzip, xz
    /// or zstd; or a squashfs file system.
    File(&'a Path),
    /// An archive from elsewhere, and what to call it.
    Stream(&'a mut dyn Read, &'a str),
    /// An OCI image layout, and which of its images: a name that it has there, or
    /// `sha256:…` of a manifest or an index among its blobs.
    OciLayout {
        /// Where it is.
        directory: &'a Path,
        /// The image; needed where there are several.
        reference: Option<&'a str>,
    },
    /// A split image of LXC or Incus.
    Split {
        /// The archive with metadata.yaml.
        metadata: &'a Path,
        /// The root: an archive or a squashfs file system.
        rootfs: &'a Path,
    },
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

/// A detached signature, and who may have made it.
#[derive(Debug, Clone)]
pub struct Signature {
    /// What gpg(1) wrote with `--detach-sign`, armored or not.
    pub file: PathBuf,
    /// The keys that are trusted.
    pub keyring: PathBuf,
}

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// How large the template may become.
    pub limits: Limits,
    /// The sha256 that the file must have, in hex, `sha256:` before it or not; for
    /// an image its manifest's will do.
    pub digest: Option<String>,
    /// Which image of several, by name.
    pub image: Option<String>,
    /// Whether programs for another machine are taken.
    pub any_architecture: bool,
    /// A signature that must hold for the file.
    pub signature: Option<Signature>,
    /// Where it was pulled from; for the manifest.
    pub origin: Option<Origin>,
}

/// What was found out about a source while it was unpacked.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) label: String,
    /// That of the file, or of an image's manifest.
    pub(crate) digest: Option<String>,
    pub(crate) image: Option<ImageConfig>,
    /// The file's name, where it may say for which machine it is.
    pub(crate) file_name: Option<String>,
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
    /// [`Error::Architecture`]; those of an image; [`Error::Signature`];
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
        Err(error) => Err(give_up(stage, error, reporter)),
    }
}

/// Throws a stage away and returns why.
pub(crate) fn give_up(stage: Stage, error: Error, reporter: &Reporter<'_>) -> Error {
    let _ = stage.discard();
    // An error of a reader that was told to stop is only how it stopped.
    if reporter.stopped() {
        Error::Interrupted
    } else {
        error
    }
}

/// Unpacks a source into a stage, whatever the source is.
pub(crate) fn fill(
    stage: &Stage,
    source: Source<'_>,
    name: &str,
    options: &ImportOptions,
    reporter: &Reporter<'_>,
) -> Result<Manifest, Error> {
    fault::point("unpack template").context(|| format!("unpack template {name}"))?;
    let mut tree = Tree::new(stage.root()?, options.limits);
    let filling = Filling {
        stage,
        options,
        reporter,
    };
    let found = filling.fill(source, &mut tree)?;
    reporter.tell(None)?;
    let root = stage.root()?;
    let mut manifest = Manifest {
        digest: found.digest,
        image: found.image,
        origin: options.origin.clone(),
        ..Manifest::of(name, found.label, &tree, root.as_fd())
    };
    manifest.draw_id()?;
    if !options.any_architecture
        && let Some(architecture) = &manifest.architecture
    {
        crate::image::check_machine(architecture)?;
        crate::label::check_file_name(found.file_name.as_deref(), architecture)?;
    }
    Ok(manifest)
}

/// One import on its way.
pub(crate) struct Filling<'a, 'r> {
    pub(crate) stage: &'a Stage,
    pub(crate) options: &'a ImportOptions,
    pub(crate) reporter: &'a Reporter<'r>,
}

impl Filling<'_, '_> {
    fn fill(&self, source: Source<'_>, tree: &mut Tree) -> Result<Found, Error> {
        let signed = self.options.signature.is_some();
        let reference = self.options.image.as_deref();
        match source {
            Source::File(path) => self.file(path, tree),
            Source::Split { metadata, rootfs } => {
                self.check_metadata(metadata)?;
                self.file(rootfs, tree)
            }
            _ if signed => Err(Error::Usage {
                what: "a signature is checked for a file alone: not for a directory, \
                       nor for standard input",
            }),
            Source::OciLayout {
                directory,
                reference,
            } => {
                let place = Place::directory(directory)?;
                self.image(&place, reference, directory.display().to_string(), tree)
            }
            Source::Directory(path) => {
                let place = Place::directory(path)?;
                if place.has("index.json") && place.has("oci-layout") {
                    return self.image(&place, reference, path.display().to_string(), tree);
                }
                self.directory(path, tree)
            }
            Source::Stream(stream, label) => self.stream(stream, label, tree),
        }
    }

    fn directory(&self, path: &Path, tree: &mut Tree) -> Result<Found, Error> {
        self.expect_no_image()?;
        self.check_digests(&["none"])?;
        let directory = open_directory(path)?;
        let opening = || format!("open {}", path.display());
        let store = fstat(self.stage.store()).context(opening)?;
        Copier::new(tree, self.reporter, &store).copy(directory.as_fd())?;
        Ok(Found {
            label: path.display().to_string(),
            ..Found::default()
        })
    }

    /// Refuses `--image` where there is no choice.
    pub(crate) fn expect_no_image(&self) -> Result<(), Error> {
        if self.options.image.is_none() {
            return Ok(());
        }
        Err(Error::Usage {
            what: "source is no image of several: an image cannot be chosen from it",
        })
    }

    /// Whether one of the digests is the one that was asked for.
    pub(crate) fn check_digests(&self, found: &[&str]) -> Result<(), Error> {
        let Some(wanted) = &self.options.digest else {
            return Ok(());
        };
        let bare = |text: &str| text.trim_start_matches("sha256:").to_ascii_lowercase();
        if found.iter().any(|found| bare(found) == bare(wanted)) {
            return Ok(());
        }
        Err(Error::Digest {
            found: found.first().copied().unwrap_or("none").to_owned(),
            wanted: wanted.clone(),
        })
    }
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

pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = open(path, flags, Mode::empty());
    Ok(opened.context(|| format!("open {}", path.display()))?)
}

pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    Ok(File::open(path).context(|| format!("open {}", path.display()))?)
}
