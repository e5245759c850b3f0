//! A plain copy of the template: on any file system that has ids and attributes.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use veld_durable::CopyOptions;
use veld_sys::Failure;

use super::{Keep, Refusal, Root, Template};
use crate::dir::{copy_from, make_dir, open};

pub(crate) const ROOT: &str = "root";

#[derive(Debug)]
pub(super) struct Directory;

impl Keep for Directory {
    fn probe(&self, _: &Path) -> Result<(), Refusal> {
        Ok(())
    }

    fn is(&self, part: &Path) -> bool {
        part.join(ROOT).is_dir()
    }

    fn make(&self, part: &Path, template: Template<'_>) -> Result<(), Failure> {
        fill(part, open(template.root)?.as_fd())
    }

    fn take(&self, part: &Path, source: BorrowedFd<'_>, _: Template<'_>) -> Result<(), Failure> {
        fill(part, source)
    }

    fn copy(&self, from: &Path, part: &Path) -> Result<(), Failure> {
        fill(part, open(&from.join(ROOT))?.as_fd())
    }

    fn root(&self, part: &Path, _: &Path) -> Result<Root, Failure> {
        Ok(Root::Tree(part.join(ROOT)))
    }
}

fn fill(part: &Path, source: BorrowedFd<'_>) -> Result<(), Failure> {
    let root = part.join(ROOT);
    make_dir(&root, 0o755)?;
    copy_from(source, &root, CopyOptions::plain())
}
