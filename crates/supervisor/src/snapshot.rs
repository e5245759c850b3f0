//! Snapshots of a VE: its disk and its config as they were at an instant, which may
//! be gone back to.
//!
//! ```text
//!              running: stand still ── copy ── go on ──┐
//!  create ──┤                                          ├── publish ── "goes on from it"
//!              stopped: freeze the layer, or copy ─────┘
//! ```
//!
//! What was begun and killed is taken away by the next command that has the lock; a
//! VE that stood still for one goes on at once (`still`).

mod due;
mod restore;
mod run_due;
mod shown;
mod still;
mod tree;

use std::time::Duration;

use veld_config::SnapshotName;
use veld_protocol::stamp::Stamp;
use veld_state::Observed;
use veld_storage::Record;
use veld_units::Timespan;

use crate::error::{Error, ErrorKind, Source, chain};
use crate::files::Files;
use crate::outcome::Done;
use crate::trash;
use crate::ve::Ve;
use tree::{Known, Tree};

pub use restore::restore;
pub use run_due::run_due;
pub(crate) use shown::hide_all;
pub use shown::{mount_snapshot, unmount_snapshot};
pub(crate) use still::Still;

/// How long the processes of a VE may take to stand still.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What an administrator wants of a new snapshot.
#[derive(Debug, Clone, Default)]
pub struct SnapshotWish {
    /// Its name; made of the time unless given.
    pub name: Option<SnapshotName>,
    /// What it is for.
    pub description: String,
    /// How long it is kept.
    pub expires: Option<Timespan>,
}

/// A snapshot in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// The name of the one that it goes on from.
    pub parent: Option<String>,
    /// How many it goes on from.
    pub depth: usize,
    /// When it was made, seconds since 1970.
    pub created: u64,
    /// When it goes by itself, seconds since 1970.
    pub expires: Option<u64>,
    /// What a person said of it.
    pub description: String,
    /// The periods that it was made for by a schedule.
    pub schedules: Vec<String>,
    /// Whether the VE goes on from it.
    pub is_current: bool,
}

/// Makes a snapshot of a VE, whether it runs or not.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Exists`] for the name of another;
/// [`ErrorKind::TimedOut`] where not all of its processes stand still;
/// [`ErrorKind::Failed`] for a step, undone.
pub fn create_snapshot(ve: &Ve<'_>, wish: &SnapshotWish) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("snapshot")?)?;
    let name = make_locked(ve, wish, &[])?;
    Ok(Done::new(format!("made snapshot {name}")))
}

/// Makes a snapshot of a VE whose lock is held, for these periods of a schedule.
fn make_locked(ve: &Ve<'_>, wish: &SnapshotWish, schedules: &[String]) -> Result<String, Error> {
    let failed = |source: Source| Error::action(&ve.name, "make a snapshot", source);
    let tree = load(ve).map_err(failed)?;
    let record = record(ve, &tree, wish, schedules)?;
    let running = is_running(ve)?;
    if let Err(error) = make(ve, running, &record) {
        let mut also: Vec<String> = settle(ve).err().iter().map(chain_of).collect();
        if !running {
            also.extend(ve.settle().err().iter().map(chain_of));
        }
        trash::empty_in_background(ve.host);
        return Err(error.and_also(also));
    }
    Ok(record.name)
}

fn chain_of(source: &Source) -> String {
    chain(source)
}

fn record(
    ve: &Ve<'_>,
    tree: &Tree,
    wish: &SnapshotWish,
    schedules: &[String],
) -> Result<Record, Error> {
    let now = Stamp::now();
    let name = match &wish.name {
        Some(name) if tree.named(name.as_str()).is_some() => {
            let fact = format!("has a snapshot {name} already");
            return Err(Error::fact(ErrorKind::Exists, &ve.name, fact));
        }
        Some(name) => name.as_str().to_owned(),
        None => tree.free_name(&moment(now)),
    };
    let current = ve.area.current_snapshot();
    Ok(Record {
        name,
        number: tree.next_number(),
        created: now.seconds,
        parent: current.filter(|current| tree.get(current).is_some()),
        description: wish.description.clone(),
        expires: wish
            .expires
            .map(|time| now.later_by(time.duration()).seconds),
        schedules: schedules.to_vec(),
    })
}

/// `20261126-204500`
fn moment(at: Stamp) -> String {
    let utc = at.utc();
    format!(
        "{:04}{:02}{:02}-{:02}{:02}{:02}",
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second
    )
}

/// Whether a VE runs; one that does so without a record is refused.
pub(crate) fn is_running(ve: &Ve<'_>) -> Result<bool, Error> {
    if let Observed::Running(_) = ve.observe() {
        return Ok(true);
    }
    let populated = ve
        .group()
        .is_ok_and(|group| group.populated().unwrap_or(false));
    if populated {
        let fact = "runs without a record; stop it first";
        return Err(Error::fact(ErrorKind::AlreadyRunning, &ve.name, fact));
    }
    Ok(false)
}

