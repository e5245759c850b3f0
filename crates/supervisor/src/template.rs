//! Templates as VEs use them.

use std::path::{Path, PathBuf};

use veld_config::TemplateName;
use veld_protocol::kind::Kind;

use veld_storage::{Base, Below, Layout, forget, kept_of_none};
use veld_sys::Failure;
use veld_templates::{Garbage, User};

use crate::error::Source;
use crate::host::Host;
use crate::ve::Ve;

/// The tree of a template that something stands on.
pub(crate) fn root(host: &Host, base: &Base) -> Result<PathBuf, Source> {
    let store = host.templates();
    let template = match &base.id {
        Some(id) => store.get_version(&base.name, id)?,
        None => store.get(&base.name)?,
    };
    Ok(template.root().to_owned())
}

/// All that stands on a template, each with the version that it stands on where it has
/// noted one: VEs, their snapshots, and layers that several stand on.
///
/// # Errors
/// Where it cannot be read what something stands on: nobody is to be overlooked.
pub fn users_of(host: &Host, name: &str) -> Result<Vec<User>, Failure> {
    let directory = host.config().ves_dir();
    loop {
        let names = veld_storage::names(&directory)?;
        let users = users_among(host, &names, name)?;
        // One that was renamed meanwhile may have been missed under both names.
        if veld_storage::names(&directory)? == names {
            return Ok(users);
        }
    }
}

fn users_among(host: &Host, names: &[String], name: &str) -> Result<Vec<User>, Failure> {
    let mut users: Vec<User> = Vec::new();
    let mut add = |what: String, part: &Path| -> Result<(), Failure> {
        if let Some(base) = stands_on(part)?.filter(|base| base.name == name) {
            let version = base.id;
            let user = User {
                name: what,
                version,
            };
            if !users.contains(&user) {
                users.push(user);
            }
        }
        Ok(())
    };
    let names = names.iter().filter_map(|name| name.parse().ok());
    let ves: Vec<Ve<'_>> = names.map(|name| host.ve(name)).collect();
    for ve in &ves {
        // In this order: a snapshot makes the present part the last one, and then a layer.
        add(ve.name.to_string(), &ve.area.private())?;
        add(ve.name.to_string(), &ve.area.next())?;
        for id in ve.area.snapshot_ids()? {
            let what = format!("a snapshot of {}", ve.name);
            add(what, &ve.area.snapshot_part(&id))?;
        }
    }
    let layers = host.layers();
    for layer in layers.all()? {
        let what = format!("layer {}", layer.as_str());
        add(what, &layers.of(&layer))?;
    }
    for ve in &ves {
        if stands_on_what_its_config_says(ve, name)? {
            let version = None;
            let name = ve.name.to_string();
            users.push(User { name, version });
        }
    }
    users.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(users)
}

/// The template that an overlay's part stands on, with no layer between.
fn stands_on(part: &Path) -> Result<Option<Base>, Failure> {
    if Layout::of(part) != Layout::Overlay {
        return Ok(None);
    }
    Ok(match Below::read(part)? {
        Some(Below::Template(base)) => Some(base),
        Some(Below::Layer(_)) | None => None,
    })
}

/// Of a VE that was made before there was anything else to stand on. One whose config
/// cannot be read may stand on any.
fn stands_on_what_its_config_says(ve: &Ve<'_>, name: &str) -> Result<bool, Failure> {
    let private = ve.area.private();
    let is_of_before = private.is_dir()
        && Layout::of(&private) == Layout::Overlay
        && Below::read(&private)?.is_none();
    let is_named = || {
        let config = ve.config();
        config.map_or(true, |config| config.template.as_str() == name)
    };
    Ok(is_of_before && is_named())
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
    let store = host.templates();
    match version {
        None => store.remove(name, || users_of(host, name)),
        Some(id) => store.remove_version(name, id, || users_of(host, name)),
    }?;
    forget(&host.config().paths.data, |name, id| {
        is_there(host, name, id)
    })?;
    Ok(())
}

/// Whether there is a template of which a layout may have kept something: with no id,
/// one that has none.
fn is_there(host: &Host, name: &str, id: Option<&str>) -> bool {
    let store = host.templates();
    match id {
        Some(id) => store.get_version(name, id).is_ok(),
        None => store
            .get(name)
            .is_ok_and(|template| template.manifest().id.is_none()),
    }
}

/// Takes away versions of templates that no VE stands on, what commands that were
/// killed have left, and what layouts have kept of templates that are gone. Without `remove` it only says what that would be.
///
/// # Errors
/// Those of the template store.
pub fn template_garbage(host: &Host, remove: bool) -> Result<Garbage, veld_templates::Error> {
    let users = |name: &str| users_of(host, name);
    let data = &host.config().paths.data;
    let is_there = |name: &str, id: Option<&str>| is_there(host, name, id);
    let (mut garbage, kept) = if remove {
        let garbage = host.templates().collect_garbage(users)?;
        (garbage, forget(data, is_there)?)
    } else {
        let garbage = host.templates().garbage(users)?;
        let goes = |name: &str, id: Option<&str>| {
            let mut versions = garbage.versions.iter();
            versions.any(|it| it.name == name && it.id.as_deref() == id)
        };
        let kept = kept_of_none(data, |name, id| is_there(name, id) && !goes(name, id))?;
        (garbage, kept)
    };
    garbage.leftovers.extend(kept);
    Ok(garbage)
}

/// The kind of init that was found in a template, where that is known.
pub(crate) fn init(host: &Host, name: &TemplateName) -> Option<Kind> {
    Some(host.templates().get(name.as_str()).ok()?.manifest().init)
}
