//! `veld template …`

mod from;

use std::fmt::Write;
use std::io;
use std::path::Path;

use serde::Serialize;
use veld_protocol::stamp::Stamp;
use veld_supervisor::{Host, remove_template, sweep_cache, template_garbage, users_of};
use veld_templates::{
    BuildOptions, ImportOptions, Limits, Manifest, Progress, Signature, Source, Template as Stored,
};
use veld_units::Bytes;

use crate::cli::{
    Build, Import, Template, TemplateGc, TemplateList, TemplateShow, TemplateVersion,
};
use crate::output::{self, escape};
use crate::progress::Bar;
use crate::report::{self, Failed};
use crate::{json, table};

pub(crate) fn run(host: &Host, command: Template) -> Result<(), Failed> {
    match command {
        Template::Build(build) => self::build(host, build),
        Template::Import(import) => self::import(host, &import),
        Template::Pull(pull) => super::remote::pull(host, pull),
        Template::Update(update) => super::remote::update(host, &update),
        Template::Remotes(remotes) => super::remote::remotes(host, &remotes),
        Template::Search(search) => super::remote::search(host, &search),
        Template::From(from) => from::run(host, &from),
        Template::List(list) => self::list(host, &list),
        Template::Show(show) => self::show(host, &show),
        Template::Remove(remove) => self::remove(host, &remove.names),
        Template::Gc(gc) => self::gc(host, &gc),
    }
}

fn build(host: &Host, build: Build) -> Result<(), Failed> {
    let name = build.name.as_str();
    let options = BuildOptions {
        suite: build.suite,
        init: build.init,
        include: build.include,
        mirror: build.mirror,
        limits: Limits::default(),
    };
    let bar = Bar::new(format!("building {name}"))?;
    let made = host
        .templates()
        .build(name, &options, &mut |progress| bar.show(&progress));
    bar.finish();
    tell("built", &made?)
}

fn import(host: &Host, import: &Import) -> Result<(), Failed> {
    let name = match &import.name {
        Some(name) => name.to_string(),
        None => default_name(&import.source)?,
    };
    let options = options(import);
    let mut stdin = io::stdin().lock();
    let source = match &import.metadata {
        Some(metadata) => Source::Split {
            metadata,
            rootfs: &import.source,
        },
        None if import.source == Path::new("-") => Source::Stream(&mut stdin, "standard input"),
        None => Source::at(&import.source),
    };
    let bar = Bar::new(format!("importing {name}"))?;
    let mut watch = |progress: Progress<'_>| bar.show(&progress);
    let store = host.templates();
    let users = |_: &str| veld_supervisor::users_of(host, &name);
    let made = if import.replace {
        store.replace(source, &name, &options, &mut watch, users)
    } else {
        store.import(source, &name, &options, &mut watch)
    };
    bar.finish();
    tell("imported", &made?)
}

/// The name that a source gives to a template.
fn default_name(source: &Path) -> Result<String, Failed> {
    let name = veld_templates::default_name(source);
    name.ok_or_else(|| {
        let what = "source gives no name for a template: give one with --name";
        veld_templates::Error::Usage { what }.into()
    })
}

fn options(import: &Import) -> ImportOptions {
    let mut options = ImportOptions {
        digest: import.digest.clone(),
        image: import.image.clone(),
        any_architecture: import.any_architecture,
        ..ImportOptions::default()
    };
    if let Some(size) = import.max_size {
        options.limits.size = size.get();
    }
    if let (Some(file), Some(keyring)) = (&import.signature, &import.keyring) {
        options.signature = Some(Signature {
            file: file.clone(),
            keyring: keyring.clone(),
        });
    }
    options
}

/// Prints what has been made.
pub(super) fn tell(verb: &str, made: &Manifest) -> Result<(), Failed> {
    let mut text = format!(
        "{}: {verb}, {}, init {}",
        made.name,
        system(made),
        made.init
    );
    for (left_out, what) in [
        (made.skipped_devices, "device nodes"),
        (made.skipped_xattrs, "attributes"),
    ] {
        if left_out > 0 {
            let _ = write!(text, ", {left_out} {what} left out");
        }
    }
    output::print(&(escape(&text) + "\n"))
}

fn system(manifest: &Manifest) -> String {
    let name = &manifest.os.pretty_name;
    if name.is_empty() {
        "no os-release".to_owned()
    } else {
        name.clone()
    }
}

/// A template in JSON.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    manifest: &'a Manifest,
    /// Whether it is a version that was replaced and that VEs may still stand on.
    is_old: bool,
}

