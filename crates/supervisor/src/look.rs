//! The root of a VE at a path of the host's, read-only: `veld mount`.
//!
//! It is in the run directory, which only root of the host enters, and it goes with all
//! that ends or begins a run: the layers of a VE are not to be in use twice.

use std::os::fd::AsFd;
use std::path::PathBuf;

use veld_durable::Life;
use veld_rootfs::Access;
use veld_state::Observed;

use crate::error::{Error, ErrorKind, Source};
use crate::files::Files;
use crate::outcome::Done;
use crate::ve::Ve;

/// Makes the root of a VE to be seen, and says where. One that is to be seen already
/// stays as it is.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Failed`] for a step.
pub fn mount(ve: &Ve<'_>) -> Result<PathBuf, Error> {
    let _lock = ve.must_exist(ve.lock("mount")?)?;
    let failed = |source: Source| Error::action(&ve.name, "mount", source);
    let place = ve.run.look();
    let mounted = veld_rootfs::is_looked_at(&place).map_err(|failure| failed(failure.into()))?;
    if !mounted && let Err(source) = make(ve) {
        // The first failure is the one to tell.
        let _ = end(ve);
        return Err(failed(source));
    }
    Ok(place)
}

fn make(ve: &Ve<'_>) -> Result<(), Source> {
    let place = ve.run.look();
    let look = match ve.observe() {
        Observed::Running(running) => {
            ve.step("look into the VE");
            veld_launch::look_into(running.init.as_fd(), running.record.init.pid)?
        }
        Observed::Stopped(_) => {
            ve.settle()?;
            ve.step("look at the layers");
            Files::of(ve)?.view(Access::Read)?
        }
    };
    ve.step("mount look");
    veld_durable::ensure_dir(&place, Life::Volatile)?;
    Ok(veld_rootfs::attach_look(look.as_fd(), &place)?)
}

/// Takes it away again.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] where it is not to be seen;
/// [`ErrorKind::Failed`].
pub fn unmount(ve: &Ve<'_>) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("umount")?)?;
    let failed = |source: Source| Error::action(&ve.name, "umount", source);
    let mounted = veld_rootfs::is_looked_at(&ve.run.look());
    if !mounted.map_err(|failure| failed(failure.into()))? {
        return Err(Error::fact(ErrorKind::Refused, &ve.name, "is not mounted"));
    }
    end(ve).map_err(failed)?;
    Ok(Done::new("unmounted"))
}

/// Takes it away, if it is there.
pub(crate) fn end(ve: &Ve<'_>) -> Result<(), Source> {
    veld_rootfs::end_look(&ve.run.look())?;
    Ok(ve.run.strike_look()?)
}
