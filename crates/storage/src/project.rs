//! The project of ext4 and xfs that the files of a VE are counted by.
//!
//! ```text
//!  private/  has the project  ── passed on ──  upper/ work/ root/ and all in them
//!  layers/L  keeps it: a frozen layer counts for the VE that it is of
//!  next part has that of the part whose place it takes
//!  volumes/V has one of those above all that are VEs'
//! ```
//!
//! Projects are numbers that somebody has to tell apart, and nothing else of a VE is
//! to be found by them: which one a part has is asked of its directory. A new VE gets
//! the first that has no file of those that are its number's, so that it does not pay
//! for what a VE of this number before it has left in a layer or in the trash.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use veld_sys::quota::{self, Kind, Quota};
use veld_sys::{Context, Failure};

use crate::area::Area;
use crate::dir::{existing, open};
use crate::kind;
use crate::layout::{Layout, Refusal, Usage, Wish};

/// From one project of a VE's number to the next.
const STRIDE: u32 = 65_536;
/// How many projects are a number's.
const CHOICES: u32 = 128;

/// By what parts are held to limits, where the file system of the directory does it.
///
/// # Errors
/// What would.
pub(crate) fn holds(dir: &Path) -> Result<&'static str, Refusal> {
    if File::open(existing(dir)).is_ok_and(|dir| quota::is_enforced(dir.as_fd(), Kind::Project)) {
        return Ok("project quota");
    }
    let found = kind::of(dir);
    let here = match found.as_str() {
        "ext4" => ", made with `-O project,quota` and",
        "xfs" => ",",
        _ => " would on ext4 or xfs,",
    };
    Err(Refusal(format!(
        "its files are among all others of the host's; the layouts image and btrfs can, and this \
         one{here} mounted with prjquota"
    )))
}

/// The project that the files of a part are counted by.
pub(crate) fn of(part: &Path) -> Option<u32> {
    let part = File::open(part).ok()?;
    let found = quota::project(part.as_fd()).ok()?;
    (found.inherits && found.id != 0).then_some(found.id)
}

/// Has all that is made in an empty part be counted by the project of another, where
/// that has one.
pub(crate) fn inherit(from: &Path, part: &Path) -> Result<(), Failure> {
    match of(from) {
        Some(project) => give(part, project),
        None => Ok(()),
    }
}

/// Has all that is made in an empty part be counted by a project that no file has, where
/// its file system counts any.
///
/// # Errors
/// Names the part.
pub(crate) fn begin(part: &Path, first: u32, number: u32) -> Result<(), Failure> {
    let of_number = first + number % STRIDE;
    let mut choices = (0..CHOICES).map(|choice| of_number + choice * STRIDE);
    take_free(part, &mut choices)
}

/// The same of a volume, which has no number: its project is above all that are VEs'. No
/// other volume is made meanwhile.
///
/// # Errors
/// Names the volume.
pub(crate) fn begin_volume(part: &Path, first: u32) -> Result<(), Failure> {
    let above = first + CHOICES * STRIDE;
    take_free(part, &mut (above..above + STRIDE))
}

fn take_free(part: &Path, projects: &mut dyn Iterator<Item = u32>) -> Result<(), Failure> {
    let directory = open(part)?;
    if !quota::is_enforced(directory.as_fd(), Kind::Project) {
        return Ok(());
    }
    let failed = || format!("count the files of {}", part.display());
    for project in projects {
        let found = quota::get(directory.as_fd(), Kind::Project, project).context(failed)?;
        if found.inodes == 0 {
            // Of one that is gone.
            if found.most_bytes != 0 || found.most_inodes != 0 {
                lift(part, project)?;
            }
            return give(part, project);
        }
    }
    Err(io::Error::other("all projects for it are in use")).context(failed)
}

/// Holds a part to what is wished.
///
/// # Errors
/// Names the part; `Unsupported` where its files are not counted.
pub(crate) fn limit(part: &Path, wish: &Wish) -> Result<(), Failure> {
    let Some(id) = of(part) else {
        if wish.disk.is_none() && wish.inodes.is_none() {
            return Ok(());
        }
        return Err(io::Error::from(io::ErrorKind::Unsupported))
            .context(|| format!("limit {}", part.display()));
    };
    let limits = Quota {
        id,
        most_bytes: wish.disk.unwrap_or_default(),
        most_inodes: wish.inodes.unwrap_or_default(),
        ..Quota::default()
    };
    set(part, limits)
}

/// Takes the limits from whatever has the project of a part.
///
/// # Errors
/// Names the part.
pub(crate) fn release(part: &Path) -> Result<(), Failure> {
    of(part).map_or(Ok(()), |project| lift(part, project))
}

/// What is counted of a part; nothing where nobody counts.
///
/// # Errors
/// Names the part.
pub(crate) fn usage(part: &Path) -> Result<Usage, Failure> {
    let Some(project) = of(part) else {
        return Ok(Usage::default());
    };
    let directory = open(part)?;
    let directory = directory.as_fd();
    if !quota::is_enforced(directory, Kind::Project) {
        // Mounted without since.
        return Ok(Usage::default());
    }
    let found = quota::get(directory, Kind::Project, project)
        .context(|| format!("read the use of {}", part.display()))?;
    let limit = |limit: u64| (limit != 0).then_some(limit);
    Ok(Usage {
        disk: Some(found.bytes),
        disk_limit: limit(found.most_bytes),
        inodes: Some(found.inodes),
        inode_limit: limit(found.most_inodes),
    })
}

impl Area {
    /// As [`begin`](Self::begin); counted by a project of its own where the VE's part
    /// is by none. `first` is the first project of all VEs.
    ///
    /// # Errors
    /// Names the path.
    pub fn begin_counted(&self, first: u32) -> Result<PathBuf, Failure> {
        let next = self.begin()?;
        if of(&next).is_none() {
            begin(&next, first, self.id()?)?;
        }
        Ok(next)
    }

    /// Whether the files of the VE are counted by a project, or are in an image.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        let private = self.private();
        of(&private).is_some() || Layout::of(&private) == Layout::Image
    }

    /// Has the files of a VE counted that were made before anybody counted: they are
    /// copied, since a file that cannot be opened cannot be given a project. `first` is
    /// the first project of all VEs. The VE is settled and does not run.
    ///
    /// # Errors
    /// Names the path.
    pub fn count_files(&self, first: u32) -> Result<(), Failure> {
        if self.is_counted() {
            return Ok(());
        }
        let next = self.begin_counted(first)?;
        if of(&next).is_none() {
            return self.settle();
        }
        let private = self.private();
        Layout::of(&private).copy(&private, &next)?;
        self.switch(None)
    }
}

fn lift(part: &Path, id: u32) -> Result<(), Failure> {
    let none = Quota {
        id,
        ..Quota::default()
    };
    match set(part, none) {
        // Nobody counts any more.
        Err(_) if holds(part).is_err() => Ok(()),
        done => done,
    }
}

fn set(part: &Path, limits: Quota) -> Result<(), Failure> {
    let directory = open(part)?;
    quota::set(directory.as_fd(), Kind::Project, limits)
        .context(|| format!("limit {}", part.display()))
}

fn give(part: &Path, project: u32) -> Result<(), Failure> {
    let directory = open(part)?;
    quota::set_project(directory.as_fd(), project)
        .context(|| format!("count the files of {} by project {project}", part.display()))
}