fn list(host: &Host, list: &TemplateList) -> Result<(), Failed> {
    let found = host.templates().list()?;
    for (_, error) in &found.damaged {
        report::error(error);
    }
    if list.json {
        let rows = found.templates.iter().map(|manifest| (manifest, false));
        let rows = rows.chain(found.versions.iter().map(|manifest| (manifest, true)));
        let rows = rows.map(|(manifest, is_old)| Row { manifest, is_old });
        return json::print(&rows.collect::<Vec<Row<'_>>>());
    }
    let templates = found.templates.iter();
    let named = templates.map(|template| (template.name.clone(), template));
    let versions = found.versions.iter();
    let versions = versions.map(|version| (version.version_name(), version));
    let mut named: Vec<(String, &Manifest)> = named.chain(versions).collect();
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    let rows = named.into_iter().map(|(name, template)| {
        let made = Stamp {
            seconds: template.created,
            nanos: 0,
        };
        let cells = [
            name,
            system(template),
            template.init.to_string(),
            size(template),
            format!("{} ago", json::uptime(&made)),
        ];
        cells.iter().map(|cell| escape(cell)).collect()
    });
    let header = ["NAME", "SYSTEM", "INIT", "SIZE", "MADE"].map(str::to_owned);
    let rows: Vec<Vec<String>> = std::iter::once(header.to_vec()).chain(rows).collect();
    output::print(&table::render(&rows))
}

/// Whole MiB: nobody wants the bytes of a template in a table.
fn size(manifest: &Manifest) -> String {
    format!("{}M", manifest.size.div_ceil(1 << 20))
}

/// The template or version, and the VEs that stand on it.
fn find(host: &Host, wanted: &TemplateVersion) -> Result<(Stored, Vec<String>), Failed> {
    let name = wanted.name.as_str();
    let found = match &wanted.id {
        None => host.templates().get(name)?,
        Some(id) => host.templates().get_version(name, id)?,
    };
    let id = found.manifest().id.clone();
    let users = users_of(host, name)?.into_iter();
    let users = users.filter(|user| match &user.version {
        None => wanted.id.is_none(),
        version => *version == id,
    });
    Ok((found, users.map(|user| user.name).collect()))
}

fn show(host: &Host, show: &TemplateShow) -> Result<(), Failed> {
    let (template, users) = find(host, &show.name)?;
    let manifest = template.manifest();
    if show.json {
        return json::print(manifest);
    }
    let made = Stamp {
        seconds: manifest.created,
        nanos: 0,
    };
    let or_none = |text: &str| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text.to_owned()
        }
    };
    let rows = [
        ("name", manifest.name.clone()),
        (
            "version",
            manifest.id.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("system", system(manifest)),
        ("os id", or_none(&manifest.os.id)),
        ("os version", or_none(&manifest.os.version_id)),
        ("init", manifest.init.to_string()),
        (
            "machine",
            manifest
                .architecture
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
        ),
        ("source", manifest.source.clone()),
        (
            "digest",
            manifest.digest.clone().unwrap_or_else(|| "none".to_owned()),
        ),
        ("made", format!("{} ago", json::uptime(&made))),
        ("size", format!("{:#}", Bytes::new(manifest.size))),
        ("entries", manifest.entries.to_string()),
        (
            "left out",
            format!(
                "{} device nodes, {} attributes",
                manifest.skipped_devices, manifest.skipped_xattrs
            ),
        ),
        ("used by", or_none(&users.join(" "))),
        ("directory", template.root().display().to_string()),
    ];
    let mut text = String::new();
    for (key, value) in rows.into_iter().chain(image_rows(manifest)) {
        let _ = writeln!(text, "{key:<12} {}", escape(&value));
    }
    output::print(&text)
}

/// What an image says of its program. It is there to be read and does nothing.
fn image_rows(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(origin) = &manifest.origin {
        let remote = origin.remote.as_ref().map(|remote| format!("{remote}:"));
        let from = remote.unwrap_or_default() + &origin.reference;
        rows.push(("pulled from", format!("{from} ({})", origin.digest)));
    }
    let Some(image) = &manifest.image else {
        return rows;
    };
    let texts = [
        ("entrypoint", image.entrypoint.join(" ")),
        ("command", image.command.join(" ")),
        ("environment", image.environment.join(" ")),
        ("user", image.user.clone().unwrap_or_default()),
        ("stop signal", image.stop_signal.clone().unwrap_or_default()),
    ];
    rows.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()));
    rows
}

fn gc(host: &Host, gc: &TemplateGc) -> Result<(), Failed> {
    let garbage = template_garbage(host, !gc.dry_run)?;
    let verb = if gc.dry_run {
        "would be removed"
    } else {
        "removed"
    };
    let mut text = String::new();
    for version in &garbage.versions {
        let name = version.version_name();
        let _ = writeln!(text, "{}: {verb}, {}", escape(&name), size(version));
    }
    for file in &garbage.leftovers {
        let _ = writeln!(text, "{}: {verb}", escape(file));
    }
    if !gc.dry_run {
        let swept = sweep_cache(host)?;
        if swept.files > 0 {
            let size = Bytes::new(swept.bytes);
            let _ = writeln!(text, "cache: {verb}, {} files, {size:#}", swept.files);
        }
    }
    output::print(&text)
}

fn remove(host: &Host, names: &[TemplateVersion]) -> Result<(), Failed> {
    let mut failed = false;
    for name in names {
        match remove_template(host, &name.name, name.id.as_deref()) {
            Ok(()) => output::print(&format!("{name}: removed\n"))?,
            Err(error) => {
                report::error(&error);
                failed = true;
            }
        }
    }
    Failed::reported_if(failed)
}
