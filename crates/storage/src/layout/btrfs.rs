//! A subvolume of btrfs, which begins as a snapshot of the template's.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use veld_durable::CopyOptions;
use veld_sys::{Context, Failure, btrfs};

use super::btrfs_quota as quota;
use super::directory::ROOT;
use super::{Keep, Limit, Refusal, Root, Template, Usage, Wish};
use crate::dir::{copy_from, existing, open};
use crate::kept::{self, BASES};
use crate::kind;

#[derive(Debug)]
pub(super) struct Btrfs;

impl Keep for Btrfs {
    fn probe(&self, dir: &Path) -> Result<(), Refusal> {
        let dir = existing(dir);
        let found = kind::of(dir);
        if found == "btrfs" {
            return Ok(());
        }
        Err(Refusal(format!(
            "{} is on {found}, not btrfs",
            dir.display()
        )))
    }

    fn is(&self, part: &Path) -> bool {
        File::open(part.join(ROOT)).is_ok_and(|root| btrfs::is_subvolume(root.as_fd()))
    }

    fn make(&self, part: &Path, template: Template<'_>) -> Result<(), Failure> {
        let base = kept::once(BASES, template, "", |new| {
            create(new)?;
            copy_from(open(template.root)?.as_fd(), new, CopyOptions::plain())
        })?;
        snapshot(&base, &part.join(ROOT))
    }

    fn take(&self, part: &Path, source: BorrowedFd<'_>, _: Template<'_>) -> Result<(), Failure> {
        let root = part.join(ROOT);
        create(&root)?;
        copy_from(source, &root, CopyOptions::plain())
    }

    fn copy(&self, from: &Path, part: &Path) -> Result<(), Failure> {
        snapshot(&from.join(ROOT), &part.join(ROOT))
    }

    fn holds(&self, _: &Path, limit: Limit) -> Result<&'static str, Refusal> {
        match limit {
            Limit::Disk => Ok("a quota group, of simple quotas where the kernel has them"),
            Limit::Inodes => Err(Refusal("btrfs counts no inodes".to_owned())),
        }
    }

    fn limit(&self, part: &Path, wish: &Wish) -> Result<(), Failure> {
        quota::limit(part, wish.disk)
    }

    fn usage(&self, part: &Path) -> Result<Usage, Failure> {
        quota::usage(&part.join(ROOT))
    }

    fn root(&self, part: &Path, _: &Path) -> Result<Root, Failure> {
        Ok(Root::Tree(part.join(ROOT)))
    }
}

fn create(path: &Path) -> Result<(), Failure> {
    let (parent, name) = place(path)?;
    btrfs::create_subvolume(parent.as_fd(), &name)
        .context(|| format!("create subvolume {}", path.display()))
}

fn snapshot(from: &Path, path: &Path) -> Result<(), Failure> {
    let (parent, name) = place(path)?;
    let source = open(from)?;
    btrfs::snapshot(source.as_fd(), parent.as_fd(), &name)
        .context(|| format!("snapshot {} to {}", from.display(), path.display()))
}

fn place(path: &Path) -> Result<(OwnedFd, CString), Failure> {
    let using = || format!("use {}", path.display());
    let named = path.parent().zip(path.file_name());
    let (parent, name) = named
        .ok_or(io::Error::from(io::ErrorKind::InvalidInput))
        .context(using)?;
    let name = CString::new(name.as_bytes())
        .map_err(io::Error::from)
        .context(using)?;
    Ok((open(parent)?.into(), name))
}
