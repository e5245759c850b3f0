//! A file with a file system of its own, on a loop device while it is used.
//!
//! The template's image is made once, of the host's usual size; that of a VE begins
//! as a copy of it, which shares its blocks where the file system can.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use veld_durable::{CopyOptions, copy_file, remove_tree};
use veld_images::{Access, mount};
use veld_sys::{Context, Failure, fault};

use super::{Keep, Limit, Refusal, Root, Template, Usage, Wish};
use crate::dir::{copy_between, open};
use crate::kept::{self, IMAGES};
use crate::project;

const IMAGE: &str = "image";
/// One that is to take its place.
pub(crate) const NEW_IMAGE: &str = "image.new";

#[derive(Debug)]
pub(super) struct Image;

impl Keep for Image {
    fn probe(&self, _: &Path) -> Result<(), Refusal> {
        if !Path::new("/dev/loop-control").exists() {
            return Err(Refusal("this kernel has no loop devices".to_owned()));
        }
        Ok(())
    }

    fn is(&self, part: &Path) -> bool {
        part.join(IMAGE).is_file()
    }

    fn make(&self, part: &Path, template: Template<'_>) -> Result<(), Failure> {
        let wish = template.wish;
        let usual = Wish {
            disk: None,
            inodes: None,
            ..wish
        };
        let size = wish.size();
        // Neither the number of inodes nor a smaller size can be had of what is there: the
        // tables of a large file system alone may not fit into a small one.
        let anew = wish.inodes.is_some() || size < usual.size();
        if anew {
            let source = open(template.root)?;
            return fill(&part.join(IMAGE), source.as_fd(), &wish);
        }
        let suffix = format!(".{}.{}", wish.image_fs, usual.size());
        let source = kept::once(IMAGES, template, &suffix, |new| {
            fill(new, open(template.root)?.as_fd(), &usual)
        })?;
        let image = part.join(IMAGE);
        clone(&source, &image)?;
        if size == usual.size() {
            return Ok(());
        }
        veld_images::resize(&image, size)
    }

    fn take(
        &self,
        part: &Path,
        source: BorrowedFd<'_>,
        template: Template<'_>,
    ) -> Result<(), Failure> {
        fill(&part.join(IMAGE), source, &template.wish)
    }

    fn copy(&self, from: &Path, part: &Path) -> Result<(), Failure> {
        clone(&from.join(IMAGE), &part.join(IMAGE))
    }

    fn holds(&self, _: &Path, limit: Limit) -> Result<&'static str, Refusal> {
        Ok(match limit {
            Limit::Disk => "the size of its file system",
            Limit::Inodes => "the inodes of its ext4, from its creation",
        })
    }

    fn limit(&self, part: &Path, wish: &Wish) -> Result<(), Failure> {
        // Of a layout before: the size is all that holds an image.
        project::release(part)?;
        settle(part)?;
        let image = part.join(IMAGE);
        let (has, wished) = (veld_images::size(&image)?, wish.size());
        match (veld_images::is_in_use(&image), has.cmp(&wished)) {
            (_, Ordering::Equal) | (true, Ordering::Greater) => Ok(()),
            (true, Ordering::Less) => veld_images::grow_mounted(&image, wished),
            (false, Ordering::Less) => veld_images::resize(&image, wished),
            (false, Ordering::Greater) => shrink(part, wished),
        }
    }

    fn usage(&self, part: &Path) -> Result<Usage, Failure> {
        let image = part.join(IMAGE);
        Ok(Usage {
            disk: Some(veld_images::taken(&image)?),
            disk_limit: Some(veld_images::size(&image)?),
            ..Usage::default()
        })
    }

    fn root(&self, part: &Path, _: &Path) -> Result<Root, Failure> {
        Ok(Root::Image(part.join(IMAGE)))
    }
}

/// Makes the image of a part as long as its file system.
pub(super) fn settle(part: &Path) -> Result<(), Failure> {
    veld_images::fit(&part.join(IMAGE))
}

/// Makes an image and copies all that is seen in `source` into it.
fn fill(image: &Path, source: BorrowedFd<'_>, wish: &Wish) -> Result<(), Failure> {
    let file_system = veld_images::Wish {
        kind: wish.image_fs,
        size: wish.size(),
        inodes: wish.inodes,
    };
    veld_images::make(image, file_system)?;
    let target = mount(image, Access::Write)?;
    // The directory that a file system on a disk of its own has, and no distribution.
    let lost = unlinkat(&target, "lost+found", AtFlags::REMOVEDIR);
    match lost {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno).context(|| format!("empty {}", image.display())),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // What is mounted is open as a place only, and nothing can be synced by that.
    let root = openat(&target, ".", flags, Mode::empty())
        .context(|| format!("open the root of {}", image.display()))?;
    copy_between(source, root.as_fd(), CopyOptions::plain())?;
    drop((root, target));
    sync(image)
}

fn clone(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = || format!("copy {} to {}", from.display(), to.display());
    fault::point("copy image").context(failed)?;
    let source = open(from)?;
    let target = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to);
    let target = target.context(failed)?;
    copy_file(&source, &target).context(failed)?;
    target.sync_all().context(failed)
}

/// A copy becomes smaller, and takes the place of the image: whoever is killed
/// meanwhile, or has no room, has lost nothing.
fn shrink(part: &Path, size: u64) -> Result<(), Failure> {
    let (image, new) = (part.join(IMAGE), part.join(NEW_IMAGE));
    remove_tree(&new)?;
    let made = clone(&image, &new)
        .and_then(|()| veld_images::resize(&new, size))
        .and_then(|()| {
            fault::point("replace image")
                .and_then(|()| std::fs::rename(&new, &image))
                .and_then(|()| veld_durable::sync_parent(&image))
                .context(|| format!("replace {}", image.display()))
        });
    if made.is_err() {
        // The first failure is the one to report; the next settling takes what is left.
        let _ = remove_tree(&new);
    }
    made
}

fn sync(image: &Path) -> Result<(), Failure> {
    let sync = || -> io::Result<()> {
        fault::point("sync image")?;
        File::open(image)?.sync_all()
    };
    sync().context(|| format!("sync {}", image.display()))
}
