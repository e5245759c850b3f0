//! A layer of the VE's own over a template that all VEs share.
//!
//! The layer begins empty. A frozen layer is a part that nobody writes to any more;
//! it stands on its template, or on another layer, as the VE did that it was of.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, mknodat};
use veld_durable::{CopyOptions, inherit, is_like};
use veld_sys::{Context, Failure, fault};

use super::{Keep, Refusal, Root, Stack, Template};
use crate::below::Below;
use crate::dir::{copy_from, make_dir, open};

/// How many frozen layers an overlay may have: each is a mount of each VE that
/// stands on it, and the kernel takes the names of all in 255 bytes.
pub const MOST_LAYERS: usize = 48;

/// What says of a directory that nothing of the layers below is seen in it.
const OPAQUE: &str = "trusted.overlay.opaque";
pub(crate) const UPPER: &str = "upper";
pub(crate) const WORK: &str = "work";

#[derive(Debug)]
pub(super) struct Overlay;

impl Keep for Overlay {
    fn probe(&self, _: &Path) -> Result<(), Refusal> {
        let known = veld_kernfs::read(Path::new("/proc/filesystems")).unwrap_or_default();
        if known.split_ascii_whitespace().any(|word| word == "overlay") {
            return Ok(());
        }
        Err(Refusal("this kernel has no overlay".to_owned()))
    }

    fn is(&self, part: &Path) -> bool {
        part.join(UPPER).is_dir()
    }

    fn make(&self, part: &Path, _: Template<'_>) -> Result<(), Failure> {
        make_layer(part)
    }

    fn take(
        &self,
        part: &Path,
        source: BorrowedFd<'_>,
        template: Template<'_>,
    ) -> Result<(), Failure> {
        make_layer(part)?;
        let upper = part.join(UPPER);
        copy_from(source, &upper, CopyOptions::plain())?;
        hide(template.root, &upper)
    }

    fn copy(&self, from: &Path, part: &Path) -> Result<(), Failure> {
        make_layer(part)?;
        let source = open(&from.join(UPPER))?;
        copy_from(source.as_fd(), &part.join(UPPER), CopyOptions::layer())
    }

    fn root(&self, part: &Path, layers: &Path) -> Result<Root, Failure> {
        let area = part.join(UPPER).is_dir().then(|| part.to_owned());
        let mut found: Vec<PathBuf> = Vec::new();
        let mut below = must_stand(part)?;
        loop {
            match below {
                Below::Template(base) => {
                    let layers = found;
                    return Ok(Root::Overlay(Stack { area, layers, base }));
                }
                Below::Layer(layer) => {
                    let layer = layers.join(layer.as_str());
                    if found.len() == MOST_LAYERS {
                        let most = format!("it stands on more than {MOST_LAYERS} layers");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, most))
                            .context(|| format!("use {}", part.display()));
                    }
                    below = must_stand(&layer)?;
                    found.push(layer.join(UPPER));
                }
            }
        }
    }
}

/// Makes an empty layer in a part.
pub(crate) fn make_layer(part: &Path) -> Result<(), Failure> {
    // The root of a VE is as open as any distribution's.
    make_dir(&part.join(UPPER), 0o755)?;
    make_dir(&part.join(WORK), 0o755)
}

/// Makes an empty layer in a part that is to stand on `below`, whose top is that of the
/// system: who may do what there stays.
pub(crate) fn make_layer_above(part: &Path, below: &Path) -> Result<(), Failure> {
    make_layer(part)?;
    let (old, new) = (open(&below.join(UPPER))?, open(&part.join(UPPER))?);
    inherit(old.as_fd(), new.as_fd())
        .context(|| format!("give the top of {} what it had", part.display()))
}

/// Whether the own layer of a part is as empty as when it was made above `below`.
pub(crate) fn is_unchanged(part: &Path, below: &Path) -> Result<bool, Failure> {
    let upper = part.join(UPPER);
    let reading = || format!("read {}", upper.display());
    if std::fs::read_dir(&upper).context(reading)?.next().is_some() {
        return Ok(false);
    }
    let (below, own) = (open(&below.join(UPPER))?, open(&upper)?);
    is_like(below.as_fd(), own.as_fd()).context(reading)
}

/// Hides all of a template below a layer that has everything: at the top, whose own
/// mark would have no effect, each directory says that nothing is below it, and what
/// is not there is said to be gone.
///
/// # Kernel
/// "Whiteouts and opaque directories" in the kernel's overlayfs.rst.
fn hide(template: &Path, upper: &Path) -> Result<(), Failure> {
    let reading = || format!("read {}", template.display());
    for entry in std::fs::read_dir(template).context(reading)? {
        let path = upper.join(entry.context(reading)?.file_name());
        let hidden = match std::fs::symlink_metadata(&path) {
            Ok(about) if about.is_dir() => fault::point("hide directory of template")
                .and_then(|()| Ok(lsetxattr(&path, OPAQUE, b"y", XattrFlags::empty())?)),
            Ok(_) => Ok(()),
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => {
                let (kind, none) = (FileType::CharacterDevice, Mode::empty());
                fault::point("hide name of template")
                    .and_then(|()| Ok(mknodat(CWD, &path, kind, none, 0)?))
            }
            Err(error) => Err(error),
        };
        hidden.context(|| format!("hide {}", path.display()))?;
    }
    Ok(())
}

fn must_stand(part: &Path) -> Result<Below, Failure> {
    let below = Below::read(part)?;
    below
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it says not what it stands on"))
        .context(|| format!("use {}", part.display()))
}
