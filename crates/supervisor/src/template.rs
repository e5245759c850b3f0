//! Templates as VEs use them.

use std::path::PathBuf;

use veld_config::TemplateName;
use veld_protocol::kind::Kind;
use veld_templates::{Garbage, User};

use crate::error::Source;
use crate::host::Host;
use crate::ve::Ve;

/// The tree of a template.
pub(crate) fn root(host: &Host, name: &TemplateName) -> Result<PathBuf, Source> {
    Ok(host.templates().get(name.as_str())?.root().to_owned())
}

/// The VEs that are made of a template, each with the version that it stands on
/// where it has noted one; a VE whose config cannot be read is not counted.
#[must_use]
pub fn users_of(host: &Host, name: &str) -> Vec<User> {
    let ves = host.ves().unwrap_or_default();
    ves.iter()
        .filter(|ve| {
            ve.config()
                .is_ok_and(|config| config.template.as_str() == name)
        })
        .map(|ve| User {
            name: ve.name.to_string(),
            version: version_of(ve),
        })
        .collect()
}

/// The id of the template that a VE was made on: the third word of the file `below`
/// in its private area.
fn version_of(ve: &Ve<'_>) -> Option<String> {
    let text = std::fs::read_to_string(ve.area.private().join("below")).ok()?;
    let mut words = text.split_ascii_whitespace();
    let id = (words.next()? == "template")
        .then(|| words.nth(1))
        .flatten()?;
    (id != "-").then(|| id.to_owned())
}

/// Removes a template that no VE is made of, or one version of it.
///
/// # Errors
/// Those of the template store; a template in use names its VEs.
pub fn remove_template(
    host: &Host,
    name: &TemplateName,
    version: Option<&str>,
) -> Result<(), veld_templates::Error> {
    let name = name.as_str();
    match version {
        None => host.templates().remove(name, || users_of(host, name)),
        Some(id) => {
            let store = host.templates();
            store.remove_version(name, id, || users_of(host, name))
        }
    }
}

/// Takes away versions of templates that no VE stands on, and what commands that
/// were killed have left. Without `remove` it only says what that would be.
///
/// # Errors
/// Those of the template store.
pub fn template_garbage(host: &Host, remove: bool) -> Result<Garbage, veld_templates::Error> {
    let users = |name: &str| users_of(host, name);
    if remove {
        host.templates().collect_garbage(users)
    } else {
        host.templates().garbage(users)
    }
}

/// The kind of init that was found in a template, where that is known.
pub(crate) fn init(host: &Host, name: &TemplateName) -> Option<Kind> {
    Some(host.templates().get(name.as_str()).ok()?.manifest().init)
}
