//! What is measured: a function per group of rows, in the table's order.

mod boot;
mod clone;
mod create;
mod end;
mod exec;
mod fairness;
mod inits;
mod io;
mod list;
mod load;
mod memory;
mod neighbour;
mod rates;
mod scale;
mod start;
mod stats;
mod throughput;
mod unpack;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::sample::{Candidate, Samples, WARM_UP, in_turns, timed};
use super::table::{Aim, Row};
use super::{Bench, tiny};
use crate::report;
use crate::run;
use crate::veld::Veld;

/// Rows that are measured together.
#[derive(Debug)]
pub(super) struct Group {
    /// For `--only`.
    pub(super) name: &'static str,
    pub(super) measure: fn(&Bench) -> Result<Vec<Row>>,
}

/// The group that takes the probe of the suites for its attacks.
pub(super) const NEIGHBOUR: &str = "neighbour";

/// All groups.
pub(super) const ALL: &[Group] = &[
    Group {
        name: "start",
        measure: start::measure,
    },
    Group {
        name: "boot",
        measure: boot::measure,
    },
    Group {
        name: "inits",
        measure: inits::measure,
    },
    Group {
        name: "exec",
        measure: exec::measure,
    },
    Group {
        name: "create",
        measure: create::measure,
    },
    Group {
        name: "clone",
        measure: clone::measure,
    },
    Group {
        name: "unpack",
        measure: unpack::measure,
    },
    Group {
        name: "end",
        measure: end::measure,
    },
    Group {
        name: "memory",
        measure: memory::measure,
    },
    Group {
        name: "list",
        measure: list::measure,
    },
    Group {
        name: "stats",
        measure: stats::measure,
    },
    Group {
        name: "scale",
        measure: scale::measure,
    },
    Group {
        name: "fairness",
        measure: fairness::measure,
    },
    Group {
        name: "throughput",
        measure: throughput::measure,
    },
    Group {
        name: "io",
        measure: io::measure,
    },
    Group {
        name: NEIGHBOUR,
        measure: neighbour::measure,
    },
];

/// Samples of each init and rounds before them.
pub(super) const INITS: (usize, usize) = (inits::SAMPLES, inits::WARM_UP);

/// Windows of each row of fairness.
pub(super) const WINDOWS: usize = fairness::ROUNDS;

/// Rounds of each row of throughput.
pub(super) const FLOWS: usize = throughput::ROUNDS;

/// Rounds of each row of io.
pub(super) const JOBS: usize = io::ROUNDS;

/// Samples of each row of neighbour, with the attack and without.
pub(super) const NEIGHBOURS: usize = neighbour::ROUNDS * neighbour::SAMPLES;

/// A VE of the benchmark's; dropping it ends and removes it.
struct Ve<'a> {
    veld: &'a Veld,
    name: &'a str,
}

impl<'a> Ve<'a> {
    /// Creates it, in place of one that an interrupted benchmark left.
    fn create(veld: &'a Veld, name: &'a str, template: &str) -> Result<Self> {
        Self::create_with(veld, name, template, &[])
    }

    /// The same with options of `veld create`.
    fn create_with(
        veld: &'a Veld,
        name: &'a str,
        template: &str,
        options: &[&str],
    ) -> Result<Self> {
        veld.clear(name)?;
        let words = ["create", name, "--template", template];
        veld.output(words.into_iter().chain(options.iter().copied()))?;
        Ok(Self { veld, name })
    }

    /// A clone of another VE, in place of one that an interrupted benchmark left.
    fn clone_of(other: &Self, name: &'a str, options: &[&str]) -> Result<Self> {
        let veld = other.veld;
        veld.clear(name)?;
        let words = ["clone", other.name, name];
        veld.output(words.into_iter().chain(options.iter().copied()))?;
        Ok(Self { veld, name })
    }

    /// The same of the tiny template.
    fn tiny(veld: &'a Veld, name: &'a str) -> Result<Self> {
        Self::create(veld, name, tiny::TEMPLATE)
    }

    fn start(&self) -> Result<Duration> {
        self.veld.timed(["start", self.name])
    }

    /// The same, to the time that its services are up.
    fn start_up(&self) -> Result<Duration> {
        self.veld.timed(["start", self.name, "--wait"])
    }

    /// What `veld show` has in a row.
    fn shown(&self, row: &str) -> Result<String> {
        let shown = self.veld.output(["show", self.name])?;
        let value = shown.lines().find_map(|line| line.strip_prefix(row));
        let value = value.with_context(|| format!("{} has no {row}", self.name))?;
        Ok(value.trim().to_owned())
    }

    fn kill(&self) -> Result<Duration> {
        self.veld.timed(["stop", self.name, "--force"])
    }

    fn exec(&self, program: &[&str]) -> Result<Duration> {
        timed(|| run::output(&mut self.exec_command(program)).map(drop))
    }

    fn exec_command(&self, program: &[&str]) -> Command {
        let words = ["exec", self.name, "--"];
        self.veld.command(words.iter().chain(program).copied())
    }
}

impl Drop for Ve<'_> {
    fn drop(&mut self) {
        // What this cannot remove, the next benchmark's `create` does.
        let _ = self.veld.clear(self.name);
    }
}

/// Measures candidates in turns, veld's first where there is one, prints them,
/// and makes the rows.
fn compare(
    bench: &Bench,
    what: &str,
    veld: Option<Candidate<'_>>,
    peers: Vec<Candidate<'_>>,
    aim: Aim,
) -> Result<Vec<Row>> {
    let measured = veld.is_some();
    let candidates: Vec<_> = veld.into_iter().chain(peers).collect();
    let all = in_turns(candidates, WARM_UP, bench.samples)?;
    for samples in &all {
        say(samples);
    }
    let (veld, peers) = match all.split_first() {
        Some((first, rest)) if measured => (Some(first), rest),
        _ => (None, all.as_slice()),
    };
    Ok(Row::of(what, veld, peers, aim))
}

fn say(samples: &Samples) {
    let (least, most) = samples.range();
    println!(
        "   {}: {} ({} to {})",
        samples.name,
        report::time(samples.median()),
        report::time(least),
        report::time(most)
    );
}

/// The middle one; of an even number the upper of the middle two.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
