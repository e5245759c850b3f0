//! A running VE that stands still while its files are copied.
//!
//! Its processes are frozen as by a pause, and a file system of its own is frozen
//! too, which writes all of it to its file. Another process waits for the end of this
//! one meanwhile: where it is killed, that lets the VE go on. One that was paused
//! stays so.

use std::os::fd::OwnedFd;

use veld_cgroups::{Freezing, Group};
use veld_state::Observed;
use veld_storage::Layout;
use veld_sys::guard::Guard;
use veld_sys::{Context, stillness};

use super::PATIENCE;
use crate::error::{Error, ErrorKind, Source};
use crate::ve::Ve;

/// A VE that stands still until this is [ended](Self::end) or dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Still {
    guard: Option<Guard>,
    group: Option<Group>,
    disk: Option<OwnedFd>,
}

impl Still {
    /// Has a VE that runs stand still; its lock is held.
    pub(crate) fn hold(ve: &Ve<'_>, verb: &'static str) -> Result<Self, Error> {
        let failed = |source: Source| Error::action(&ve.name, verb, source);
        let group = ve.group().map_err(|error| failed(error.into()))?;
        let disk = disk(ve).map_err(failed)?;
        // As one that was paused by somebody who means it.
        let group = (group.freezing() != Freezing::Frozen).then_some(group);
        ve.step("post a guard");
        let guard = Guard::post(|| {
            let_go(group.as_ref(), disk.as_ref());
        });
        let guard = guard
            .context(|| "post a guard")
            .map_err(|failure| failed(failure.into()))?;
        let mut still = Self {
            guard: Some(guard),
            group,
            disk: None,
        };
        if let Some(group) = &still.group {
            ve.step("freeze");
            match group
                .freeze(PATIENCE)
                .map_err(|error| failed(error.into()))?
            {
                Freezing::Frozen => {}
                Freezing::OnTheWay | Freezing::No => {
                    let seconds = PATIENCE.as_secs();
                    let fact = format!("cannot {verb}: not all processes froze within {seconds} s");
                    return Err(Error::fact(ErrorKind::TimedOut, &ve.name, fact));
                }
            }
        }
        if let Some(disk) = disk {
            ve.step("freeze file system");
            let frozen = stillness::freeze(&disk).context(|| "freeze the file system of the VE");
            frozen.map_err(|failure| failed(failure.into()))?;
            still.disk = Some(disk);
        }
        Ok(still)
    }

    /// Lets it go on.
    pub(crate) fn end(mut self) -> Result<(), Source> {
        // What fails is tried once more when this is dropped, and then by the guard.
        if let Some(disk) = &self.disk {
            stillness::thaw(disk).context(|| "thaw the file system of the VE")?;
            self.disk = None;
        }
        if let Some(group) = &self.group {
            group.unfreeze()?;
            self.group = None;
        }
        if let Some(guard) = self.guard.take() {
            // Where it is gone already it has done what there was to do.
            let _ = guard.dismiss();
        }
        Ok(())
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        // Where something fails the guard does it once more, when it is dropped.
        if let Some(guard) = self.guard.take()
            && let_go(self.group.as_ref(), self.disk.as_ref())
        {
            let _ = guard.dismiss();
        }
    }
}

fn let_go(group: Option<&Group>, disk: Option<&OwnedFd>) -> bool {
    let thawed = disk.is_none_or(|disk| stillness::thaw(disk).is_ok());
    group.is_none_or(|group| group.unfreeze().is_ok()) && thawed
}

/// The root of a VE whose file system is its own, for it to be frozen.
fn disk(ve: &Ve<'_>) -> Result<Option<OwnedFd>, Source> {
    if ve.area.layout() != Layout::Image {
        return Ok(None);
    }
    let Observed::Running(running) = ve.observe() else {
        return Ok(None);
    };
    let pid = running.record.init.pid;
    let root = std::fs::File::open(format!("/proc/{pid}/root"));
    let root = root.context(|| format!("open the root of pid {pid}"))?;
    Ok(Some(root.into()))
}
