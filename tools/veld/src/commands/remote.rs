//! `veld template pull|update|remotes|search`: templates from servers of others.

use std::sync::Arc;

use serde::Serialize;
use veld_config::{Remote, RemoteName, TemplateName};
use veld_remotes::Progress as Counters;
use veld_supervisor::{Host, Pull, Updated};
use veld_templates::{Manifest, Progress};
use veld_units::Bytes;

use super::template::tell;
use crate::cli::{TemplatePull, TemplateRemotes, TemplateSearch, TemplateUpdate};
use crate::downloads::Downloads;
use crate::output::{self, escape};
use crate::progress::Bar;
use crate::report::{self, Failed};
use crate::{json, table};

pub(super) fn pull(host: &Host, pull: TemplatePull) -> Result<(), Failed> {
    let name = match pull.name {
        Some(name) => name,
        None => veld_supervisor::name_of(host, &pull.source)?,
    };
    let wish = Pull {
        source: pull.source,
        name: Some(name.clone()),
        digest: pull.digest,
        max_size: pull.max_size.map(Bytes::get),
    };
    let made = watched(&name, |counters, watch| {
        veld_supervisor::pull(host, &wish, counters, watch)
    })?;
    tell("pulled", &made)
}

/// Runs something that downloads and then imports, with bars for both.
fn watched<T>(
    name: &TemplateName,
    run: impl FnOnce(&Counters, &mut veld_templates::Watch<'_>) -> Result<T, veld_supervisor::Error>,
) -> Result<T, Failed> {
    let bar = Bar::new(format!("importing {name}"))?;
    let counters = Counters::new(Arc::clone(bar.asked_to_end()));
    let mut downloads = Downloads::show(&counters);
    let done = run(&counters, &mut |progress: Progress<'_>| {
        downloads.finish();
        bar.show(&progress)
    });
    downloads.finish();
    bar.finish();
    Ok(done?)
}

pub(super) fn update(host: &Host, update: &TemplateUpdate) -> Result<(), Failed> {
    let names = if update.which.all {
        pulled(host)?
    } else {
        update.which.names.clone()
    };
    let max_size = update.max_size.map(Bytes::get);
    let mut failed = false;
    for name in names {
        let updated = watched(&name, |counters, watch| {
            veld_supervisor::update(host, &name, max_size, counters, watch)
        });
        match updated {
            Ok(Updated::Current) => output::print(&format!("{name}: is up to date\n"))?,
            Ok(Updated::Replaced(made)) => tell("updated", &made)?,
            Err(Failed::Action(error)) => {
                report::action(&error);
                failed = true;
            }
            Err(other) => return Err(other),
        }
    }
    Failed::reported_if(failed)
}

/// All templates that came from a remote.
fn pulled(host: &Host) -> Result<Vec<TemplateName>, Failed> {
    let listing = host.templates().list()?;
    let came = listing.templates.iter().filter(|it| it.origin.is_some());
    Ok(came.filter_map(name_of).collect())
}

fn name_of(template: &Manifest) -> Option<TemplateName> {
    template.name.parse().ok()
}

/// A remote in JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: String,
    url: &'a str,
    user: Option<&'a str>,
    /// Whether plain http to another host is allowed.
    is_insecure: bool,
    /// Whether its indexes must be signed.
    is_signed: bool,
}

impl<'a> Row<'a> {
    fn new((name, remote): (&'a RemoteName, &'a Remote)) -> Self {
        Self {
            name: name.as_str(),
            kind: remote.kind.to_string(),
            url: &remote.url,
            user: remote.login.as_ref().map(|(user, _)| user.as_str()),
            is_insecure: remote.insecure,
            is_signed: remote.keyring.is_some(),
        }
    }
}

pub(super) fn remotes(host: &Host, remotes: &TemplateRemotes) -> Result<(), Failed> {
    let rows: Vec<Row<'_>> = host.config().remotes.iter().map(Row::new).collect();
    if remotes.json {
        return json::print(&rows);
    }
    let header = ["NAME", "TYPE", "URL"].map(str::to_owned).to_vec();
    let cells = rows
        .iter()
        .map(|row| vec![row.name.to_owned(), row.kind.clone(), escape(row.url)]);
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
    output::print(&table::render(&rows))
}

/// An image of a remote in JSON.
#[derive(Serialize)]
struct ImageRow<'a> {
    name: &'a str,
    aliases: &'a [String],
    title: &'a str,
    version: &'a str,
    size_bytes: u64,
}

pub(super) fn search(host: &Host, search: &TemplateSearch) -> Result<(), Failed> {
    let remote = search.remote.as_str();
    let bar = Bar::new(format!("asking {remote}"))?;
    let counters = Counters::new(Arc::clone(bar.asked_to_end()));
    let word = search.word.as_deref();
    let found = veld_supervisor::search(host, remote, word, &counters);
    bar.finish();
    let found = found?;
    if search.json {
        let rows = found.iter().map(|image| ImageRow {
            name: &image.name,
            aliases: &image.aliases,
            title: &image.title,
            version: &image.version,
            size_bytes: image.size,
        });
        return json::print(&rows.collect::<Vec<ImageRow<'_>>>());
    }
    let header = ["NAME", "SYSTEM", "VERSION", "SIZE"].map(str::to_owned);
    let rows = found.iter().map(|image| {
        let size = format!("{}M", image.size.div_ceil(1 << 20));
        let cells = [&image.name, &image.title, &image.version, &size];
        cells.iter().map(|cell| escape(cell)).collect()
    });
    let rows: Vec<Vec<String>> = std::iter::once(header.to_vec()).chain(rows).collect();
    output::print(&table::render(&rows))
}
