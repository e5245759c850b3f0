//! `veld show`

use std::fmt::Write;

use veld_config::VeConfig;
use veld_protocol::stamp::Stamp;
use veld_supervisor::{Detail, Host};

use crate::amount::size;
use crate::cli::Show;
use crate::commands::list::status;
use crate::json;
use crate::limits;
use crate::moment;
use crate::output::{self, escape};
use crate::refusal;
use crate::report::Failed;

/// Of the keys that every VE has a line for.
const USUAL_WIDTH: usize = 12;

pub(crate) fn run(host: &Host, show: &Show) -> Result<(), Failed> {
    let detail = veld_supervisor::detail(&host.find(&show.ve)?)?;
    if show.json {
        return json::print(&json::Shown::new(&detail));
    }
    let rows = rows(&detail);
    let longest = rows.iter().map(|(key, _)| key.len()).max();
    let width = longest.unwrap_or_default().max(USUAL_WIDTH);
    let mut text = String::new();
    for (key, value) in rows {
        let _ = writeln!(text, "{key:<width$} {}", escape(&value));
    }
    output::print(&text)
}

type Row = (&'static str, String);

fn rows(detail: &Detail) -> Vec<Row> {
    let ve = &detail.summary;
    let mut rows = vec![("name", ve.name.to_string())];
    rows.extend(ve.id.map(|id| ("id", id.to_string())));
    rows.push(("status", status(ve)));
    rows.extend(ve.since.map(|since| {
        let ago = json::uptime(&since);
        ("since", format!("{}, {ago} ago", moment::utc(since)))
    }));
    rows.extend(health_rows(detail));
    rows.extend(run_rows(detail));
    match &ve.config {
        Err(error) => rows.extend(error.lines().map(|line| ("config", line.to_owned()))),
        Ok(config) => rows.extend(config_rows(config)),
    }
    rows.extend(
        detail
            .first_host_id
            .map(|first| ("host ids", format!("{first} to {}", first + 65_535))),
    );
    if ve.snapshots > 0 {
        rows.push(("snapshots", ve.snapshots.to_string()));
    }
    rows.push(("directory", detail.area.display().to_string()));
    rows.extend(limit_rows(detail));
    let refused = detail.refusals.iter();
    rows.extend(refused.map(|refusals| ("refused", refusal::row(refusals))));
    for link in &detail.links {
        let name = &link.name;
        let state = if link.up { "up" } else { "down" };
        let addresses: Vec<String> = link.addresses.iter().map(ToString::to_string).collect();
        rows.push(("link", format!("{name} {state} {}", addresses.join(" "))));
    }
    rows.extend(traffic_row(detail));
    rows
}

/// What it has moved this month, of what it may, and in all.
fn traffic_row(detail: &Detail) -> Option<Row> {
    let account = detail.traffic.filter(|account| account.month.is_some())?;
    let config = detail.summary.config.as_ref().ok();
    let limit = config.and_then(|config| config.network.traffic.limit);
    let month = account.this_month;
    let mut text = format!("this month {}", size(month.bytes()));
    if let Some(limit) = limit {
        let _ = write!(text, " of {limit}");
    }
    if account.held {
        text += ", used up";
    }
    let _ = write!(
        text,
        " ({} in, {} out); last month {}, in all {}",
        size(month.received_bytes),
        size(month.sent_bytes),
        size(account.last_month.bytes()),
        size(account.total.bytes())
    );
    Some(("traffic", text))
}

fn run_rows(detail: &Detail) -> Vec<Row> {
    let ve = &detail.summary;
    let mut rows = Vec::new();
    rows.extend(ve.pid.map(|pid| ("init pid", pid.to_string())));
    rows.extend(ve.shim_pid.map(|pid| ("shim pid", pid.to_string())));
    rows.extend(ve.started.map(|started| ("up for", json::uptime(&started))));
    if let (Some(started), Some(ready)) = (ve.started, ve.ready) {
        let took = ready.since(started);
        rows.push(("booted in", format!("{:.2} s", took.as_secs_f64())));
    }
    rows.extend(ve.init.map(|found| {
        let way = if found.hands_over {
            "handed over"
        } else {
            "supervised"
        };
        ("init", format!("{}, {way}", found.kind))
    }));
    rows.extend(ve.status.clone().map(|status| ("init says", status)));
    rows.extend(ve.restart_due.map(|due| {
        let seconds = due.since(Stamp::now()).as_secs();
        let number = ve.restarts;
        (
            "starts again",
            format!("in {seconds} s, number {number} in a row"),
        )
    }));
    rows.extend(ve.ended.map(|ended| {
        (
            "last end",
            format!("{}, {} ago", ended.how(), json::uptime(&ended.at)),
        )
    }));
    rows.extend(
        ve.failure
            .clone()
            .map(|failure| ("not started", failure.trim_end().to_owned())),
    );
    rows
}

fn health_rows(detail: &Detail) -> Vec<Row> {
    let failed = &detail.summary.failed;
    let failed = (!failed.is_empty()).then(|| ("failed", failed.join(" ")));
    let unknown = detail.health_unknown.as_ref();
    let unknown = unknown.map(|why| ("health", format!("unknown: {why}")));
    failed.into_iter().chain(unknown).collect()
}

fn config_rows(config: &VeConfig) -> Vec<Row> {
    let words = |words: Vec<String>| {
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(" ")
        }
    };
    vec![
        ("template", config.template.to_string()),
        ("hostname", config.hostname.to_string()),
        ("uuid", config.uuid.to_string()),
        (
            "onboot",
            if config.onboot { "yes" } else { "no" }.to_owned(),
        ),
        ("bootorder", config.bootorder.to_string()),
        ("restart", config.restart.to_string()),
        (
            "devices",
            words(config.devices.iter().map(ToString::to_string).collect()),
        ),
        ("network", config.network.first.mode.to_string()),
        (
            "ip",
            words(
                config
                    .network
                    .first
                    .ip
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            ),
        ),
    ]
}

/// Each limit as it is set, and as the kernel has it where the VE runs.
fn limit_rows(detail: &Detail) -> Vec<Row> {
    let unlimited = || "not limited".to_owned();
    let rows = limits::rows(detail).into_iter().map(|row| {
        let mut text = row.set.unwrap_or_else(unlimited);
        if let Some(this_run) = row.this_run {
            let this_run = this_run.unwrap_or_else(unlimited);
            let _ = write!(text, ", for this run {this_run}");
        }
        if let Some(held) = row.held {
            let _ = write!(text, ", in the kernel {}", held.unwrap_or_else(unlimited));
        }
        if let Some(used) = row.used {
            let _ = write!(text, ", in use {used}");
        }
        (row.word, text)
    });
    rows.collect()
}
