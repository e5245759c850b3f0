//! What the root file system of a VE is made of, as paths of this host.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use veld_config::VeConfig;
use veld_rootfs::{Access, Layers};
use veld_storage::{Base, Below, Layout, Root};

use crate::error::Source;
use crate::template;
use crate::ve::Ve;

/// What is mounted as a root, with every layer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// An overlay.
    Overlay {
        /// What is never written, the upmost first, the template last.
        lower: Vec<PathBuf>,
        /// Where the VE's own layer is; a snapshot has none.
        area: Option<PathBuf>,
    },
    /// A directory.
    Tree(PathBuf),
    /// The file system in a file.
    Image(PathBuf),
}

impl Files {
    /// Those of a VE now.
    pub(crate) fn of(ve: &Ve<'_>) -> Result<Self, Source> {
        let private = ve.area.private();
        note_template(ve, &private)?;
        Self::of_part(ve, &private)
    }

    /// Those that a start is to use. What a VE stands on is seen from its files; a config
    /// that names another template, by an edit, asks for what cannot be.
    pub(crate) fn of_config(ve: &Ve<'_>, config: &VeConfig) -> Result<Self, Source> {
        let private = ve.area.private();
        note_template(ve, &private)?;
        let root = Layout::of(&private).root(&private, ve.area.layers().path())?;
        match &root {
            Root::Overlay(stack) if stack.base.name != config.template.as_str() => {
                Err(Source::Refused(format!(
                    "its files stand on template {}, its config says {}",
                    stack.base.name, config.template
                )))
            }
            Root::Overlay(_) | Root::Tree(_) | Root::Image(_) => Self::found(ve, root),
        }
    }

    /// Those of a part: the VE's own, or one of a snapshot.
    pub(crate) fn of_part(ve: &Ve<'_>, part: &Path) -> Result<Self, Source> {
        let root = Layout::of(part).root(part, ve.area.layers().path())?;
        Self::found(ve, root)
    }

    fn found(ve: &Ve<'_>, root: Root) -> Result<Self, Source> {
        Ok(match root {
            Root::Overlay(stack) => {
                let mut lower = stack.layers;
                lower.push(template::root(ve.host, &stack.base)?);
                let area = stack.area;
                Self::Overlay { lower, area }
            }
            Root::Tree(path) => Self::Tree(path),
            Root::Image(path) => Self::Image(path),
        })
    }

    /// As the crate of root file systems takes them.
    pub(crate) fn layers(&self) -> Layers<'_> {
        match self {
            Self::Overlay { lower, area } => Layers::Overlay {
                lower,
                area: area.as_deref(),
            },
            Self::Tree(path) => Layers::Tree(path),
            Self::Image(path) => Layers::Image(path),
        }
    }

    /// A mount of all of them, ids as on disk, for the host's own work.
    pub(crate) fn view(&self, access: Access) -> Result<OwnedFd, Source> {
        Ok(veld_rootfs::view(self.layers(), access)?)
    }
}

/// Writes down what a VE stands on that was made before there was anything else to
/// stand on than the template of its config.
fn note_template(ve: &Ve<'_>, private: &Path) -> Result<(), Source> {
    if Layout::of(private) == Layout::Overlay && Below::read(private)?.is_none() {
        let name = ve.config()?.template.as_str().to_owned();
        Below::Template(Base { name, id: None }).amend(private)?;
    }
    Ok(())
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlay { lower, area } => {
                for layer in lower {
                    writeln!(f, "below      {} (read-only)", layer.display())?;
                }
                match area {
                    Some(area) => writeln!(f, "area       {}", area.display()),
                    None => Ok(()),
                }
            }
            Self::Tree(path) => writeln!(f, "root       {}", path.display()),
            Self::Image(path) => writeln!(f, "image      {}", path.display()),
        }
    }
}
