//! Making a VE: a directory, a number, files in a layout, a config.

use veld_config::{Assignment, TemplateName, Uuid, VeConfig, VeId, VeName};
use veld_storage::{Base, Layout};

use crate::disk;
use crate::error::{Error, ErrorKind, Source, chain};
use crate::host::Host;
use crate::layout;
use crate::mounts;
use crate::net::{NetPlan, addresses, names};
use crate::outcome::Done;
use crate::rename;
use crate::trash;
use crate::tuning;
use crate::ve::Ve;

/// What an administrator wants of a new VE.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Its template.
    pub template: TemplateName,
    /// How its files are kept, where not as the host says.
    pub layout: Option<Layout>,
    /// What is set for it.
    pub settings: Vec<Assignment>,
}

/// Makes the VE `name`.
///
/// # Errors
/// [`ErrorKind::Exists`]; [`ErrorKind::Refused`] for a template that is not
/// there or a limit that cannot be enforced; [`ErrorKind::Failed`] for a step.
/// Nothing is left of a VE that was not made.
pub fn create(host: &Host, name: VeName, wish: &Wish) -> Result<Done, Error> {
    let ve = host.ve(name);
    let lock = ve.lock("create")?;
    trash::empty_in_background(host);
    let result = if ve.area.exists() {
        Err(Error::fact(ErrorKind::Exists, &ve.name, "exists already"))
    } else {
        make(&ve, wish).map_err(|source| {
            let also = sweep(&ve).err().map(|error| chain(&error));
            Error::action(&ve.name, "create", source).and_also(also)
        })
    };
    if matches!(&result, Err(error) if error.kind() == ErrorKind::Exists) {
        return result.map(|_: String| Done::default());
    }
    // A VE that does not run has nothing in the run directory.
    let left = ve.run.remove(lock).err().map(|failure| chain(&failure));
    match result {
        Ok(what) => Ok(Done::new(what).with_warnings(Vec::from_iter(left))),
        Err(error) => Err(error.and_also(left)),
    }
}

/// Makes it and says what it was given.
fn make(ve: &Ve<'_>, wish: &Wish) -> Result<String, Source> {
    let host = ve.host;
    ve.step("lock template");
    let _template = host.templates().lock_shared(wish.template.as_str())?;
    let template = host.templates().get(wish.template.as_str())?;
    let layout = layout::chosen(host, wish.layout)?;
    sweep(ve)?;
    ve.step("make area");
    let making = ve.area.make()?;
    ve.step("take id");
    let id = host.ids().take(ve.name.as_str(), |id| making.set_id(id))?;
    let id = VeId::new(id).ok_or_else(|| Source::Reported(format!("{id} is not an id of a VE")))?;
    making.count_files(host.config().storage.first_project)?;
    let config = config(ve, wish, id)?;
    let _volumes = mounts::check(ve, &config)?;
    host.cgroups()?.check(&tuning::limits(ve, &config)?)?;
    NetPlan::new(&config, host.config(), id).check()?;
    disk::check(host, layout, &config)?;
    ve.step("make files");
    let base = Base {
        name: wish.template.as_str().to_owned(),
        id: template.manifest().id.clone(),
    };
    let like = layout::wish(host, &config);
    making.fill(layout, layout::template(host, &base, template.root(), like))?;
    ve.step("write config");
    making.finish(&config.to_toml())?;
    let mut what = format!("created, id {id}");
    for (number, address) in config.network.first.ip.iter().enumerate() {
        what.push_str(if number == 0 { ", " } else { " " });
        what.push_str(&address.to_string());
    }
    Ok(what)
}

fn config(ve: &Ve<'_>, wish: &Wish, id: VeId) -> Result<VeConfig, Source> {
    let new = VeConfig::new(Uuid::random()?, wish.template.clone(), &ve.name);
    let mut config = new.assign(&wish.settings)?;
    addresses::give_default(&mut config);
    addresses::resolve(ve, id, &mut config)?;
    addresses::must_not_be_the_hosts(ve, id, &config)?;
    names::check(&config, ve.host.config())?;
    Ok(config)
}

/// Takes away what a creation or removal that did not end has left.
pub(crate) fn sweep(ve: &Ve<'_>) -> Result<(), Source> {
    rename::settle_former(ve)?;
    if ve.area.is_unswept() {
        addresses::settle_claims(ve)?;
    }
    for id in ve.area.unswept_ids() {
        ve.host.ids().release(id, ve.name.as_str())?;
    }
    Ok(ve.area.sweep()?)
}
