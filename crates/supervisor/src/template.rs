//! Templates as VEs use them.

use std::path::PathBuf;

use veld_config::TemplateName;
use veld_protocol::kind::Kind;
use veld_storage::Base;

use crate::error::Source;
use crate::host::Host;

/// The tree of a template that something stands on.
pub(crate) fn root(host: &Host, base: &Base) -> Result<PathBuf, Source> {
    Ok(host.templates().get(&base.name)?.root().to_owned())
}

/// Names of the VEs that are made of a template; a VE whose config cannot be
/// read is not counted.
#[must_use]
pub fn users_of(host: &Host, name: &TemplateName) -> Vec<String> {
    let ves = host.ves().unwrap_or_default();
    ves.iter()
        .filter(|ve| ve.config().is_ok_and(|config| config.template == *name))
        .map(|ve| ve.name.to_string())
        .collect()
}

/// Removes a template that no VE is made of.
///
/// # Errors
/// Those of the template store; a template in use names its VEs.
pub fn remove_template(host: &Host, name: &TemplateName) -> Result<(), veld_templates::Error> {
    host.templates()
        .remove(name.as_str(), || users_of(host, name))
}

/// The kind of init that was found in a template, where that is known.
pub(crate) fn init(host: &Host, name: &TemplateName) -> Option<Kind> {
    Some(host.templates().get(name.as_str()).ok()?.manifest().init)
}