fn make(ve: &Ve<'_>, running: bool, record: &Record) -> Result<(), Error> {
    let failed = |source: Source| Error::action(&ve.name, "make a snapshot", source);
    let io = |failure: veld_sys::Failure| failed(failure.into());
    if !running {
        ve.settle().map_err(failed)?;
    }
    // What a VE of before stands on is written down.
    Files::of(ve).map_err(failed)?;
    let config = veld_kernfs::read(&ve.area.config()).map_err(io)?;
    let making = ve.area.begin_snapshot().map_err(io)?;
    if running {
        let still = Still::hold(ve, "make a snapshot")?;
        ve.step("copy files");
        let copied = making.copy();
        still.end().map_err(failed)?;
        copied.and_then(|()| making.place()).map_err(io)?;
    } else if ve.area.is_frozen_quickly().map_err(io)? {
        ve.step("freeze layer");
        let layer = ve.area.frozen_layer().map_err(io)?;
        making.stand_on(&layer).map_err(io)?;
    } else {
        ve.step("copy files");
        making.copy().and_then(|()| making.place()).map_err(io)?;
    }
    ve.step("publish snapshot");
    let id = making.id().to_owned();
    making.publish(record, config.as_bytes()).map_err(io)?;
    // It is there, whatever becomes of this, which only says what goes on from what.
    let _ = ve.area.set_current_snapshot(Some(&id));
    Ok(())
}

/// Lets a VE go on that was left standing still, and takes away what a snapshot that was
/// killed, or a removal of one, has left; the lock is held.
pub(crate) fn settle(ve: &Ve<'_>) -> Result<(), Source> {
    still::settle(ve)?;
    Ok(ve.area.settle_snapshots()?)
}

/// The snapshots of a VE; one whose record cannot be read goes by its directory.
pub(crate) fn load(ve: &Ve<'_>) -> Result<Tree, Source> {
    let mut known = Vec::new();
    for sid in ve.area.snapshot_ids()? {
        let record = match Record::read(&ve.area.snapshot(&sid)) {
            Ok(record) => record,
            Err(failure) if failure.kind() == std::io::ErrorKind::InvalidData => Record {
                name: sid.clone(),
                description: chain(&failure),
                ..Record::default()
            },
            // Deleted since it was listed.
            Err(_) => continue,
        };
        known.push(Known { sid, record });
    }
    Ok(Tree::new(known))
}

/// The snapshot of this name.
pub(crate) fn find(ve: &Ve<'_>, tree: &Tree, name: &SnapshotName) -> Result<Known, Error> {
    tree.named(name.as_str()).cloned().ok_or_else(|| {
        let fact = format!("has no snapshot {name}");
        Error::fact(ErrorKind::NotFound, &ve.name, fact)
    })
}

/// The directory name of the snapshot of this name.
pub(crate) fn sid_of(ve: &Ve<'_>, name: &SnapshotName) -> Result<String, Error> {
    let tree = load(ve).map_err(|source| Error::action(&ve.name, "read its snapshots", source))?;
    Ok(find(ve, &tree, name)?.sid)
}

/// The snapshots of a VE, each below the one that it goes on from. Reads files only.
///
/// # Errors
/// [`ErrorKind::NotFound`], or where they cannot be read.
pub fn snapshots(ve: &Ve<'_>) -> Result<Vec<Snapshot>, Error> {
    ve.must_be_there()?;
    let tree = load(ve).map_err(|source| Error::action(&ve.name, "list its snapshots", source))?;
    let current = ve.area.current_snapshot();
    let line = |(depth, known): (usize, &Known)| {
        let record = &known.record;
        let parent = record.parent.as_deref().and_then(|sid| tree.get(sid));
        Snapshot {
            name: record.name.clone(),
            parent: parent.map(|parent| parent.record.name.clone()),
            depth,
            created: record.created,
            expires: record.expires,
            description: record.description.clone(),
            schedules: record.schedules.clone(),
            is_current: current.as_deref() == Some(known.sid.as_str()),
        }
    };
    Ok(tree.walk().into_iter().map(line).collect())
}

/// Deletes snapshots. Those that go on from one of them go on from what that went on
/// from; VEs that were cloned from it keep their files.
///
/// # Errors
/// [`ErrorKind::NotFound`] where one is not there: nothing is deleted then;
/// [`ErrorKind::Failed`] for a step, which the next command finishes.
pub fn delete_snapshots(ve: &Ve<'_>, names: &[SnapshotName]) -> Result<Done, Error> {
    let _lock = ve.must_exist(ve.lock("snapshot")?)?;
    let failed = |source: Source| Error::action(&ve.name, "delete a snapshot", source);
    let tree = load(ve).map_err(failed)?;
    let mut known = Vec::new();
    for name in names {
        known.push(find(ve, &tree, name)?);
    }
    for snapshot in &known {
        // A name that was said twice.
        if ve.area.snapshot(&snapshot.sid).is_dir() {
            remove(ve, &snapshot.sid).map_err(failed)?;
        }
    }
    trash::empty_in_background(ve.host);
    let names: Vec<&str> = names.iter().map(SnapshotName::as_str).collect();
    let what = if names.len() == 1 {
        "snapshot"
    } else {
        "snapshots"
    };
    Ok(Done::new(format!("deleted {what} {}", names.join(" "))))
}

/// Deletes one whose VE's lock is held.
fn remove(ve: &Ve<'_>, sid: &str) -> Result<(), Source> {
    let tree = load(ve)?;
    ve.step("pass on what goes on from it");
    for orphan in tree.orphans(sid) {
        orphan.record.write(&ve.area.snapshot(&orphan.sid))?;
    }
    if ve.area.current_snapshot().as_deref() == Some(sid) {
        let parent = tree
            .get(sid)
            .and_then(|known| known.record.parent.as_deref());
        ve.area.set_current_snapshot(parent)?;
    }
    shown::hide(ve, sid)?;
    ve.step("remove snapshot");
    Ok(ve.area.remove_snapshot(sid)?)
}
