//! Reading what two hundred running containers use: all counters, once.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::super::Bench;
use super::super::sample::{Candidate, timed};
use super::super::table::{Aim, Row, Value};
use super::{Ve, compare};
use crate::run;

const NUMBER: usize = 200;

/// The peer looks at the same VEs, and at all else that runs on the host; it has no
/// answer before it has waited for a fifth of a second and looked again.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let names: Vec<String> = (0..NUMBER)
        .map(|number| format!("stats{number:03}"))
        .collect();
    let mut ves = Vec::new();
    if let Some(veld) = &bench.veld {
        for name in &names {
            let ve = Ve::tiny(veld, name)?;
            ve.start()?;
            ves.push(ve);
        }
    }
    let veld = bench
        .veld
        .as_ref()
        .map(|veld| Candidate::new("veld stats --json", || veld.timed(["stats", "--json"])));
    let peer = Candidate::new("systemd-cgtop, with its wait", || {
        let mut top = Command::new("systemd-cgtop");
        top.args(["--batch", "--iterations=1", "--depth=3"]);
        timed(|| run::output(&mut top).map(drop))
    });
    let aim = Aim::AtMost(Value::Time(Duration::from_millis(20)));
    let rows = compare(bench, "stats of 200", veld, vec![peer], aim);
    drop(ves);
    rows
}
