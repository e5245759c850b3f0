//! What tests need and cannot make where they run: in a guest without a compiler
//! and a package mirror.

use std::path::PathBuf;

use crate::disposable::cache;
use crate::probe;
use crate::template::Template;

/// Makes these templates and the probe, unless they are there, and says where
/// they are below the cache.
///
/// # Panics
/// Where one cannot be made.
#[must_use]
pub fn prepare(templates: &[Template]) -> Vec<PathBuf> {
    templates.iter().copied().for_each(Template::ensure);
    let roots = templates.iter().map(|template| template.root());
    let directories = roots.filter_map(|root| Some(root.parent()?.to_owned()));
    directories
        .chain([probe::built()])
        .filter_map(|path| Some(path.strip_prefix(cache()).ok()?.to_owned()))
        .collect()
}
