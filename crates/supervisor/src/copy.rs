//! Copying files between the host and VEs, be they running or stopped.
//!
//! A VE that runs is not locked meanwhile. One that is stopped is, since its files
//! would otherwise be in use twice.

use std::ops::ControlFlow;
use std::os::fd::AsFd;

use veld_durable::Lock;
use veld_launch::{Copied, Copying, Guest, GuestRoot, Side};
use veld_rootfs::CopyWish;
use veld_state::{Observed, Running};

use crate::error::{Error, ErrorKind, Source};
use crate::files::Files;
use crate::outcome::Done;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;

/// What is to be copied, and where the two ends are.
#[derive(Debug)]
pub struct Copy<'a, 'h> {
    /// The VE copied from; none is the host.
    pub from: Option<&'a Ve<'h>>,
    /// The VE copied to; none is the host.
    pub to: Option<&'a Ve<'h>>,
    /// What.
    pub what: Copied<'a>,
    /// How.
    pub wish: CopyWish,
}

/// Copies, telling how far it is; whoever is told may end it.
///
/// # Errors
/// [`ErrorKind::NotFound`] of a VE; [`ErrorKind::Failed`] with the file.
pub fn copy(
    copy: &Copy<'_, '_>,
    told: &mut dyn FnMut(&mut veld_launch::Progress) -> ControlFlow<()>,
) -> Result<Done, Error> {
    let is_same = match (copy.from, copy.to) {
        (Some(from), Some(to)) => from.name == to.name,
        (None, _) | (_, None) => false,
    };
    let Some(subject) = copy.to.or(copy.from) else {
        let fact = "neither is in a VE";
        return Err(Error::fact(ErrorKind::Refused, "cp", fact));
    };
    // Always in the same order, so that two that copy to and fro do not wait for each other.
    let mut ends: Vec<&Ve<'_>> = copy.from.into_iter().collect();
    ends.extend(copy.to.filter(|_| !is_same));
    ends.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    let ends = ends.into_iter().map(End::of);
    let ends = ends.collect::<Result<Vec<_>, _>>()?;
    let side = |ve: Option<&Ve<'_>>| match ve {
        None => Side::Host,
        Some(ve) => {
            let end = ends.iter().find(|end| end.ve.name == ve.name);
            end.map_or(Side::Host, End::side)
        }
    };
    let copying = Copying {
        from: side(copy.from),
        to: if is_same { Side::Same } else { side(copy.to) },
        what: copy.what,
        wish: copy.wish,
    };
    subject.step("copy files");
    veld_launch::copy(&copying, told).map_err(|error| {
        let source = Source::from(error);
        Error::action(&subject.name, "cp", source)
    })?;
    Ok(Done::default())
}

/// A VE at one end.
struct End<'a, 'h> {
    ve: &'a Ve<'h>,
    first: u32,
    root: Root,
}

enum Root {
    Running(Box<Running>),
    Stopped { files: Files, _lock: Lock },
}

impl<'a, 'h> End<'a, 'h> {
    fn of(ve: &'a Ve<'h>) -> Result<Self, Error> {
        let failed = |source: Source| Error::action(&ve.name, "cp", source);
        ve.must_be_there()?;
        let first = ve.ids().map_err(failed)?.first();
        if let Observed::Running(running) = ve.observe() {
            let root = Root::Running(Box::new(running));
            return Ok(Self { ve, first, root });
        }
        let lock = ve.must_exist(ve.lock("cp")?)?;
        let root = match ve.observe() {
            Observed::Running(running) => Root::Running(Box::new(running)),
            Observed::Stopped(_) => {
                sweep(ve, Left::Refuse)?;
                ve.settle().map_err(failed)?;
                Root::Stopped {
                    files: Files::of(ve).map_err(failed)?,
                    _lock: lock,
                }
            }
        };
        Ok(Self { ve, first, root })
    }

    fn side(&self) -> Side<'_> {
        let root = match &self.root {
            Root::Running(running) => GuestRoot::Running {
                init: running.init.as_fd(),
                pid: running.record.init.pid,
            },
            Root::Stopped { files, .. } => GuestRoot::Stopped(files.layers()),
        };
        Side::Guest(Guest {
            name: self.ve.name.as_str(),
            first: self.first,
            root,
        })
    }
}
