//! The command that stops the VE, and does the rest once it has ended.
//!
//! Neither memory nor a wait is needed to look for it.

use std::io::Write;

use rustix::fs::{Mode, OFlags};
use veld_protocol::shim::STOPPING;
use veld_protocol::stopper::Stopper;

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
    birth_in(stat.get(..length)?)
}

/// The name in field 2 may hold anything, so fields count from the last
/// parenthesis. A zombie is not there any more.
fn birth_in(stat: &[u8]) -> Option<u64> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat.get(name_ends..)?.split(|byte| *byte == b' ').skip(1);
    let state = fields.next()?;
    let born = std::str::from_utf8(fields.nth(18)?).ok()?;
    born.parse().ok().filter(|_| !matches!(state, b"Z" | b"X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_count_from_the_last_parenthesis_and_a_zombie_is_gone() {
        let fields: Vec<String> = (4..=25).map(|field| field.to_string()).collect();
        let stat = |state: &str| format!("7 (a) b) {state} {}", fields.join(" "));
        assert_eq!(birth_in(stat("S").as_bytes()), Some(22));
        assert_eq!(birth_in(stat("Z").as_bytes()), None);
        assert_eq!(birth_in(b"7 (a"), None);
        assert!(birth(std::process::id().cast_signed()).is_some());
    }
}
