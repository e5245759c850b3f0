//! `veld stats`
//!
//! A table is made of two looks, since CPU% is what was used between them: 100 ms
//! apart, or with `--watch` as far as its lines are. JSON is one look, of counters
//! that whoever reads it compares.

mod columns;
mod json;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use veld_supervisor::{Host, Rates, Sample, Ve, host_memory, sample};

use crate::cli::Stats;
use crate::output;
use crate::report::{self, Failed};
use crate::table;
use columns::USUAL;
pub(crate) use columns::{Column, Order, Row};

/// How far apart the two looks of a single table are, and at least those of many.
const APART: Duration = Duration::from_millis(100);

pub(crate) fn run(host: &Host, stats: &Stats) -> Result<(), Failed> {
    let failed = refuse(host, stats)?;
    let show = Show {
        host,
        stats,
        columns: if stats.output.is_empty() {
            &USUAL
        } else {
            &stats.output
        },
    };
    match stats.watch {
        Some(interval) => show.watch(interval.map_or(Duration::from_secs(1), |one| one.duration())),
        None => show.once(),
    }?;
    Failed::reported_if(failed)
}

/// Names those that were asked for by name and are not there or do not run; whether
/// there are any.
fn refuse(host: &Host, stats: &Stats) -> Result<bool, Failed> {
    let mut failed = false;
    for name in &stats.ves {
        match host.find(name) {
            Err(error) => report::action(&error),
            Ok(ve) if sample(host, std::slice::from_ref(&ve))?.is_empty() => {
                report::line(&format!("{}: is not running", ve.name()));
            }
            Ok(_) => continue,
        }
        failed = true;
    }
    Ok(failed)
}

struct Show<'a> {
    host: &'a Host,
    stats: &'a Stats,
    columns: &'a [Column],
}

impl Show<'_> {
    /// Those that are meant and run.
    fn look(&self) -> Result<Vec<Sample>, Failed> {
        let ves: Vec<Ve<'_>> = if self.stats.ves.is_empty() {
            self.host.ves()?
        } else {
            let names = self.stats.ves.iter();
            names.filter_map(|name| self.host.find(name).ok()).collect()
        };
        Ok(sample(self.host, &ves)?)
    }

    fn once(&self) -> Result<(), Failed> {
        if self.stats.json {
            return crate::json::print(&json::of(&self.look()?));
        }
        let before = if self.columns.contains(&Column::CpuPercent) {
            let before = self.look()?;
            std::thread::sleep(APART);
            before
        } else {
            Vec::new()
        };
        output::print(&self.table(&before, &self.look()?))
    }

    fn watch(&self, interval: Duration) -> Result<(), Failed> {
        let mut before = Vec::new();
        if !self.stats.json {
            before = self.look()?;
            std::thread::sleep(APART);
        }
        loop {
            let begun = Instant::now();
            let now = self.look()?;
            if self.stats.json {
                json::print_line(&json::of(&now))?;
            } else {
                self.print_block(&self.table(&before, &now))?;
            }
            before = now;
            std::thread::sleep(interval.max(APART).saturating_sub(begun.elapsed()));
        }
    }

    /// In place of the block before on a terminal, below it elsewhere.
    fn print_block(&self, text: &str) -> Result<(), Failed> {
        let stdout = std::io::stdout();
        if !stdout.is_terminal() {
            return output::print(&format!("{text}\n"));
        }
        let size = rustix::termios::tcgetwinsize(&stdout).ok();
        let (columns, rows) = size.map_or((0, 0), |size| (size.ws_col, size.ws_row));
        output::print(&in_place(text, columns.into(), rows.into()))
    }

    fn table(&self, before: &[Sample], now: &[Sample]) -> String {
        let before: HashMap<_, _> = before.iter().map(|one| (&one.name, one)).collect();
        let memory = host_memory();
        let mut rows: Vec<Row<'_>> = now
            .iter()
            .map(|sample| Row {
                sample,
                rates: before
                    .get(&sample.name)
                    .map(|before| Rates::between(before, sample))
                    .unwrap_or_default(),
                host_memory: memory,
            })
            .collect();
        if let Some(order) = self.stats.sort {
            order.sort(&mut rows);
        }
        let header = (!self.stats.no_header)
            .then(|| self.columns.iter().map(|column| column.header()).collect());
        let cells = rows
            .iter()
            .map(|row| self.columns.iter().map(|column| column.cell(row)).collect());
        table::render(&header.into_iter().chain(cells).collect::<Vec<_>>())
    }
}

/// What draws `text` over what a terminal of this size shows, from its first line on;
/// what does not fit is cut off. A size of 0 is not known.
fn in_place(text: &str, columns: usize, rows: usize) -> String {
    let (columns, rows) = match (columns, rows) {
        (0, _) | (_, 0) => (usize::MAX, usize::MAX),
        // The last line stays empty, so that nothing scrolls.
        (columns, rows) => (columns, rows - 1),
    };
    let lines = text.lines().take(rows);
    let drawn: String = lines
        .map(|line| {
            let line: String = line.chars().take(columns).collect();
            format!("{line}\x1b[K\n")
        })
        .collect();
    format!("\x1b[H{drawn}\x1b[J")
}

#[cfg(test)]
pub(crate) mod tests;
