//! Starting a VE beside few and beside many that run: what a start costs, and what
//! part of it is its network, is not to grow with their number.
//!
//! All are tiny and have a routed interface. The VE that is started is one of two that
//! differ in nothing but that one of them has no network; they take turns.

use std::time::Duration;

use anyhow::Result;

use super::super::sample::{Candidate, Samples, WARM_UP, in_turns};
use super::super::table::{Aim, Peer, Row, Value};
use super::super::{Bench, tiny};
use super::{Ve, say};
use crate::veld::Veld;

/// VEs that run beside it, step by step.
const BESIDE: [usize; 3] = [10, 100, 1000];

/// What a start beside the most may take of one beside the fewest.
const GROWTH: f64 = 1.2;

/// All of the set-up of one VE's network.
const SET_UP: Duration = Duration::from_millis(2);

/// VEs that are named in one command.
const AT_ONCE: usize = 100;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let Some(veld) = &bench.veld else {
        return Ok(Vec::new());
    };
    let mut crowd = Crowd::new(veld);
    let with = Ve::tiny(veld, "scale-with")?;
    let without = Ve::create_with(veld, "scale-none", tiny::TEMPLATE, &["--network=none"])?;
    let mut rows = Vec::new();
    let mut fewest = None;
    for number in BESIDE {
        crowd.grow(number)?;
        let samples = in_turns(
            vec![
                Candidate::new(format!("veld start, beside {number}"), || started(&with)),
                Candidate::new("the same without a network", || started(&without)),
            ],
            WARM_UP,
            bench.samples,
        )?;
        samples.iter().for_each(say);
        let [start, bare] = samples.as_slice() else {
            continue;
        };
        rows.push(growth(number, start, fewest.as_ref()));
        rows.push(set_up(number, start, bare));
        fewest.get_or_insert_with(|| start.clone());
    }
    Ok(rows)
}

fn started(ve: &Ve<'_>) -> Result<Duration> {
    let time = ve.start()?;
    ve.kill()?;
    Ok(time)
}

fn growth(number: usize, start: &Samples, fewest: Option<&Samples>) -> Row {
    let peer = fewest.map(|fewest| Peer::Is(fewest.name.clone(), Value::Time(fewest.median())));
    Row {
        what: format!("start beside {number} with a network"),
        veld: Some(Value::Time(start.median())),
        aim: peer.as_ref().map_or(Aim::None, |_| Aim::Ratio(GROWTH)),
        peer,
    }
}

fn set_up(number: usize, start: &Samples, bare: &Samples) -> Row {
    let network = start.median().saturating_sub(bare.median());
    Row {
        what: format!("of it for the network, beside {number}"),
        veld: Some(Value::Time(network)),
        peer: None,
        aim: Aim::AtMost(Value::Time(SET_UP)),
    }
}

/// VEs that run and do nothing; dropping them ends and removes them.
struct Crowd<'a> {
    veld: &'a Veld,
    names: Vec<String>,
}

impl<'a> Crowd<'a> {
    fn new(veld: &'a Veld) -> Self {
        let names = Vec::new();
        Self { veld, names }
    }

    /// Has so many of them run.
    fn grow(&mut self, number: usize) -> Result<()> {
        let new: Vec<String> = (self.names.len()..number)
            .map(|number| format!("crowd{number:04}"))
            .collect();
        for name in &new {
            self.veld.clear(name)?;
            let words = ["create", name, "--template", tiny::TEMPLATE];
            self.names.push(name.clone());
            self.veld.output(words)?;
        }
        for some in new.chunks(AT_ONCE) {
            let names = some.iter().map(String::as_str);
            self.veld.output(std::iter::once("start").chain(names))?;
        }
        Ok(())
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        for some in self.names.chunks(AT_ONCE) {
            let names = some.iter().map(String::as_str);
            // What this cannot remove, the next benchmark's `create` does.
            let _ = self
                .veld
                .output(["destroy", "--force"].into_iter().chain(names));
        }
    }
}
