//! Taking a VE away for good.

use veld_state::Observed;

use crate::error::{Error, ErrorKind, Source};
use crate::outcome::Done;
use crate::stop::{Manner, end};
use crate::sweep::{Left, sweep};
use crate::ve::Ve;

/// Destroys a VE with all its files. A running one is refused unless `force`.
///
/// # Errors
/// [`ErrorKind::AlreadyRunning`]; [`ErrorKind::Failed`] for a step, after which
/// the VE is either whole or gone but for what the next command sweeps.
pub fn destroy(ve: &Ve<'_>, force: bool) -> Result<Done, Error> {
    let lock = ve.lock("destroy")?;
    let failed = |source: Source| Error::action(&ve.name, "destroy", source);
    if !ve.area.exists() && ve.area.unswept_ids().is_empty() {
        // Another destroy was faster; the directory was made for the lock.
        let _ = ve.run.remove(lock);
        return Err(Error::fact(ErrorKind::NotFound, &ve.name, "no such VE"));
    }
    if let Observed::Running(running) = ve.observe() {
        if !force {
            let fact = "is running; stop it first or use --force";
            return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
        }
        end(ve, &running, Manner::Kill)?;
    }
    let left = if force { Left::Kill } else { Left::Refuse };
    sweep(ve, left)?;
    remove(ve).map_err(failed)?;
    ve.run
        .remove(lock)
        .map_err(|failure| failed(failure.into()))?;
    Ok(Done::new("destroyed"))
}

/// Files first, number last: a number that is still taken leads the next
/// command to what is left.
fn remove(ve: &Ve<'_>) -> Result<(), Source> {
    let mut ids = ve.area.unswept_ids();
    ids.extend(ve.area.id().ok());
    ve.area.put_aside()?;
    for id in ids {
        ve.host.ids().release(id, ve.name.as_str())?;
    }
    Ok(ve.area.sweep()?)
}
