//! `cargo xtask bench`: veld beside what others do, on this machine, now.
//!
//! Each row of the table is a function in [`rows::ALL`]. All candidates of a
//! row take turns, so that whatever else this machine does hits all alike, and
//! a row says medians. Everything is below `target/bench/`, and gone from the
//! host when the command ends; only templates and copies of them are kept.

mod host;
mod loops;
mod netns;
mod peers;
mod process;
mod rows;
mod sample;
mod table;
mod tiny;
mod trees;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::build;
use crate::deps::{self, Set};
use crate::place::make_directory;
use crate::report;
use crate::root::{self, Phase};
use crate::routing::Routing;
use crate::veld::{BENCH, Veld};
use crate::workspace::Workspace;
use host::Leftovers;
use table::Row;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Samples of each candidate, after the warm-up
    #[arg(long, default_value_t = 20, value_name = "N")]
    samples: usize,

    /// Only these groups of rows
    #[arg(long, value_delimiter = ',', value_name = "GROUP")]
    only: Vec<String>,

    /// Only the peers, without veld
    #[arg(long)]
    peers_only: bool,
}

/// What a row is measured with.
#[derive(Debug)]
struct Bench {
    /// None where only the peers are measured.
    veld: Option<Veld>,
    /// What attacks, where that is measured.
    probe: Option<PathBuf>,
    /// `target/bench`
    directory: PathBuf,
    /// `target/templates`
    templates: PathBuf,
    /// Templates that the suites have made, in directories that end in a number.
    made_by_suites: PathBuf,
    samples: usize,
}

/// Measures, prints the table and writes it to `target/bench/latest.md`.
///
/// # Errors
/// A row cannot be measured; the others are measured all the same.
pub(crate) fn run(workspace: &Workspace, phase: Phase, arguments: &Arguments) -> Result<()> {
    let chosen = choose(&arguments.only)?;
    if phase == Phase::Fresh {
        deps::ensure(&[Set::Build, Set::Run, Set::Bench])?;
        if !arguments.peers_only {
            build::compile(workspace, false)?;
            if attacks(&chosen) {
                build::compile_probe(workspace)?;
            }
        }
    }
    root::become_root("the benchmark")?;
    let leftovers = Leftovers::before();
    let routing = Routing::remember()?;
    let mut bench = Bench::prepare(workspace, arguments)?;
    bench.probe = attacks(&chosen).then(|| build::probe(workspace));
    let mut rows = Vec::new();
    let mut faults = Vec::new();
    for group in chosen {
        report::heading(group.name);
        match (group.measure)(&bench) {
            Ok(measured) => rows.extend(measured),
            Err(error) => faults.push(format!("{}: {error:#}", group.name)),
        }
    }
    if let Some(veld) = &bench.veld {
        veld.remove_run_directory();
    }
    leftovers.remove()?;
    routing.restore(&BENCH)?;
    publish(&bench, &rows)?;
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
}

impl Bench {
    fn prepare(workspace: &Workspace, arguments: &Arguments) -> Result<Self> {
        let directory = workspace.target(BENCH.name);
        make_directory(&directory)?;
        host::must_be_open_to_others(&directory)?;
        let veld = if arguments.peers_only {
            None
        } else {
            build::stage(workspace, false)?;
            Some(Veld::with_area(workspace, &BENCH)?)
        };
        let bench = Self {
            veld,
            probe: None,
            directory,
            templates: workspace.target("templates"),
            made_by_suites: workspace.target("test-cache/templates"),
            samples: arguments.samples.max(1),
        };
        tiny::prepare(&bench)?;
        Ok(bench)
    }

    /// A directory of a peer's below `target/bench`, empty.
    fn fresh_directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        make_directory(&path)?;
        Ok(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Whether a group is chosen for which the probe is built.
fn attacks(chosen: &[&rows::Group]) -> bool {
    chosen.iter().any(|group| group.name == rows::NEIGHBOUR)
}

fn choose(only: &[String]) -> Result<Vec<&'static rows::Group>> {
    let known = |name: &&String| rows::ALL.iter().any(|group| group.name == name.as_str());
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        let names: Vec<_> = rows::ALL.iter().map(|group| group.name).collect();
        bail!("--only {unknown}: allowed is {}", names.join(", "));
    }
    let wanted =
        |group: &&rows::Group| only.is_empty() || only.iter().any(|name| name == group.name);
    Ok(rows::ALL.iter().filter(wanted).collect())
}

fn publish(bench: &Bench, rows: &[Row]) -> Result<()> {
    let text = format!(
        "{}\nMedians of {} samples after {} for warming up (of inits: at most {} after {}; of fairness: {} windows; of throughput: {} rounds; of io: {} rounds; of neighbour: {} samples with and without), candidates taking turns; {}.\n",
        table::markdown(rows),
        bench.samples,
        sample::WARM_UP,
        rows::INITS.0,
        rows::INITS.1,
        rows::WINDOWS,
        rows::FLOWS,
        rows::JOBS,
        rows::NEIGHBOURS,
        host::description(),
    );
    report::heading("table");
    println!("{text}");
    write(&bench.path("latest.md"), &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_group_is_refused_with_those_there_are() {
        let error = choose(&["strat".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("--only strat: allowed is start, "));
        let chosen = choose(&["exec".to_owned()]).unwrap();
        assert_eq!(chosen.len(), 1);
        assert_eq!(choose(&[]).unwrap().len(), rows::ALL.len());
    }
}
