//! `veld snapshot …`

use serde::Serialize;
use veld_config::SnapshotName;
use veld_protocol::stamp::Stamp;
use veld_supervisor::{Done, Error, Host, Snapshot, SnapshotWish, Ve};

use crate::cli::{self, SnapshotCreate, SnapshotList, SnapshotOne, SnapshotRunDue};
use crate::jobs::tell;
use crate::output::{self, escape};
use crate::report::{self, Failed};
use crate::{json, moment, table};

pub(crate) fn run(host: &Host, command: cli::Snapshot) -> Result<(), Failed> {
    match command {
        cli::Snapshot::Create(create) => self::create(host, create),
        cli::Snapshot::List(list) => self::list(host, &list),
        cli::Snapshot::Restore(one) => on(host, &one, veld_supervisor::restore),
        cli::Snapshot::Delete(delete) => {
            let ve = host.find(&delete.ve)?;
            told(&ve, veld_supervisor::delete_snapshots(&ve, &delete.names))
        }
        cli::Snapshot::Mount(one) => {
            let ve = host.find(&one.ve)?;
            let place = veld_supervisor::mount_snapshot(&ve, &one.name)?;
            output::print(&format!("{}\n", place.display()))
        }
        cli::Snapshot::Umount(one) => on(host, &one, veld_supervisor::unmount_snapshot),
        cli::Snapshot::RunDue(run) => run_due(host, &run),
    }
}

fn on(
    host: &Host,
    one: &SnapshotOne,
    action: impl Fn(&Ve<'_>, &SnapshotName) -> Result<Done, Error>,
) -> Result<(), Failed> {
    let ve = host.find(&one.ve)?;
    told(&ve, action(&ve, &one.name))
}

fn told(ve: &Ve<'_>, done: Result<Done, Error>) -> Result<(), Failed> {
    Failed::reported_if(tell(ve, done)?)
}

fn create(host: &Host, create: SnapshotCreate) -> Result<(), Failed> {
    let ve = host.find(&create.ve)?;
    let wish = SnapshotWish {
        name: create.name,
        description: create.description,
        expires: create.expires,
    };
    told(&ve, veld_supervisor::create_snapshot(&ve, &wish))
}

/// Of all VEs or some; one that fails does not keep others from it.
fn run_due(host: &Host, run: &SnapshotRunDue) -> Result<(), Failed> {
    let mut failed = false;
    let mut ves = Vec::new();
    if run.ves.is_empty() {
        ves = host.ves()?;
    }
    for ve in &run.ves {
        match host.find(ve) {
            Ok(ve) => ves.push(ve),
            Err(error) => {
                report::action(&error);
                failed = true;
            }
        }
    }
    for ve in &ves {
        failed |= tell(ve, veld_supervisor::run_due(ve, run.dry_run))?;
    }
    Failed::reported_if(failed)
}

/// A snapshot as JSON.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    name: &'a str,
    parent: Option<&'a str>,
    is_current: bool,
    created_unix_seconds: u64,
    expires_unix_seconds: Option<u64>,
    description: &'a str,
    schedules: &'a [String],
}

impl<'a> Shown<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            name: &snapshot.name,
            parent: snapshot.parent.as_deref(),
            is_current: snapshot.is_current,
            created_unix_seconds: snapshot.created,
            expires_unix_seconds: snapshot.expires,
            description: &snapshot.description,
            schedules: &snapshot.schedules,
        }
    }
}

fn list(host: &Host, list: &SnapshotList) -> Result<(), Failed> {
    let found = veld_supervisor::snapshots(&host.find(&list.ve)?)?;
    if list.json {
        let all: Vec<Shown<'_>> = found.iter().map(Shown::new).collect();
        return json::print(&all);
    }
    let header = ["SNAPSHOT", "MADE", "EXPIRES", "SCHEDULE", "DESCRIPTION"];
    let rows = std::iter::once(header.map(str::to_owned).to_vec());
    let rows: Vec<Vec<String>> = rows.chain(found.iter().map(row)).collect();
    output::print(&table::render(&rows))
}

fn row(snapshot: &Snapshot) -> Vec<String> {
    let at = |seconds| moment::utc(Stamp { seconds, nanos: 0 });
    let or_none = |text: String| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text
        }
    };
    let current = if snapshot.is_current { " *" } else { "" };
    let indent = "  ".repeat(snapshot.depth);
    let cells = [
        format!("{indent}{}{current}", snapshot.name),
        at(snapshot.created),
        or_none(snapshot.expires.map(at).unwrap_or_default()),
        or_none(snapshot.schedules.join(", ")),
        or_none(snapshot.description.clone()),
    ];
    cells.iter().map(|cell| escape(cell)).collect()
}
