//! A running VE that stands still while its files are copied.
//!
//! Its processes are frozen as by a pause, and a file system of its own is frozen
//! too, which writes all of it to its file. Another process waits for the end of this
//! one meanwhile: where it is killed, that lets the VE go on. Where that is killed too,
//! the next command with the lock does, by a word in the run directory. One that was
//! paused stays so.

use std::io;
use std::os::fd::OwnedFd;

use veld_cgroups::{Freezing, Group};
use veld_state::{Observed, RunDir, Still as Word};
use veld_storage::{Layout, root_of_mounted};
use veld_sys::guard::Guard;
use veld_sys::{Context, Failure, stillness};

use super::PATIENCE;
use crate::error::{Error, ErrorKind, Source};
use crate::files::Files;
use crate::ve::Ve;

/// A VE that stands still until this is [ended](Self::end) or dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Still<'a> {
    run: &'a RunDir,
    guard: Option<Guard>,
    group: Option<Group>,
    disk: Option<OwnedFd>,
}

impl<'a> Still<'a> {
    /// Has a VE that runs stand still; its lock is held.
    pub(crate) fn hold(ve: &'a Ve<'_>, verb: &'static str) -> Result<Self, Error> {
        let failed = |source: Source| Error::action(&ve.name, verb, source);
        let group = ve.group().map_err(|error| failed(error.into()))?;
        let disk = disk(ve).map_err(failed)?;
        // As one that was paused by somebody who means it.
        let group = (group.freezing() != Freezing::Frozen).then_some(group);
        let word = match &group {
            Some(_) => Word::Processes,
            None => Word::Files,
        };
        ve.run
            .say_still(word)
            .map_err(|error| failed(error.into()))?;
        ve.step("post a guard");
        let guard = Guard::post(|| {
            let_go(&ve.run, group.as_ref(), disk.as_ref());
        });
        let guard = guard
            .context(|| "post a guard")
            .map_err(|failure| failed(failure.into()))?;
        let mut still = Self {
            run: &ve.run,
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
            thaw(disk)?;
            self.disk = None;
        }
        if let Some(group) = &self.group {
            group.unfreeze()?;
            self.group = None;
        }
        self.run.unsay_still()?;
        if let Some(guard) = self.guard.take() {
            // Where it is gone already it has done what there was to do.
            let _ = guard.dismiss();
        }
        Ok(())
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        // Where something fails the guard does it once more, when it is dropped.
        if let Some(guard) = self.guard.take()
            && let_go(self.run, self.group.as_ref(), self.disk.as_ref())
        {
            let _ = guard.dismiss();
        }
    }
}

/// Whether all goes on.
fn let_go(run: &RunDir, group: Option<&Group>, disk: Option<&OwnedFd>) -> bool {
    let thawed = disk.is_none_or(|disk| thaw(disk).is_ok());
    let goes = group.is_none_or(|group| group.unfreeze().is_ok()) && thawed;
    goes && run.unsay_still().is_ok()
}

/// Lets a file system go on; one that does so is fine.
fn thaw(disk: &OwnedFd) -> Result<(), Failure> {
    match stillness::thaw(disk) {
        Err(goes) if goes.kind() == io::ErrorKind::InvalidInput => Ok(()),
        thawed => thawed.context(|| "thaw the file system of the VE"),
    }
}

/// Lets a VE go on that was left standing still; its lock is held.
pub(super) fn settle(ve: &Ve<'_>) -> Result<(), Source> {
    let Some(word) = ve.run.still() else {
        return Ok(());
    };
    ve.step("let it go on");
    if let Some(disk) = disk(ve)? {
        thaw(&disk)?;
    }
    if word == Word::Processes {
        ve.group()?.unfreeze()?;
    }
    Ok(ve.run.unsay_still()?)
}

/// The root of the file system of a VE that is its own, for it to be frozen. Not that of
/// its PID 1, which may be any that the host has let it see.
fn disk(ve: &Ve<'_>) -> Result<Option<OwnedFd>, Source> {
    if ve.area.layout() != Layout::Image {
        return Ok(None);
    }
    let (Observed::Running(_), Files::Image(image)) = (ve.observe(), Files::of(ve)?) else {
        return Ok(None);
    };
    Ok(Some(root_of_mounted(&image)?))
}
