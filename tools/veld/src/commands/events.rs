//! `veld events`

mod follow;

use std::collections::BTreeSet;

use serde::Serialize;
use veld_config::VeName;
use veld_protocol::event::{Cause, Event, What};
use veld_protocol::limit::Unit;
use veld_protocol::shim::EVENTS;
use veld_protocol::stamp::Stamp;
use veld_state::RunDir;
use veld_supervisor::Host;
use veld_sys::{Context, Failure};
use veld_units::Bytes;

use crate::cli::Events;
use crate::output::{self, escape};
use crate::report::Failed;
use crate::tail::Tail;
use crate::{json, moment, refusal};

pub(crate) fn run(host: &Host, events: &Events) -> Result<(), Failed> {
    let which = which(host, events)?;
    if events.follow {
        return follow::follow(host, &which, events.json);
    }
    let mut lines = Vec::new();
    for name in which.present(host)? {
        lines.extend(Log::open(host, &name)?.all(events.json)?);
    }
    print(lines)
}

/// The VEs that are asked about.
#[derive(Debug)]
enum Which {
    All,
    Named(BTreeSet<VeName>),
}

fn which(host: &Host, events: &Events) -> Result<Which, Failed> {
    if events.ves.is_empty() {
        return Ok(Which::All);
    }
    let mut names = BTreeSet::new();
    for ve in &events.ves {
        names.insert(host.find_or_left(ve)?.name().clone());
    }
    Ok(Which::Named(names))
}

impl Which {
    /// The VE of this name, where it is one of them.
    fn pick(&self, name: &str) -> Option<VeName> {
        let name = name.parse().ok()?;
        match self {
            Which::All => Some(name),
            Which::Named(names) => names.contains(&name).then_some(name),
        }
    }

    /// Those of them that have a run directory, where events are.
    fn present(&self, host: &Host) -> Result<Vec<VeName>, Failure> {
        let run = &host.config().paths.run;
        let reading = || format!("read {}", run.display());
        let entries = match std::fs::read_dir(run) {
            Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.context(reading)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.context(reading)?.file_name();
            names.extend(name.to_str().and_then(|name| self.pick(name)));
        }
        names.sort();
        Ok(names)
    }
}

/// The events of one VE, read as they come.
#[derive(Debug)]
struct Log {
    name: VeName,
    run: RunDir,
    tail: Tail,
    /// The beginning of a line whose end is still to come.
    rest: Vec<u8>,
}

/// One event, ready to be printed.
type Line = (Stamp, String);

impl Log {
    fn open(host: &Host, name: &VeName) -> Result<Self, Failure> {
        let run = RunDir::new(&host.config().paths.run, name.as_str());
        Ok(Self {
            name: name.clone(),
            tail: Tail::open(run.file(EVENTS))?,
            run,
            rest: Vec::new(),
        })
    }

    /// What is on record, from the first that is kept.
    fn all(&mut self, json: bool) -> Result<Vec<Line>, Failure> {
        let before = self.run.events_before()?;
        let mut lines = lines(&self.name, &before, json);
        lines.extend(self.more(json)?);
        Ok(lines)
    }

    /// What has come since.
    fn more(&mut self, json: bool) -> Result<Vec<Line>, Failure> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend(self.tail.more()?);
        let end = bytes.iter().rposition(|&byte| byte == b'\n');
        self.rest = bytes.split_off(end.map_or(0, |end| end + 1));
        Ok(lines(&self.name, &String::from_utf8_lossy(&bytes), json))
    }
}

fn lines(name: &VeName, text: &str, json: bool) -> Vec<Line> {
    let events = text.lines().filter_map(Event::parse);
    let line = |event: &Event<'_>| {
        if json {
            object(name, event)
        } else {
            let (at, name) = (moment::utc(event.at), name.as_str());
            format!("{at}  {name}  {}\n", escape(&sentence(&event.what)))
        }
    };
    events.map(|event| (event.at, line(&event))).collect()
}

/// Prints in the order of time; those of one moment in the order they came in.
fn print(mut lines: Vec<Line>) -> Result<(), Failed> {
    if lines.is_empty() {
        return Ok(());
    }
    lines.sort_by_key(|(at, _)| *at);
    let text: String = lines.into_iter().map(|(_, line)| line).collect();
    output::print(&text)
}

fn sentence(what: &What<'_>) -> String {
    match what {
        What::Started(0) => "started".to_owned(),
        What::Started(number) => format!("started again, number {number} in a row"),
        What::Up => "up".to_owned(),
        What::Degraded(services) => format!("degraded, failed services: {services}"),
        What::Stopping(Cause::Asked) => "asked to shut down".to_owned(),
        What::Stopping(Cause::Killed) => "about to be killed".to_owned(),
        What::Stopping(Cause::Inside) => "shutting down".to_owned(),
        What::Stopped(ended) => format!("stopped: {}", ended.how()),
        What::Restarting { number, due } => {
            let due = moment::utc(*due);
            format!("to be started again at {due}, number {number} in a row")
        }
        What::StartFailed(reason) => format!("not started: {reason}"),
        What::Hit(hit) => refusal::sentence(hit),
        What::TrafficSlowed(most) => format!("slowed down: {} used up", traffic(*most)),
        What::TrafficCut(most) => format!("cut off: {} used up", traffic(*most)),
        What::TrafficRestored => "as fast as before: traffic is left".to_owned(),
        What::Paused => "paused".to_owned(),
        What::Resumed => "resumed".to_owned(),
        What::Set(parameter) => format!("set {parameter}"),
    }
}

fn traffic(bytes: u64) -> String {
    format!("{} of traffic a month", Bytes::new(bytes))
}

/// An event for programs.
#[derive(Debug, Serialize)]
struct Object<'a> {
    at_unix_seconds: f64,
    ve: &'a str,
    event: &'static str,
    limit: Option<String>,
    limit_bytes: Option<u64>,
    limit_processes: Option<u64>,
    times: Option<u64>,
    times_in_all: Option<u64>,
    text: String,
}

fn object(name: &VeName, event: &Event<'_>) -> String {
    let hit = if let What::Hit(hit) = event.what {
        Some(hit)
    } else {
        None
    };
    let value_in = |unit| {
        hit.filter(|hit| hit.limit.unit() == Some(unit))
            .and_then(|hit| hit.value)
    };
    let object = Object {
        at_unix_seconds: json::seconds(event.at),
        ve: name.as_str(),
        event: event.what.kind(),
        limit: hit.map(|hit| hit.limit.to_string()),
        limit_bytes: value_in(Unit::Bytes),
        limit_processes: value_in(Unit::Processes),
        times: hit.map(|hit| hit.times),
        times_in_all: hit.map(|hit| hit.total),
        text: sentence(&event.what),
    };
    // Neither a map nor a number that JSON has not: there is nothing that could fail.
    let line = serde_json::to_string(&object).unwrap_or_default();
    line + "\n"
}

#[cfg(test)]
mod tests;
