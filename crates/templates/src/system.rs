//! A template from a system that was in use.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, fstat, openat};
use veld_sys::{Context, fault};

use crate::build::scrub;
use crate::copy::Copier;
use crate::error::Error;
use crate::import::finish;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::progress::{Reporter, Watch};
use crate::root::DIRECTORY;
use crate::stage::Stage;
use crate::store::Store;
use crate::tree::Tree;

impl Store {
    /// Makes a template of the root of a system that nobody writes to meanwhile. What
    /// makes it this one and no other is left out: its machine-id, ssh host keys,
    /// random seed, host name and resolver, as of a template that is built. Logs and
    /// all else stay.
    ///
    /// # Errors
    /// Those of [`import`](Self::import).
    pub fn import_system(
        &self,
        root: BorrowedFd<'_>,
        label: &str,
        name: &str,
        watch: &mut Watch<'_>,
    ) -> Result<Manifest, Error> {
        let reporter = Reporter::new(watch);
        let stage = Stage::begin(self.path(), name, self.patience(), "import")?;
        let made = fill(&stage, root, label, name, &reporter);
        finish(stage, made, &reporter)
    }
}

fn fill(
    stage: &Stage,
    source: BorrowedFd<'_>,
    label: &str,
    name: &str,
    reporter: &Reporter<'_>,
) -> Result<Manifest, Error> {
    let filling = || format!("unpack template {name}");
    fault::point("unpack template").context(filling)?;
    let root = stage.root()?;
    let mut tree = Tree::new(stage.root()?, Limits::default());
    let store = fstat(stage.store()).context(filling)?;
    // A mount that is attached nowhere is open for no reading.
    let opened = openat(source, ".", DIRECTORY, Mode::empty()).context(filling)?;
    Copier::new(&mut tree, reporter, &store).copy(opened.as_fd())?;
    scrub::scrub(root.as_fd())?;
    reporter.tell(None)?;
    let mut manifest = Manifest::of(name, label.to_owned(), &tree, root.as_fd());
    manifest.draw_id()?;
    Ok(manifest)
}
