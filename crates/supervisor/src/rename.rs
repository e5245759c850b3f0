//! Giving a VE another name.
//!
//! ```text
//! note it ──> rename its directory ──> id, addresses, host name follow ──> forget the note
//!    └ killed: undone                       └ killed: finished
//! ```
//!
//! Both by the next command that has the lock of the VE. In between whoever asks for
//! its number or for one of its addresses is told of it by the note.

use veld_config::{Hostname, VeName};
use veld_durable::Lock;
use veld_state::Observed;

use crate::error::{Error, ErrorKind, Source, chain};
use crate::host::Host;
use crate::net::addresses;
use crate::outcome::Done;
use crate::snapshot;
use crate::sweep::{Left, sweep};
use crate::ve::Ve;

/// Renames a VE that does not run. Its host name follows where it was its name.
///
/// # Errors
/// [`ErrorKind::NotFound`], [`ErrorKind::AlreadyRunning`]; [`ErrorKind::Exists`]
/// where there is a VE of the new name; [`ErrorKind::Failed`] for a step: it has its
/// old name then.
pub fn rename(host: &Host, ve: &Ve<'_>, name: VeName) -> Result<Done, Error> {
    let new = host.ve(name);
    if new.name == ve.name {
        return Err(Error::fact(ErrorKind::Exists, &ve.name, "has that name"));
    }
    let (lock, new_lock) = both(ve, &new)?;
    let lock = match ve.must_exist(lock) {
        Ok(lock) => lock,
        Err(error) => return Err(let_go(&new, new_lock, error)),
    };
    let renamed = refuse(ve, &new).and_then(|()| {
        let failed = |source: Source| Error::action(&ve.name, "rename", source);
        sweep(ve, Left::Refuse)?;
        snapshot::hide_all(ve).map_err(failed)?;
        carry_out(ve, &new).map_err(failed)
    });
    if let Err(error) = renamed {
        return Err(let_go(&new, new_lock, error));
    }
    // It has its new name, whatever becomes of the rest.
    let mut warnings: Vec<String> = follow(&new, ve).err().iter().map(chain_of).collect();
    warnings.extend(ve.run.remove(lock).err().map(|failure| chain(&failure)));
    drop(new_lock);
    Ok(Done::new(format!("is {} now", new.name)).with_warnings(warnings))
}

fn chain_of(source: &Source) -> String {
    chain(source)
}

/// The locks of both, always in the same order: two that rename in a circle must not
/// wait for each other.
fn both(ve: &Ve<'_>, new: &Ve<'_>) -> Result<(Lock, Lock), Error> {
    if ve.name < new.name {
        let lock = ve.lock("rename")?;
        let new_lock = new.lock("rename")?;
        return Ok((lock, new_lock));
    }
    let new_lock = new.lock("rename")?;
    match ve.lock("rename") {
        Ok(lock) => Ok((lock, new_lock)),
        Err(error) => Err(let_go(new, new_lock, error)),
    }
}

/// Gives the lock of the new name back: of a VE that is not there nothing stays.
fn let_go(new: &Ve<'_>, lock: Lock, error: Error) -> Error {
    if new.area.exists() {
        return error;
    }
    let left = new.run.remove(lock).err().map(|failure| chain(&failure));
    error.and_also(left)
}

fn refuse(ve: &Ve<'_>, new: &Ve<'_>) -> Result<(), Error> {
    if new.area.exists() {
        return Err(Error::fact(ErrorKind::Exists, &new.name, "exists already"));
    }
    if let Observed::Running(_) = ve.observe() {
        let fact = "is running; stop it first";
        return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
    }
    Ok(())
}

fn carry_out(ve: &Ve<'_>, new: &Ve<'_>) -> Result<(), Source> {
    crate::create::sweep(new)?;
    ve.step("note new name");
    let renamed = ve.area.note_renaming(new.name.as_str()).and_then(|()| {
        ve.step("rename directory");
        ve.area.take_name_of(&new.area)
    });
    if let Err(failure) = renamed {
        if ve.area.exists() {
            // The first failure is the one to report; the next command tries again.
            let _ = ve.area.forget_renaming(ve.name.as_str());
        }
        return Err(failure.into());
    }
    Ok(())
}

/// Has all that goes by the name go by the new one.
fn follow(ve: &Ve<'_>, former: &Ve<'_>) -> Result<(), Source> {
    let old = &former.name;
    // Unless there is another of that name by now, who has been here before.
    if !former.area.exists() {
        ve.step("hand over what is kept for people");
        former.run.hand_over(&ve.run);
    }
    ve.step("pass on id and addresses");
    ve.host
        .ids()
        .pass(ve.area.id()?, old.as_str(), ve.name.as_str())?;
    if let Ok(mut config) = ve.config() {
        addresses::pass(ve, &addresses::addresses_of(&config), old)?;
        if config.hostname == Hostname::of(old) {
            config.hostname = Hostname::of(&ve.name);
            config.save(&ve.area.config())?;
        }
    }
    Ok(ve.area.forget_renaming(old.as_str())?)
}

/// Finishes or undoes the renaming of a VE that was killed; the lock is held.
pub(crate) fn settle(ve: &Ve<'_>) -> Result<(), Source> {
    let Some(old) = ve.area.renamed_from() else {
        return Ok(());
    };
    match old.parse::<VeName>() {
        Ok(old) if old != ve.name => follow(ve, &ve.host.ve(old)),
        _ => Ok(ve.area.forget_renaming(&old)?),
    }
}

/// Finishes the renaming of a VE that had the name of `ve`, whose lock is held and
/// which is not there: so nobody is at it any more but one who finishes it too.
pub(crate) fn settle_former(ve: &Ve<'_>) -> Result<(), Source> {
    let dir = ve.host.config().ves_dir();
    let Some(new) = veld_storage::renamed_to(&dir, ve.name.as_str()) else {
        return Ok(());
    };
    match new.parse().map(|new: VeName| ve.host.ve(new)) {
        Ok(new) if new.area.renamed_from().as_deref() == Some(ve.name.as_str()) => follow(&new, ve),
        _ => Ok(ve.area.forget_renaming(ve.name.as_str())?),
    }
}
