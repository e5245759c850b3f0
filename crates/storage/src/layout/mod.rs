//! Layouts: ways in which the files of a VE are kept, one file each.
//!
//! ```text
//!              stands on            a start mounts
//!  overlay     template or layer    an overlay: those below, private/upper above
//!  btrfs       nothing              private/root, a subvolume
//!  image       nothing              private/image, by a loop device
//!  directory   nothing              private/root
//! ```
//!
//! Everything works on *parts*: directories shaped like a VE's `private/`. Which
//! layout a part has is seen from what is in it, and written down nowhere.

mod btrfs;
mod btrfs_quota;
mod directory;
mod feature;
mod image;
mod overlay;

use std::fmt;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use veld_images::FileSystem;
use veld_sys::Failure;

use crate::below::{Base, Below};
use crate::project;
use btrfs::Btrfs;
pub(crate) use btrfs_quota::release as release_quota;
use directory::Directory;
use image::Image;
pub(crate) use image::NEW_IMAGE;
use overlay::Overlay;

pub use feature::Feature;
pub use overlay::MOST_LAYERS;
pub(crate) use overlay::{UPPER, WORK, is_unchanged, make_layer, make_layer_above};

/// A way to keep the files of a VE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Layout {
    /// A layer of its own over a template that all share.
    #[default]
    Overlay,
    /// A subvolume of btrfs.
    Btrfs,
    /// A file system in a file.
    Image,
    /// A plain copy of the template.
    Directory,
}

/// What a start mounts as the root of a VE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// An overlay.
    Overlay(Stack),
    /// A directory, as it is.
    Tree(PathBuf),
    /// The file system in a file.
    Image(PathBuf),
}

/// What an overlay is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// The directory that holds `upper` and `work`; a snapshot has none.
    pub area: Option<PathBuf>,
    /// Frozen layers, the upmost first.
    pub layers: Vec<PathBuf>,
    /// The template below all of them.
    pub base: Base,
}

/// A template that a part is made of.
#[derive(Debug, Clone, Copy)]
pub struct Template<'a> {
    /// Which one.
    pub base: &'a Base,
    /// Its tree.
    pub root: &'a Path,
    /// The directory in which layouts keep what they make of a template once.
    pub data: &'a Path,
    /// What the part is to be like.
    pub wish: Wish,
}

/// What a new part is to be like. A layout takes what concerns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// What it may hold, in bytes.
    pub disk: Option<u64>,
    /// How many inodes it may have.
    pub inodes: Option<u64>,
    /// The file system of an image.
    pub image_fs: FileSystem,
    /// Bytes of an image for which `disk` says nothing.
    pub image_size: u64,
}

impl Wish {
    /// Bytes of an image.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.disk.unwrap_or(self.image_size)
    }
}

/// What a part can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes on disk.
    Disk,
    /// Inodes.
    Inodes,
}

/// What a part has in use, and what the kernel holds it to; what is not known is
/// absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes in use.
    pub disk: Option<u64>,
    /// Bytes that it may have.
    pub disk_limit: Option<u64>,
    /// Inodes in use.
    pub inodes: Option<u64>,
    /// Inodes that it may have.
    pub inode_limit: Option<u64>,
}

/// Why a layout cannot be used in some place: a sentence without its end, that
/// the user reads after "layout image is refused: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What each layout can do. A part is made whole by one call or is thrown away by
/// the caller; no call alters a part that it was not told to.
pub(crate) trait Keep: fmt::Debug {
    /// Whether parts can be kept in the directory.
    fn probe(&self, dir: &Path) -> Result<(), Refusal>;

    /// Whether a part is one of this layout.
    fn is(&self, part: &Path) -> bool;

    /// Fills an empty part with the template.
    fn make(&self, part: &Path, template: Template<'_>) -> Result<(), Failure>;

    /// Fills an empty part with all that is seen in a directory; `template` is what it
    /// is to stand on, or came from.
    fn take(
        &self,
        part: &Path,
        source: BorrowedFd<'_>,
        template: Template<'_>,
    ) -> Result<(), Failure>;

    /// Makes an empty part equal to another of the same layout, which nobody writes
    /// to meanwhile. Both go on without each other.
    fn copy(&self, from: &Path, part: &Path) -> Result<(), Failure>;

    /// By what parts in the directory are held to this, or why they cannot be: by a
    /// project of the file system, where the layout has nothing of its own.
    fn holds(&self, dir: &Path, _: Limit) -> Result<&'static str, Refusal> {
        project::holds(dir)
    }

    /// Holds a part to what is wished.
    fn limit(&self, part: &Path, wish: &Wish) -> Result<(), Failure> {
        project::limit(part, wish)
    }

    /// What a part has in use and is held to.
    fn usage(&self, part: &Path) -> Result<Usage, Failure> {
        project::usage(part)
    }

    /// What is to be mounted. `layers` is the directory of all layers.
    fn root(&self, part: &Path, layers: &Path) -> Result<Root, Failure>;
}

