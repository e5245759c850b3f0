//! Names of VEs: told by a server that the host has, to VEs that ask it.

use veld_config::{Dns, HostConfig, Mode, VeConfig};
use veld_network::Names;

use super::NetPlan;
use crate::error::Source;
use crate::ve::Ve;

/// A name that no VE can have.
const DIRECTORY: &str = ".names";

pub(crate) fn of_host(host: &HostConfig) -> Names {
    let directory = host.paths.run.join(DIRECTORY);
    Names::new(directory)
}

/// Whether a VE of this config asks for names of VEs, and has a way to.
pub(crate) fn asks(config: &VeConfig, host: &HostConfig) -> bool {
    let own = &config.network.dns;
    let dns = if own.is_empty() {
        &host.network.dns
    } else {
        own
    };
    dns.contains(&Dns::Veld) && has_way(config)
}

/// Whether its host can be reached, whom it asks.
fn has_way(config: &VeConfig) -> bool {
    let mut interfaces = config.network.interfaces();
    interfaces.any(|(_, interface)| interface.mode == Mode::Routed)
}

/// Refuses to serve names without the server, and to a VE that wants it without a way.
///
/// # Errors
/// [`Source::Refused`].
pub(crate) fn check(config: &VeConfig, host: &HostConfig) -> Result<(), Source> {
    let fact = if config.network.dns.contains(&Dns::Veld) && !has_way(config) {
        "dns=veld needs a routed interface, by which the host is reached"
    } else if asks(config, host) && !Names::can_be_served() {
        "dns=veld needs dnsmasq, which this host does not have"
    } else {
        return Ok(());
    };
    Err(Source::Refused(fact.to_owned()))
}

/// Has names served to a VE that asks for them. The process that becomes the server
/// leaves the group of whoever starts the VE, and outlives both.
pub(crate) fn serve(ve: &Ve<'_>, config: &VeConfig) -> Result<(), Source> {
    let host = ve.host.config();
    if !asks(config, host) {
        return Ok(());
    }
    check(config, host)?;
    ve.step("serve names");
    let leave = || {
        // Where it fails the server is where its caller is, and as good.
        let _ = ve.group().and_then(|group| group.leave());
    };
    Ok(of_host(host).serve(ve.name.as_str(), leave)?)
}

/// Tells who asks which addresses a VE has.
pub(super) fn tell(ve: &Ve<'_>, plan: &NetPlan) -> Result<(), Source> {
    Ok(of_host(ve.host.config()).put(ve.name.as_str(), &plan.addresses())?)
}

/// Tells nobody of a VE any more, which asks for nothing any more.
pub(crate) fn withdraw(ve: &Ve<'_>) -> Result<(), Source> {
    Ok(of_host(ve.host.config()).withdraw(ve.name.as_str())?)
}
