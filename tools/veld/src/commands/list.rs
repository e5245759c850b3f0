//! `veld list`

use std::cmp::Ordering;

use clap::ValueEnum;
use veld_supervisor::{Host, Phase, Summary};

use crate::amount::size;
use crate::cli::List;
use crate::output::{self, escape};
use crate::report::{self, Failed};
use crate::{json, table};

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    Name,
    Id,
    Status,
    Since,
    Ip,
    Template,
    Hostname,
    Pid,
    Uptime,
    Onboot,
    Snapshots,
    Disk,
}

/// A column to sort by, and whether the greatest comes first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    column: Column,
    reverse: bool,
}

impl std::str::FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, reverse) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let column = Column::from_str(name, false).map_err(|_| {
            let all: Vec<String> = Column::value_variants()
                .iter()
                .map(|column| column.header())
                .collect();
            let quoted = veld_units::Quoted(text).to_string();
            format!(
                "{quoted} is not a column: allowed are {}",
                all.join(", ").to_lowercase()
            )
        })?;
        Ok(Self { column, reverse })
    }
}

impl Order {
    /// Sorts; those that are equal stay in the order of their names.
    fn sort(self, ves: &mut [Summary]) {
        ves.sort_by(|a, b| {
            let ordering = self.column.compare(a, b);
            if self.reverse {
                ordering.reverse()
            } else {
                ordering
            }
        });
    }
}

const USUAL: [Column; 5] = [
    Column::Name,
    Column::Id,
    Column::Status,
    Column::Ip,
    Column::Template,
];

impl Column {
    fn header(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_uppercase())
            .unwrap_or_default()
    }

    fn cell(self, ve: &Summary) -> String {
        let config = ve.config.as_ref().ok();
        let text = match self {
            Column::Name => ve.name.to_string(),
            Column::Id => ve.id.map_or_else(none, |id| id.to_string()),
            Column::Status => status(ve),
            Column::Since => ve.since.map_or_else(none, |since| json::uptime(&since)),
            Column::Ip => {
                let words: Vec<String> = ve.addresses().iter().map(ToString::to_string).collect();
                if words.is_empty() {
                    none()
                } else {
                    words.join(",")
                }
            }
            Column::Template => config.map_or_else(none, |config| config.template.to_string()),
            Column::Hostname => config.map_or_else(none, |config| config.hostname.to_string()),
            Column::Pid => ve.pid.map_or_else(none, |pid| pid.to_string()),
            Column::Uptime => ve
                .started
                .map_or_else(none, |started| json::uptime(&started)),
            Column::Onboot => config.map_or_else(none, |config| {
                if config.onboot { "yes" } else { "no" }.to_owned()
            }),
            Column::Snapshots => ve.snapshots.to_string(),
            Column::Disk => match (ve.disk.disk, ve.disk.disk_limit) {
                (None, _) => none(),
                (Some(used), None) => size(used),
                (Some(used), Some(limit)) => format!("{}/{}", size(used), size(limit)),
            },
        };
        escape(&text)
    }

    fn compare(self, a: &Summary, b: &Summary) -> Ordering {
        match self {
            Column::Id => a.id.cmp(&b.id),
            Column::Pid => a.pid.cmp(&b.pid),
            Column::Snapshots => a.snapshots.cmp(&b.snapshots),
            Column::Disk => a.disk.disk.cmp(&b.disk.disk),
            // The longest so is the first that became so.
            Column::Since => b.since.cmp(&a.since),
            // The longest up is the first started.
            Column::Uptime => b.started.cmp(&a.started),
            Column::Ip => a.addresses().cmp(&b.addresses()),
            Column::Name
            | Column::Status
            | Column::Template
            | Column::Hostname
            | Column::Onboot => self.cell(a).cmp(&self.cell(b)),
        }
    }
}

fn none() -> String {
    "-".to_owned()
}

/// The phase, and what is wrong with the VE in a word.
pub(crate) fn status(ve: &Summary) -> String {
    let phase = ve.phase.word();
    match (&ve.config, ve.watched) {
        (Err(_), _) => format!("{phase}, config broken"),
        (Ok(_), false) => format!("{phase}, no shim"),
        (Ok(_), true) => phase.to_owned(),
    }
}

pub(crate) fn run(host: &Host, list: &List) -> Result<(), Failed> {
    let mut ves = veld_supervisor::all(host)?;
    let there_are_any = !ves.is_empty();
    if !list.all {
        ves.retain(|ve| ve.phase != Phase::Stopped);
    }
    if let Some(order) = list.sort {
        order.sort(&mut ves);
    }
    if list.json {
        return json::print(&ves.iter().map(json::Ve::new).collect::<Vec<_>>());
    }
    if list.quiet {
        let names: String = ves.iter().map(|ve| format!("{}\n", ve.name)).collect();
        return output::print(&names);
    }
    let columns = if list.output.is_empty() {
        &USUAL
    } else {
        list.output.as_slice()
    };
    output::print(&table(columns, !list.no_header, &ves))?;
    if ves.is_empty() && there_are_any {
        report::hint("no VE runs; --all lists those that do not");
    }
    Ok(())
}

/// The header does not depend on whether there is a VE or a terminal, so that a
/// script may skip the first line whatever comes.
fn table(columns: &[Column], header: bool, ves: &[Summary]) -> String {
    let header = header.then(|| columns.iter().map(|column| column.header()).collect());
    let row = |ve| columns.iter().map(|column| column.cell(ve)).collect();
    let rows: Vec<Vec<String>> = header.into_iter().chain(ves.iter().map(row)).collect();
    table::render(&rows)
}

#[cfg(test)]
mod tests;
