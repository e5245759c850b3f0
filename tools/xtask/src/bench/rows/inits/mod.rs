//! Each init that veld knows, on both sides: from the start command until the
//! distribution is up, and the memory of the host that it has when it is idle.
//!
//! `kinds.rs` says when each is up, `idle.rs` what memory counts. Login prompts
//! run under LXC only: veld leaves them out unless they are wanted. That is part
//! of what is compared. An init that LXC does not bring up has LXC's last words in
//! place of its value.

mod container;
mod idle;
mod kinds;

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};

use super::super::sample::{Candidate, Samples, in_turns};
use super::super::table::{Aim, Peer, Row, Value};
use super::super::{Bench, trees};
use super::say;
use container::Container;
use kinds::{ALL, Kind};

/// A round brings a whole distribution up on both sides, so there are fewer.
pub(super) const SAMPLES: usize = 5;
pub(super) const WARM_UP: usize = 1;

/// How long one that is up is left alone before its memory is counted.
const IDLE: Duration = Duration::from_secs(3);

/// As much as LXC's; the rest is what the kernel charges ahead, a batch per
/// processor.
const MEMORY: f64 = 1.05;

const LXC: &str = "lxc-start";

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for kind in ALL {
        rows.extend(measure_one(bench, kind).with_context(|| kind.title)?);
    }
    Ok(rows)
}

fn measure_one(bench: &Bench, kind: &Kind) -> Result<Vec<Row>> {
    println!("   {}", kind.title);
    let template = match &bench.veld {
        Some(veld) => trees::ensure(bench, veld, kind.suite, kind.init)?,
        None => trees::name(kind.suite, kind.init),
    };
    let root = trees::copy(bench, &template)?;
    let veld = bench.veld.as_ref();
    let veld = veld.map(|veld| Container::veld(veld, kind, &template));
    let veld = veld.transpose()?;
    let lxc = Container::lxc(bench, kind, &root)?;
    let reason = reason_against(&lxc, kind);
    let lxc = reason.is_none().then_some(&lxc);
    compare(bench, kind, veld.as_ref(), lxc, reason.as_deref())
}

/// Why this cannot be brought up; nothing where it can.
fn reason_against(container: &Container<'_>, kind: &Kind) -> Option<String> {
    let tried = container.bring_up(kind.up);
    let words = container.last_words();
    container.take_down();
    tried
        .err()
        .map(|error| format!("{error:#}; last words: {words}"))
}

fn compare(
    bench: &Bench,
    kind: &Kind,
    veld: Option<&Container<'_>>,
    lxc: Option<&Container<'_>>,
    reason: Option<&str>,
) -> Result<Vec<Row>> {
    let sides: Vec<_> = [("veld start", veld), (LXC, lxc)]
        .into_iter()
        .filter_map(|(name, container)| Some((name, container?)))
        .collect();
    let candidates = sides.iter().map(|&(name, container)| {
        Candidate::new(name, move || {
            let running = container.bring_up(kind.up);
            container.take_down();
            Ok(running?.after)
        })
    });
    let times = in_turns(candidates.collect(), WARM_UP, SAMPLES.min(bench.samples))?;
    times.iter().for_each(say);
    let memory = memory_of(&sides, kind)?;
    let time = |name: &str| {
        let samples = times.iter().find(|samples| samples.name == name);
        samples.map(|samples| Value::Time(Samples::median(samples)))
    };
    let memory = |name: &str| {
        let found = memory.iter().find(|(other, _)| *other == name);
        found.map(|(_, bytes)| Value::Memory(*bytes))
    };
    let row = |what: &str, value: &dyn Fn(&str) -> Option<Value>, most: f64| Row {
        what: format!("{}, {what}", kind.title),
        veld: value("veld start"),
        peer: match reason {
            Some(reason) => Some(Peer::Cannot(LXC.to_owned(), reason.to_owned())),
            None => value(LXC).map(|value| Peer::Is(LXC.to_owned(), value)),
        },
        aim: Aim::Ratio(most),
    };
    Ok(vec![
        row("start until up", &time, 1.0),
        row("idle memory", &memory, MEMORY),
    ])
}

/// Of all sides at once, each after it was idle for a while.
fn memory_of<'n>(sides: &[(&'n str, &Container<'_>)], kind: &Kind) -> Result<Vec<(&'n str, u64)>> {
    let running: Result<Vec<_>> = sides
        .iter()
        .map(|&(name, container)| Ok((name, container.bring_up(kind.up)?.init)))
        .collect();
    let measured = running.and_then(|running| {
        sleep(IDLE);
        let measure = |(name, init)| Ok((name, idle::of(init)?));
        running.into_iter().map(measure).collect()
    });
    for (_, container) in sides {
        container.take_down();
    }
    measured
}
