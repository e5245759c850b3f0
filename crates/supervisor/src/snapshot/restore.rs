//! Going back to a snapshot: files and config by one exchange of names.

use std::net::IpAddr;

use veld_config::{SnapshotName, VeConfig};

use super::{find, is_running, load};
use crate::error::{Error, ErrorKind, Source};
use crate::net::{NetPlan, addresses, names};
use crate::outcome::Done;
use crate::sweep::{Left, sweep};
use crate::trash;
use crate::tuning;
use crate::ve::Ve;

/// Makes a VE that does not run what it was in a snapshot, its config too; its id and
/// its name stay. Addresses that others have by now are left to them.
///
/// # Errors
/// [`ErrorKind::NotFound`] for the VE or the snapshot;
/// [`ErrorKind::AlreadyRunning`]; [`ErrorKind::Failed`] for a step: it is as before
/// then.
pub fn restore(ve: &Ve<'_>, name: &SnapshotName) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("restore")?)?;
    let failed = |source: Source| Error::action(&ve.name, "restore", source);
    let tree = load(ve).map_err(failed)?;
    let snapshot = find(ve, &tree, name)?;
    if is_running(ve)? {
        let fact = "is running; stop it first";
        return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
    }
    sweep(ve, Left::Refuse)?;
    ve.settle().map_err(failed)?;
    let restored = carry_out(ve, &snapshot.sid);
    if restored.is_err() {
        // The first failure is the one to report.
        let _ = ve.settle();
        let _ = addresses::settle_claims(ve);
    }
    trash::empty_in_background(ve.host);
    let warnings = restored.map_err(failed)?;
    // It is what it was, whatever becomes of this.
    let _ = ve.area.set_current_snapshot(Some(&snapshot.sid));
    Ok(Done::new(format!("restored to snapshot {name}")).with_warnings(warnings))
}

fn carry_out(ve: &Ve<'_>, sid: &str) -> Result<Vec<String>, Source> {
    let had = ve.config().ok();
    let file = ve.area.snapshot_config(sid);
    let text = veld_kernfs::read(&file)?;
    let then = VeConfig::parse(&file, &text)?;
    let mut config = then.clone();
    let warnings = give_up_addresses_of_others(ve, &mut config)?;
    names::check(&config, ve.host.config())?;
    ve.host.cgroups()?.check(&tuning::limits(ve, &config)?)?;
    NetPlan::new(&config, ve.host.config(), ve.id()?).check()?;
    let text = config.update(&file, &text)?;
    ve.step("fill next part");
    let next = ve.area.begin()?;
    ve.area.fill_from_snapshot(&next, sid)?;
    ve.step("switch parts");
    ve.area.switch(Some(&text))?;
    let had = had.iter().flat_map(addresses::addresses_of);
    let had: Vec<IpAddr> = had.collect();
    addresses::release(ve, &had, &addresses::addresses_of(&config))?;
    Ok(warnings)
}

/// Claims the addresses of a config, and takes those out that are not to be had.
fn give_up_addresses_of_others(ve: &Ve<'_>, config: &mut VeConfig) -> Result<Vec<String>, Source> {
    let mut warnings = Vec::new();
    for address in addresses::addresses_of(config) {
        match addresses::claim(ve, &[address]) {
            Ok(()) => {}
            Err(Source::Refused(why)) => {
                addresses::take_out(config, address);
                warnings.push(format!("{why}: it is left to that"));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(warnings)
}
