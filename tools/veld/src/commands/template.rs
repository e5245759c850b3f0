//! `veld template …`

mod from;

use std::fmt::Write;
use std::io;
use std::path::Path;

use veld_config::TemplateName;
use veld_protocol::stamp::Stamp;
use veld_supervisor::{Host, remove_template};
use veld_templates::{BuildOptions, ImportOptions, Limits, Manifest, Source};
use veld_units::Bytes;

use crate::cli::{Build, Import, Template, TemplateList, TemplateShow};
use crate::output::{self, escape};
use crate::progress::Bar;
use crate::report::{self, Failed};
use crate::{json, table};

pub(crate) fn run(host: &Host, command: Template) -> Result<(), Failed> {
    match command {
        Template::Build(build) => self::build(host, build),
        Template::Import(import) => self::import(host, &import),
        Template::From(from) => from::run(host, &from),
        Template::List(list) => self::list(host, &list),
        Template::Show(show) => self::show(host, &show),
        Template::Remove(remove) => self::remove(host, &remove.names),
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
    let name = import.name.as_str();
    let mut options = ImportOptions::default();
    if let Some(size) = import.max_size {
        options.limits.size = size.get();
    }
    let mut stdin = io::stdin().lock();
    let source = if import.source == Path::new("-") {
        Source::Stream(&mut stdin, "standard input")
    } else {
        Source::at(&import.source)
    };
    let bar = Bar::new(format!("importing {name}"))?;
    let made = host
        .templates()
        .import(source, name, &options, &mut |progress| bar.show(&progress));
    bar.finish();
    tell("imported", &made?)
}

fn tell(verb: &str, made: &Manifest) -> Result<(), Failed> {
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

fn list(host: &Host, list: &TemplateList) -> Result<(), Failed> {
    let found = host.templates().list()?;
    for (_, error) in &found.damaged {
        report::error(error);
    }
    if list.json {
        return json::print(&found.templates);
    }
    let rows = found.templates.iter().map(|template| {
        let made = Stamp {
            seconds: template.created,
            nanos: 0,
        };
        let cells = [
            template.name.clone(),
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

fn show(host: &Host, show: &TemplateShow) -> Result<(), Failed> {
    let template = host.templates().get(show.name.as_str())?;
    let manifest = template.manifest();
    if show.json {
        return json::print(manifest);
    }
    let users = veld_supervisor::users_of(host, &show.name);
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
    for (key, value) in rows {
        let _ = writeln!(text, "{key:<12} {}", escape(&value));
    }
    output::print(&text)
}

fn remove(host: &Host, names: &[TemplateName]) -> Result<(), Failed> {
    let mut failed = false;
    for name in names {
        match remove_template(host, name) {
            Ok(()) => output::print(&format!("{name}: removed\n"))?,
            Err(error) => {
                report::error(&error);
                failed = true;
            }
        }
    }
    if failed {
        Err(Failed::Reported)
    } else {
        Ok(())
    }
}
