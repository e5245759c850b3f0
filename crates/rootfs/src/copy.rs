//! Copying files into a tree that is not trusted, out of one, or between two.
//!
//! The walk holds descriptors and looks up one name at a time, never through a
//! link; only the paths that it begins at are resolved, each as [`RootDir`] does
//! it. What is opened is what was looked at: a fifo or a device is never opened.
//! A file comes beside its name and takes it by a rename, so that half a file has
//! no name that anybody looks for; the next copy into its directory removes it where the
//! process is gone.
//!
//! The owner of a tree may rename and replace in it all the while: what he gets
//! is a copy of something else of his own.

mod attributes;
mod data;
mod leftover;
mod owners;
mod rights;
mod walk;

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use veld_sys::{Context, Failure};

pub use owners::{Given, Ids};

use crate::root_dir::RootDir;
use rights::{SEARCH, WRITE};
use walk::{Spot, Walk};

/// A tree that is copied from or to.
#[derive(Debug)]
pub struct CopyTree {
    /// Its root; nothing where it is the host's own.
    root: Option<RootDir>,
    /// What its paths begin with in an error.
    label: String,
    ids: Ids,
}

impl CopyTree {
    /// The host's own.
    #[must_use]
    pub fn of_host() -> Self {
        Self {
            root: None,
            label: String::new(),
            ids: Ids::Host,
        }
    }

    /// One whose root is this, and whose paths begin with `label`.
    #[must_use]
    pub fn of_guest(root: RootDir, label: &str, ids: Ids) -> Self {
        Self {
            root: Some(root),
            label: format!("{label}:"),
            ids,
        }
    }

    fn open(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        match &self.root {
            Some(root) => {
                let found = root.open_file(path, flags, Mode::empty())?;
                let place = if is_directory(&found)? {
                    path
                } else {
                    above(path)
                };
                let flags = OFlags::PATH | OFlags::DIRECTORY;
                let place = root.open_file(place, flags, Mode::empty())?;
                self.ids.must_reach(root, place)?;
                Ok(found)
            }
            None => Ok(openat(CWD, path, flags | OFlags::CLOEXEC, Mode::empty())?),
        }
    }

    fn shown(&self, path: &str) -> String {
        format!("{}{path}", self.label)
    }
}

/// How is copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CopyWish {
    /// Owners, extended attributes and ACLs as they are.
    pub archive: bool,
    /// What all that is copied has of owner and mode, whatever it had.
    pub given: Given,
}

/// What is told on the way.
#[derive(Debug, PartialEq, Eq)]
pub enum CopyEvent {
    /// So many bytes more were copied.
    Bytes(u64),
    /// A file, a directory or a link more was.
    Entry,
    /// Something was left out.
    Warning(String),
}

/// Who is told; an error of his ends the copy.
pub type Told<'a> = &'a mut dyn FnMut(CopyEvent) -> io::Result<()>;

/// From where to where, and how.
#[derive(Debug, Clone, Copy)]
pub struct CopyJob<'a> {
    /// The tree copied from.
    pub from: &'a CopyTree,
    /// The tree copied to.
    pub to: &'a CopyTree,
    /// How.
    pub wish: CopyWish,
}

/// Copies files and directories with all that is in them.
///
/// Where `destination` is a directory they get into it under their names, otherwise the
/// only one becomes it. What has the name already is replaced, but for a directory, which
/// gets what it has not.
///
/// The caller acts as one who may own files in the tree copied to.
///
/// # Errors
/// Names the file; what was copied before is there.
///
/// # Kernel
/// openat2(2) with `RESOLVE_IN_ROOT`; `path_resolution`(7).
pub fn copy_files(
    job: CopyJob<'_>,
    sources: &[String],
    destination: &str,
    told: Told<'_>,
) -> Result<(), Failure> {
    let CopyJob { from, to, wish } = job;
    let target = Target::find(to, destination, sources.len())?;
    let mut walk = Walk::new(from, to, wish, told);
    for source in sources {
        let shown = from.shown(source);
        let flags = OFlags::PATH | follow(source);
        let file = from
            .open(source, flags)
            .context(|| format!("open {shown}"))?;
        let name = last_name(source);
        let spot = match (&target, &name) {
            (Target::Directory(directory), Some(name)) => Spot {
                above: directory.as_fd(),
                name,
            },
            (Target::Directory(directory), None) => {
                walk.contents(&file, directory.as_fd(), &shown)?;
                continue;
            }
            (Target::Name(above, name), _) => Spot {
                above: above.as_fd(),
                name,
            },
        };
        walk.entry(&file, spot, &shown)?;
    }
    Ok(())
}

