//! The command that stops the VE, and does the rest once it has ended.
//!
//! Neither memory nor a wait is needed to look for it.

use std::io::Write;

use rustix::fs::{Mode, OFlags};
use veld_protocol::shim::STOPPING;
use veld_protocol::stopper::Stopper;
use veld_sys::process::state_and_birth;

use crate::run_directory::RunDirectory;

/// Whether a command that said it stops the VE is still there.
pub(crate) fn lives(directory: &RunDirectory) -> bool {
    // A stopper is at most 59 digits with a point and two spaces.
    let mut word = [0; 64];
    let length = directory.read(STOPPING, &mut word).unwrap_or(0);
    let word = word.get(..length).unwrap_or_default();
    let stopper: Option<Stopper> = std::str::from_utf8(word)
        .ok()
        .and_then(|word| word.parse().ok());
    stopper.is_some_and(|stopper| birth(stopper.pid) == Some(stopper.born))
}

/// When the process of this number was born, if it runs.
///
/// # Kernel
/// proc_pid_stat(5).
fn birth(pid: i32) -> Option<u64> {
    let mut path = [0; 32];
    let room = path.len();
    let mut rest = &mut path[..];
    write!(rest, "/proc/{pid}/stat").ok()?;
    let length = room - rest.len();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path.get(..length)?, flags, Mode::empty()).ok()?;
    // However long the numbers are, field 22 is within this.
    let mut stat = [0; 640];
    let length = rustix::io::read(file, &mut stat).ok()?;
    // A zombie is not there any more.
    let (state, born) = state_and_birth(stat.get(..length)?)?;
    (!matches!(state, b'Z' | b'X')).then_some(born)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_was_born_and_one_that_is_not_there_was_not() {
        assert!(birth(std::process::id().cast_signed()).is_some());
        assert_eq!(birth(i32::MAX), None);
    }
}
