//! Taking a VE away for good.

use std::io;

use veld_state::Observed;

use crate::error::{Error, ErrorKind, Source, chain};
use crate::net::addresses;
use crate::outcome::Done;
use crate::snapshot;
use crate::stop::end;
use crate::sweep::{Left, sweep};
use crate::trash;
use crate::ve::Ve;

/// Destroys a VE with all its files. A running one is refused unless `force`.
///
/// # Errors
/// [`ErrorKind::AlreadyRunning`]; [`ErrorKind::Failed`] for a step, after which
/// the VE is either whole or gone but for what the next command sweeps.
pub fn destroy(ve: &Ve<'_>, force: bool) -> Result<Done, Error> {
    let lock = ve.lock("destroy")?;
    let failed = |source: Source| Error::action(&ve.name, "destroy", source);
    if !ve.area.exists() && !ve.area.is_unswept() {
        // Another destroy was faster, or was killed when all but this was gone.
        let _ = ve.run.remove(lock);
        return Err(Error::fact(ErrorKind::NotFound, &ve.name, "no such VE"));
    }
    ve.settle_notes()?;
    if let Observed::Running(running) = ve.observe() {
        if !force {
            let fact = "is running; stop it first or use --force";
            return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
        }
        end(ve, &running)?;
    }
    let left = if force { Left::Kill } else { Left::Refuse };
    sweep(ve, left)?;
    snapshot::hide_all(ve).map_err(failed)?;
    remove(ve).map_err(failed)?;
    // The VE is gone, whatever becomes of this.
    let left = ve.run.remove(lock).err().map(|failure| chain(&failure));
    Ok(Done::new("destroyed").with_warnings(Vec::from_iter(left)))
}

/// Out of sight first, then the number, then the files. Whatever is in the way of
/// the files, the number is free for another VE; and whatever is in the way of the
/// number, the next command on this name finds it in what is left of the files.
fn remove(ve: &Ve<'_>) -> Result<(), Source> {
    let mut ids = ve.area.unswept_ids();
    // Of what was put aside by one that was killed, or cannot be read, nobody knows
    // which addresses it had.
    let had = ve.config().ok().filter(|_| !ve.area.is_unswept());
    ids.extend(ve.area.id().ok());
    if ve.area.exists() {
        match ve.settle() {
            // Files that say nonsense keep no VE from going.
            Err(Source::System(failure)) if failure.kind() == io::ErrorKind::InvalidData => {}
            settled => settled?,
        }
    }
    ve.step("put area aside");
    ve.area.put_aside()?;
    ve.step("release id");
    for id in ids {
        ve.host.ids().release(id, ve.name.as_str())?;
    }
    match had {
        Some(config) => addresses::release(ve, &addresses::addresses_of(&config), &[])?,
        None => addresses::settle_claims(ve)?,
    }
    ve.step("remove files");
    ve.area.sweep()?;
    trash::empty_in_background(ve.host);
    Ok(())
}