impl Layout {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [Self::Overlay, Self::Btrfs, Self::Image, Self::Directory];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Btrfs => "btrfs",
            Self::Image => "image",
            Self::Directory => "directory",
        }
    }

    fn keep(self) -> &'static dyn Keep {
        match self {
            Self::Overlay => &Overlay,
            Self::Btrfs => &Btrfs,
            Self::Image => &Image,
            Self::Directory => &Directory,
        }
    }

    /// The layout of a part; an overlay where nothing else is to be seen, since a
    /// part of an overlay may stand for what is below it alone.
    #[must_use]
    pub fn of(part: &Path) -> Self {
        let found = Self::ALL.into_iter().find(|layout| layout.keep().is(part));
        found.unwrap_or_default()
    }

    /// Whether VEs can be kept so in the directory.
    ///
    /// # Errors
    /// Why not.
    pub fn probe(self, dir: &Path) -> Result<(), Refusal> {
        self.keep().probe(dir)
    }

    /// Fills the empty directory `part` with a template, and notes which.
    ///
    /// # Errors
    /// Names the path.
    pub fn make(self, part: &Path, template: Template<'_>) -> Result<(), Failure> {
        Below::Template(template.base.clone()).write(part)?;
        self.keep().make(part, template)?;
        self.limit_new(part, &template.wish)
    }

    /// Fills the empty directory `part` with all that is seen in the directory
    /// `source`, which nobody writes to meanwhile, and notes which template is below
    /// it, or it came from.
    ///
    /// # Errors
    /// Names the path.
    pub fn take(
        self,
        part: &Path,
        source: BorrowedFd<'_>,
        template: Template<'_>,
    ) -> Result<(), Failure> {
        Below::Template(template.base.clone()).write(part)?;
        self.keep().take(part, source, template)?;
        self.limit_new(part, &template.wish)
    }

    /// Makes the empty directory `part` equal to another part of this layout, which
    /// nobody writes to meanwhile; with reflinks where the file system has them.
    ///
    /// # Errors
    /// Names the path.
    pub fn copy(self, from: &Path, part: &Path) -> Result<(), Failure> {
        match Below::read(from)? {
            // What was said before something was held for it stays as it is.
            Some(below) if Below::read(part)?.as_ref() != Some(&below) => below.write(part)?,
            _ => {}
        }
        self.keep().copy(from, part)
    }

    /// Fills the empty directory `part` with all that is seen in the directory
    /// `source`; it stands on nothing, which no overlay can.
    ///
    /// # Errors
    /// Names the path.
    pub(crate) fn fill(
        self,
        part: &Path,
        source: BorrowedFd<'_>,
        wish: Wish,
    ) -> Result<(), Failure> {
        let none = Base {
            name: String::new(),
            id: None,
        };
        let template = Template {
            base: &none,
            root: part,
            data: part,
            wish,
        };
        self.keep().take(part, source, template)?;
        self.limit_new(part, &wish)
    }

    fn limit_new(self, part: &Path, wish: &Wish) -> Result<(), Failure> {
        if wish.disk.is_some() || wish.inodes.is_some() {
            self.keep().limit(part, wish)?;
        }
        Ok(())
    }

    /// By what VEs kept in the directory are held to a limit.
    ///
    /// # Errors
    /// Why they cannot be.
    pub fn holds(self, dir: &Path, limit: Limit) -> Result<&'static str, Refusal> {
        self.keep().holds(dir, limit)
    }

    /// Holds a part to what is wished, be it in use or not. An image in use stays as
    /// large as it is where it would become smaller.
    ///
    /// # Errors
    /// Names the path.
    pub fn limit(self, part: &Path, wish: &Wish) -> Result<(), Failure> {
        self.keep().limit(part, wish)
    }

    /// What a part has in use and is held to. No file system of a VE's is asked.
    ///
    /// # Errors
    /// Names the path.
    pub fn usage(self, part: &Path) -> Result<Usage, Failure> {
        self.keep().usage(part)
    }

    /// Puts right what one has left who was killed when a part was to grow: its file says how
    /// long its file system is again.
    ///
    /// # Errors
    /// Names the path.
    pub fn settle(self, part: &Path) -> Result<(), Failure> {
        match self {
            Self::Image => image::settle(part),
            Self::Overlay | Self::Btrfs | Self::Directory => Ok(()),
        }
    }

    /// What a start of a VE with this part mounts. `layers` is the directory of all
    /// layers.
    ///
    /// # Errors
    /// Names the file that cannot be read; `InvalidData` where the part stands on
    /// what is not there, or on too much.
    pub fn root(self, part: &Path, layers: &Path) -> Result<Root, Failure> {
        self.keep().root(part, layers)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Layout {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let found = Self::ALL.into_iter().find(|layout| layout.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Refusal(format!("it is none of {names}"))
        })
    }
}
