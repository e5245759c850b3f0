//! Making a VE: a directory, a number, a config. Nothing of the template is copied.

use std::net::IpAddr;

use veld_config::{
    DeviceAccess, Dns, Hostname, Init, Mode, Resources, RestartPolicy, TemplateName, Uuid,
    VeConfig, VeId, VeName,
};

use crate::error::{Error, ErrorKind, Source, chain};
use crate::host::Host;
use crate::outcome::Done;
use crate::plan;
use crate::ve::Ve;

/// What an administrator wants of a new VE.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Its template.
    pub template: TemplateName,
    /// Its host name; its own name where not given.
    pub hostname: Option<Hostname>,
    /// What it may use.
    pub resources: Resources,
    /// How it is connected.
    pub mode: Mode,
    /// Its addresses; one of each pool where none is given.
    pub ip: Vec<IpAddr>,
    /// Its name servers; the host's choice where none is given.
    pub dns: Vec<Dns>,
    /// Whether it starts with the host.
    pub onboot: bool,
    /// Its place among those that do.
    pub bootorder: i32,
    /// After which ends it is started again.
    pub restart: RestartPolicy,
    /// How its services are brought up.
    pub init: Init,
    /// Whether its getty units and lines run too.
    pub getty: bool,
    /// Devices that it may use besides the usual ones.
    pub devices: Vec<DeviceAccess>,
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
    host.templates().get(wish.template.as_str())?;
    sweep(ve)?;
    ve.step("make area");
    let making = ve.area.make()?;
    ve.step("take id");
    let id = host.ids().take(ve.name.as_str(), |id| making.set_id(id))?;
    let id = VeId::new(id).ok_or_else(|| Source::Reported(format!("{id} is not an id of a VE")))?;
    let config = config(ve, wish, id)?;
    host.cgroups()?.check(&plan::limits(&config))?;
    ve.step("write config");
    making.finish(&config.to_toml())?;
    let mut what = format!("created, id {id}");
    for (number, address) in config.network.ip.iter().enumerate() {
        what.push_str(if number == 0 { ", " } else { " " });
        what.push_str(&address.to_string());
    }
    Ok(what)
}

fn config(ve: &Ve<'_>, wish: &Wish, id: VeId) -> Result<VeConfig, Source> {
    let mut config = VeConfig::new(Uuid::random()?, wish.template.clone(), &ve.name);
    if let Some(hostname) = &wish.hostname {
        config.hostname = hostname.clone();
    }
    config.resources = wish.resources.clone();
    config.onboot = wish.onboot;
    config.bootorder = wish.bootorder;
    config.restart = wish.restart;
    config.init = wish.init.clone();
    config.getty = wish.getty;
    for device in &wish.devices {
        if !config.devices.contains(device) {
            config.devices.push(device.clone());
        }
    }
    config.network.mode = wish.mode;
    config.network.dns.clone_from(&wish.dns);
    config.network.ip.clone_from(&wish.ip);
    if wish.ip.is_empty() && wish.mode == Mode::Routed {
        let pools = &ve.host.config().network;
        config.network.ip = vec![
            veld_network::address_for(pools.pool4, id.get())?.into(),
            veld_network::address6_for(pools.pool6, id.get())?.into(),
        ];
    }
    Ok(config)
}

/// Takes away what a creation or removal that did not end has left.
fn sweep(ve: &Ve<'_>) -> Result<(), Source> {
    for id in ve.area.unswept_ids() {
        ve.host.ids().release(id, ve.name.as_str())?;
    }
    Ok(ve.area.sweep()?)
}
