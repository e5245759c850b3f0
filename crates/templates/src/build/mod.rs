//! A template of Debian, built by mmdebstrap.
//!
//! mmdebstrap writes a tar archive into a pipe and the unpacker of all other
//! archives reads it; nothing of the tree is taken from mmdebstrap's own files,
//! which live in a scratch directory of the stage and die with it.

mod child;
mod init;
mod mirror;
mod packages;
pub(crate) mod scrub;

use std::os::fd::AsFd;

use crate::error::Error;
use crate::import::{fill_from, finish};
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::progress::{Reporter, Watch};
use crate::stage::Stage;
use crate::store::Store;
use crate::tree::Tree;

use child::Builder;
pub use init::BuildInit;

/// What to build.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Debian's release by code name or class: `bookworm`, `sid`.
    pub suite: String,
    /// What it boots with.
    pub init: BuildInit,
    /// Packages besides the ones that every template has.
    pub include: Vec<String>,
    /// What mmdebstrap takes as a mirror: an address, or a line of sources.list.
    /// Without one it is where the host's apt gets Debian from, with the updates
    /// and security updates that are found there.
    pub mirror: Option<String>,
    /// How large the template may become.
    pub limits: Limits,
}

impl Store {
    /// Builds a template. The watcher gets mmdebstrap's lines too.
    ///
    /// The tree has what Debian requires, apt, an init, and what one expects at a
    /// console: see the lists in `packages.rs` and
    /// `init.rs`. It has nothing of this host: no
    /// resolv.conf, no hostname, no ssh host keys, and an empty machine-id, which
    /// each VE fills at its first boot (a missing one would have systemd ask the
    /// questions of a first boot, see machine-id(5)).
    ///
    /// # Errors
    /// Those of [`Store::import`]; [`Error::MissingProgram`], [`Error::NoMirror`],
    /// [`Error::NoPackage`], [`Error::Builder`] with mmdebstrap's last words,
    /// [`Error::BadOption`].
    pub fn build(
        &self,
        name: &str,
        options: &BuildOptions,
        watch: &mut Watch<'_>,
    ) -> Result<Manifest, Error> {
        packages::check(options)?;
        for program in ["mmdebstrap", "setpriv", "unshare"] {
            child::find_program(program)?;
        }
        let reporter = Reporter::new(watch);
        let stage = Stage::begin(self.path(), name, self.patience(), "build")?;
        let made = fill(&stage, name, options, &reporter);
        finish(stage, made, &reporter)
    }
}

fn fill(
    stage: &Stage,
    name: &str,
    options: &BuildOptions,
    reporter: &Reporter<'_>,
) -> Result<Manifest, Error> {
    let scratch = stage.make_scratch()?;
    let sources = match &options.mirror {
        Some(mirror) => vec![mirror.clone()],
        None => mirror::sources(&options.suite, &scratch)?,
    };
    let arguments = packages::arguments(options, &sources);
    let mut builder = Builder::start(&arguments, &scratch, stage.lock_file(), reporter)?;
    let root = stage.root()?;
    let mut tree = Tree::new(stage.root()?, options.limits);
    let filled = fill_from(&mut builder, &mut tree, reporter);
    let digest = builder
        .conclude(filled)
        .map_err(|error| packages::explain(error, &options.suite))?;
    scrub::scrub(root.as_fd())?;
    reporter.tell(None)?;
    let source = format!("mmdebstrap {}", options.suite);
    Ok(Manifest {
        digest: Some(digest),
        ..Manifest::of(name, source, &tree, root.as_fd())
    })
}
