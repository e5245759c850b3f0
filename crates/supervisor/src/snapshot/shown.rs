//! The files of a snapshot at a path of the host's, read-only.
//!
//! It is in the run directory of the VE, which only root of the host enters, and goes
//! with the snapshot and with the VE.

use std::os::fd::AsFd;
use std::path::PathBuf;

use veld_config::SnapshotName;
use veld_durable::Life;
use veld_rootfs::Access;

use super::sid_of;
use crate::error::{Error, ErrorKind, Source};
use crate::files::Files;
use crate::outcome::Done;
use crate::ve::Ve;

/// Makes the files of a snapshot to be seen, and says where. One that is to be seen
/// already stays as it is.
///
/// # Errors
/// [`ErrorKind::NotFound`] for the VE or the snapshot; [`ErrorKind::Failed`].
pub fn mount_snapshot(ve: &Ve<'_>, name: &SnapshotName) -> Result<PathBuf, Error> {
    let _lock = ve.must_exist(ve.lock("snapshot")?)?;
    let failed = |source: Source| Error::action(&ve.name, "mount a snapshot", source);
    let sid = sid_of(ve, name)?;
    let place = place(ve, &sid);
    if veld_rootfs::is_shown(&place).map_err(|failure| failed(failure.into()))? {
        return Ok(place);
    }
    if let Err(source) = make(ve, &sid) {
        // The first failure is the one to tell.
        let _ = hide(ve, &sid);
        return Err(failed(source));
    }
    Ok(place)
}

fn make(ve: &Ve<'_>, sid: &str) -> Result<(), Source> {
    let view = Files::of_part(ve, &ve.area.snapshot_part(sid))?.view(Access::Read)?;
    let place = place(ve, sid);
    ve.step("mount snapshot");
    veld_durable::ensure_dir(&place, Life::Volatile)?;
    Ok(veld_rootfs::show(view.as_fd(), &place)?)
}

/// Takes them away again.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] where they are not to be seen;
/// [`ErrorKind::Failed`].
pub fn unmount_snapshot(ve: &Ve<'_>, name: &SnapshotName) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("snapshot")?)?;
    let failed = |source: Source| Error::action(&ve.name, "unmount a snapshot", source);
    let sid = sid_of(ve, name)?;
    let shown = veld_rootfs::is_shown(&place(ve, &sid));
    if !shown.map_err(|failure| failed(failure.into()))? {
        let fact = format!("snapshot {name} is not mounted");
        return Err(Error::fact(ErrorKind::Refused, &ve.name, fact));
    }
    hide(ve, &sid).map_err(failed)?;
    Ok(Done::new(format!("unmounted snapshot {name}")))
}

fn place(ve: &Ve<'_>, sid: &str) -> PathBuf {
    ve.run.shown(sid)
}

/// Takes the files of a snapshot away, if they are to be seen.
pub(super) fn hide(ve: &Ve<'_>, sid: &str) -> Result<(), Source> {
    veld_rootfs::hide(&place(ve, sid))?;
    Ok(ve.run.strike_shown(sid)?)
}

/// Takes away those of all snapshots of a VE.
pub(crate) fn hide_all(ve: &Ve<'_>) -> Result<(), Source> {
    for sid in ve.run.all_shown() {
        hide(ve, &sid)?;
    }
    Ok(())
}