/// Makes a file of what `input` has.
///
/// # Errors
/// Names the file; then nothing is there that was not.
pub fn copy_input(
    input: &OwnedFd,
    to: &CopyTree,
    destination: &str,
    wish: CopyWish,
    told: Told<'_>,
) -> Result<(), Failure> {
    let from = CopyTree::of_host();
    let shown = to.shown(destination);
    match Target::find(to, destination, 1)? {
        Target::Directory(_) => Err(Failure::new(format!("write {shown}"), Errno::ISDIR)),
        Target::Name(above, name) => Walk::new(&from, to, wish, told).stream(
            input,
            Spot {
                above: above.as_fd(),
                name: &name,
            },
            &shown,
        ),
    }
}

/// Writes what a file has to `output`.
///
/// # Errors
/// Names the file; EINVAL for what is no regular file.
pub fn copy_output(
    from: &CopyTree,
    source: &str,
    output: &OwnedFd,
    told: Told<'_>,
) -> Result<(), Failure> {
    let shown = from.shown(source);
    let mut write = || -> io::Result<()> {
        let file = from.open(source, OFlags::PATH)?;
        from.ids.must_allow(&fstat(&file)?, rights::READ)?;
        let (file, size) = data::open_regular(&file)?;
        data::pour(&file, size, output, told)
    };
    write().context(|| format!("read {shown}"))
}

/// Where copies go.
enum Target {
    /// Into this directory, under their names.
    Directory(OwnedFd),
    /// To this name in a directory.
    Name(OwnedFd, CString),
}

impl Target {
    fn find(to: &CopyTree, destination: &str, sources: usize) -> Result<Self, Failure> {
        let shown = to.shown(destination);
        let find = || -> io::Result<Self> {
            match to.open(destination, OFlags::PATH) {
                Ok(found) if is_directory(&found)? => {
                    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                    let found = to.open(destination, flags)?;
                    to.ids.must_allow(&fstat(&found)?, WRITE | SEARCH)?;
                    return Ok(Self::Directory(found));
                }
                Ok(_) if sources > 1 => return Err(Errno::NOTDIR.into()),
                Err(missing) if missing.kind() != io::ErrorKind::NotFound => return Err(missing),
                Err(missing) if sources > 1 => return Err(missing),
                Ok(_) | Err(_) => {}
            }
            let Some(name) = last_name(destination).filter(|_| !destination.ends_with('/')) else {
                return Err(Errno::NOTDIR.into());
            };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let above = to.open(above(destination), flags)?;
            to.ids.must_allow(&fstat(&above)?, WRITE | SEARCH)?;
            Ok(Self::Name(above, name))
        };
        find().context(|| format!("copy to {shown}"))
    }
}

/// The path of the directory that a path is in.
fn above(path: &str) -> &str {
    match Path::new(path).parent().and_then(Path::to_str) {
        Some("") => ".",
        Some(above) => above,
        None => "/",
    }
}

/// A slash at the end asks for what a link leads to.
fn follow(path: &str) -> OFlags {
    if path.ends_with('/') {
        OFlags::empty()
    } else {
        OFlags::NOFOLLOW
    }
}

/// The last name of a path; none where that is the directory itself, as in `etc/.`.
fn last_name(path: &str) -> Option<CString> {
    if path.ends_with("/.") || path == "." {
        return None;
    }
    let Some(Component::Normal(name)) = Path::new(path).components().next_back() else {
        return None;
    };
    c_string(name)
}

fn c_string(name: &OsStr) -> Option<CString> {
    CString::new(name.as_bytes()).ok()
}

fn is_directory(file: &OwnedFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(fstat(file)?.st_mode) == FileType::Directory)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make files as people do")]
mod tests;
