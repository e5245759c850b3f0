//! Events of a VE: written down by commands as by its shim, and read.
//!
//! ```text
//! events     appended, a line by one write
//! events.1   what that was when it was full
//! ```

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use veld_protocol::event::{Event, What};
use veld_protocol::refused::{self, Refused};
use veld_protocol::shim::{EVENTS, EVENTS_BEFORE, EVENTS_LIMIT, REFUSALS};
use veld_sys::{Context, Failure, fault};

use crate::run_dir::RunDir;

/// More than both files have, a line more each included.
const MOST: u64 = EVENTS_LIMIT * 2;

impl RunDir {
    /// Writes down what happens now. It is a record for people, for which nothing
    /// else fails: where it cannot be written it is lost.
    pub fn tell(&self, what: What<'_>) {
        let _ = self.append(&Event::now(what));
    }

    fn append(&self, event: &Event<'_>) -> io::Result<()> {
        fault::point("append event")?;
        let mut file = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.file(EVENTS))?;
        file.write_all(format!("{event}\n").as_bytes())?;
        let about = file.metadata()?;
        if about.len() <= EVENTS_LIMIT || file.try_lock().is_err() {
            return Ok(());
        }
        // The shim does this too: the second to come finds another file.
        let now = std::fs::symlink_metadata(self.file(EVENTS))?;
        if (now.dev(), now.ino()) == (about.dev(), about.ino()) {
            fault::point("put events aside")?;
            std::fs::rename(self.file(EVENTS), self.file(EVENTS_BEFORE))?;
        }
        Ok(())
    }

    /// The events that were put aside; text of lines, of which those that are no
    /// event are to be passed over.
    ///
    /// # Errors
    /// Names the path; a file that is not there is empty.
    pub fn events_before(&self) -> Result<String, Failure> {
        let path = self.file(EVENTS_BEFORE);
        let read = || -> io::Result<String> {
            let mut bytes = Vec::new();
            match File::open(&path) {
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
                file => drop(file?.take(MOST).read_to_end(&mut bytes)?),
            }
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().context(|| format!("read {}", path.display()))
    }

    /// What the shim has counted of refusals, in this run or the last; nothing
    /// where there was none.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refused> {
        let text = std::fs::read_to_string(self.file(REFUSALS)).unwrap_or_default();
        refused::parse(&text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_dir() -> (tempfile::TempDir, RunDir) {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path(), "web1");
        std::fs::create_dir(run.path()).unwrap();
        (dir, run)
    }

    #[test]
    fn what_was_told_is_there_in_order() {
        let (_dir, run) = run_dir();
        run.tell(What::Started(0));
        run.tell(What::Up);
        let text = std::fs::read_to_string(run.file(EVENTS)).unwrap();
        let told: Vec<_> = text.lines().filter_map(Event::parse).collect();
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].what, told[1].what), (What::Started(0), What::Up));
        assert!(told[0].at <= told[1].at);
        assert_eq!(run.events_before().unwrap(), "");
    }

    #[test]
    fn many_events_take_bounded_room_and_the_last_are_kept() {
        let (_dir, run) = run_dir();
        for number in 0..4000 {
            run.tell(What::StartFailed(&format!("{number} {}", "x".repeat(50))));
        }
        let now = std::fs::read_to_string(run.file(EVENTS)).unwrap();
        let before = run.events_before().unwrap();
        for text in [&now, &before] {
            assert!(text.len() < 65 * 1024, "{}", text.len());
        }
        let all = before + &now;
        let lines: Vec<&str> = all.lines().collect();
        assert!(lines.len() > 500, "{}", lines.len());
        let number = |line: &str| -> u32 { line.split(' ').nth(2).unwrap().parse().unwrap() };
        assert!(
            lines
                .windows(2)
                .all(|two| number(two[0]) + 1 == number(two[1]))
        );
        assert_eq!(number(lines.last().unwrap()), 3999);
    }

    #[test]
    fn a_directory_that_is_gone_takes_no_event() {
        let (dir, run) = run_dir();
        std::fs::remove_dir(run.path()).unwrap();
        run.tell(What::Up);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(run.refusals().is_empty());
    }
}
