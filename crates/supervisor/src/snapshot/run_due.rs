//! What the schedule of a VE asks for now.

use veld_config::Schedule;
use veld_protocol::stamp::Stamp;

use super::due::{due, expired};
use super::{SnapshotWish, load, make_locked, remove};
use crate::error::{Error, Source};
use crate::outcome::Done;
use crate::trash;
use crate::ve::Ve;

/// Makes the snapshot that the schedule of a VE asks for, and deletes those whose
/// time is over; with `dry_run` it is told only. Says nothing where there is nothing
/// to do.
///
/// # Errors
/// As of making and deleting a snapshot. What is over is deleted even where none could
/// be made, for want of space perhaps.
pub fn run_due(ve: &Ve<'_>, dry_run: bool) -> Result<Done, Error> {
    let failed = |source: Source| Error::action(&ve.name, "run its schedule", source);
    if dry_run {
        ve.must_be_there()?;
        let schedules = ve
            .config()
            .map_err(|error| failed(error.into()))?
            .storage
            .snapshots;
        return told(ve, &schedules).map_err(failed);
    }
    // Most VEs have nothing to do, and no lock is taken for that.
    let schedules = ve
        .config()
        .map_err(|error| failed(error.into()))?
        .storage
        .snapshots;
    if told(ve, &schedules).map_err(failed)?.what.is_empty() {
        return Ok(Done::default());
    }
    let _lock = ve.must_exist(ve.lock("snapshot")?)?;
    let now = Stamp::now();
    let tree = load(ve).map_err(failed)?;
    let wanted: Vec<String> = due(&schedules, &tree.records(), now)
        .iter()
        .map(|line| line.period.to_string())
        .collect();
    let made = if wanted.is_empty() {
        Ok(None)
    } else {
        make_locked(ve, &SnapshotWish::default(), &wanted).map(Some)
    };
    let mut said: Vec<String> = Vec::new();
    if let Ok(Some(name)) = &made {
        said.push(format!("made snapshot {name}"));
    }
    let tree = load(ve).map_err(failed)?;
    let over = expired(&schedules, &tree.records(), now);
    for known in tree
        .all()
        .iter()
        .filter(|it| over.contains(&it.record.number))
    {
        remove(ve, &known.sid).map_err(failed)?;
        said.push(format!("deleted snapshot {}", known.record.name));
    }
    if !over.is_empty() {
        trash::empty_in_background(ve.host);
    }
    made?;
    Ok(Done::new(said.join(", ")))
}

/// What would be done.
fn told(ve: &Ve<'_>, schedules: &[Schedule]) -> Result<Done, Source> {
    let now = Stamp::now();
    let tree = load(ve)?;
    let mut records = tree.records();
    let wanted = due(schedules, &records, now);
    let mut said: Vec<String> = Vec::new();
    if !wanted.is_empty() {
        let words: Vec<String> = wanted.iter().map(|line| line.period.to_string()).collect();
        said.push(format!("would make a snapshot ({})", words.join(", ")));
        // It counts among those that are kept.
        records.push(veld_storage::Record {
            number: tree.next_number(),
            created: now.seconds,
            schedules: words,
            ..veld_storage::Record::default()
        });
    }
    let over = expired(schedules, &records, now);
    for known in tree
        .all()
        .iter()
        .filter(|it| over.contains(&it.record.number))
    {
        said.push(format!("would delete snapshot {}", known.record.name));
    }
    Ok(Done::new(said.join(", ")))
}
