//! The file of events: a line for each, appended by one write, and bounded.

use std::io::Write;
use std::os::fd::OwnedFd;

use rustix::fs::FlockOperation;
use veld_protocol::event::{Event, LINE, What};
use veld_protocol::shim::{EVENTS, EVENTS_BEFORE, EVENTS_LIMIT};
use veld_protocol::stamp::Stamp;

use crate::run_directory::RunDirectory;

/// Writes down what happens now. A full disk loses it and nothing else.
pub(crate) fn tell(directory: &RunDirectory, what: What<'_>) {
    let at = Stamp::now();
    append(directory, &Event { at, what });
}

/// Writes an event down.
pub(crate) fn append(directory: &RunDirectory, event: &Event<'_>) {
    let mut line = [0; LINE];
    let room = line.len();
    let mut rest = &mut line[..];
    // No event is longer.
    let _ = writeln!(rest, "{event}");
    let length = room - rest.len();
    let Ok(file) = directory.append_to(EVENTS) else {
        return;
    };
    let _ = rustix::io::write(&file, line.get(..length).unwrap_or_default());
    begin_anew_if_full(directory, &file);
}

/// Puts the file aside when it is full. Commands do so too: whoever has its lock
/// does, and only while it is still the one of that name.
fn begin_anew_if_full(directory: &RunDirectory, file: &OwnedFd) {
    let Ok(about) = rustix::fs::fstat(file) else {
        return;
    };
    let is_full = u64::try_from(about.st_size).is_ok_and(|size| size > EVENTS_LIMIT);
    if !is_full || rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    let is_the_same = directory
        .status(EVENTS)
        .is_ok_and(|now| (now.st_dev, now.st_ino) == (about.st_dev, about.st_ino));
    if is_the_same && directory.rename(EVENTS, EVENTS_BEFORE).is_err() {
        // The bound holds even where the old events cannot be kept.
        let _ = rustix::fs::ftruncate(file, 0);
    }
}
