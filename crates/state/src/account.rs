//! What a VE has moved over its links: this month, and since it was created.
//!
//! Each run counts from its start, so the account knows how much of which run is in it:
//! the same counts may be entered any number of times, and what is entered is entered
//! once, whatever is killed in between. Months are those of UTC.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use veld_durable::Life;
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::Counts;
use veld_sys::{Context, Failure, fault};

mod month;

pub use month::Month;

/// In place of a month, before the first.
const NONE: &str = "-";
/// By which a line is known to be whole.
const END: &str = " .\n";
/// Size past which a file is begun anew, in bytes: one block of most file systems.
const LONGEST: u64 = 4096;

/// The account of one VE, kept in its directory: a line of words each time that it
/// changes, of which the last whole one counts.
///
/// ```text
/// 2026-11 this 1520 12 900 8 last 0 0 0 0 total 1520 12 900 8 run 1795715896.03 1520 12 900 8 held .
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// The month of the last entry; none before the first.
    pub month: Option<Month>,
    /// What was moved in it.
    pub this_month: Counts,
    /// What was moved in the month before, if something was.
    pub last_month: Counts,
    /// What was moved in all.
    pub total: Counts,
    /// The run of the last entry, by when it was started, and what of it is in here.
    run: Option<(Stamp, Counts)>,
    /// Whether the VE is held back for the traffic of this month.
    pub held: bool,
}

impl Account {
    /// Reads the account at `path`; an empty one where there is none.
    ///
    /// # Errors
    /// Names the path; InvalidData where it says nothing sensible.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text.context(|| format!("read {}", path.display()))?,
        };
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let mut lines = text.split_inclusive('\n').rev();
        lines
            .find_map(Self::parse)
            .ok_or_else(damaged)
            .context(|| format!("parse {}", path.display()))
    }

    /// Writes the account to `path`; it is on disk when this returns.
    ///
    /// # Errors
    /// Names the path.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        veld_durable::replace(path, self.to_line().as_bytes(), Life::Durable)
    }

    /// Adds the account to what is at `path`. It is on disk when the file system comes
    /// to it; a host that fails before that has what it had.
    ///
    /// # Errors
    /// Names the path.
    pub fn add(&self, path: &Path) -> Result<(), Failure> {
        if std::fs::metadata(path).is_ok_and(|file| file.len() > LONGEST) {
            return self.write(path);
        }
        let mut open = OpenOptions::new();
        let open = open.append(true).create(true).mode(0o600);
        fault::point("write file")
            .and_then(|()| open.open(path))
            // What another began to write and did not end is no line.
            .and_then(|mut file| file.write_all(format!("\n{}", self.to_line()).as_bytes()))
            .context(|| format!("write {}", path.display()))
    }

    /// Enters what the run that was started at `run` has moved since its start. What
    /// of it is in here already is not entered again.
    ///
    /// What was moved since the last entry counts for the month of `now`. A clock that
    /// was set back leaves the month as it is.
    pub fn enter(&mut self, now: Stamp, run: Stamp, moved: Counts) {
        self.turn(now);
        let before = self.of_run(run);
        let new = moved.since(before);
        self.this_month = self.this_month.plus(new);
        self.total = self.total.plus(new);
        self.run = Some((run, moved));
    }

    /// What of the run that was started at `run` is in here.
    #[must_use]
    pub fn of_run(&self, run: Stamp) -> Counts {
        match self.run {
            Some((same, moved)) if same == run => moved,
            _ => Counts::default(),
        }
    }

    /// Begins the month of `now` if it is a later one.
    pub fn turn(&mut self, now: Stamp) {
        let month = Month::of(now);
        match self.month {
            Some(before) if month <= before => {}
            before => {
                let follows = before.is_some_and(|before| before.next() == month);
                let moved = std::mem::take(&mut self.this_month);
                self.last_month = if follows { moved } else { Counts::default() };
                self.month = Some(month);
            }
        }
    }

    fn to_line(self) -> String {
        let month = self
            .month
            .map_or_else(|| NONE.to_owned(), |it| it.to_string());
        let (this, last, total) = (self.this_month, self.last_month, self.total);
        let mut line = format!("{month} this {this} last {last} total {total}");
        if let Some((run, moved)) = self.run {
            line += &format!(" run {run} {moved}");
        }
        if self.held {
            line += " held";
        }
        line + END
    }

    /// Nothing of a line that is not whole.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_suffix(END)?.split(' ').peekable();
        let month = match words.next()? {
            NONE => None,
            month => Some(month.parse().ok()?),
        };
        let [this_month, last_month, total] =
            ["this", "last", "total"].map(|word| counts_after(&mut words, word));
        let run = match words.next_if_eq(&"run") {
            Some(_) => Some((words.next()?.parse().ok()?, counts(&mut words)?)),
            None => None,
        };
        let held = words.next_if_eq(&"held").is_some();
        words.next().is_none().then_some(Self {
            month,
            this_month: this_month?,
            last_month: last_month?,
            total: total?,
            run,
            held,
        })
    }
}

fn counts_after<'a>(words: &mut impl Iterator<Item = &'a str>, word: &str) -> Option<Counts> {
    (words.next()? == word).then(|| counts(words)).flatten()
}

fn counts<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Counts> {
    let mut next = || words.next()?.parse().ok();
    Some(Counts {
        received_bytes: next()?,
        received_packets: next()?,
        sent_bytes: next()?,
        sent_packets: next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp { seconds, nanos: 0 }
    }

    fn moved(bytes: u64) -> Counts {
        Counts {
            received_bytes: bytes,
            received_packets: 1,
            sent_bytes: bytes / 2,
            sent_packets: 1,
        }
    }

    /// 2026-11-26 and 2026-12-01, 00:00 UTC.
    const NOVEMBER: u64 = 1_795_651_200;
    const DECEMBER: u64 = 1_796_083_200;

    #[test]
    fn counts_of_a_run_are_entered_once() {
        let mut account = Account::default();
        for _ in 0..3 {
            account.enter(at(NOVEMBER), at(1), moved(100));
        }
        assert_eq!(account.total, moved(100));
        account.enter(at(NOVEMBER), at(1), moved(300));
        assert_eq!(account.total.received_bytes, 300);
        // The next run counts from nothing, whatever it has moved by then.
        for _ in 0..2 {
            account.enter(at(NOVEMBER + 1), at(2), moved(50));
        }
        assert_eq!(account.total.received_bytes, 350);
        assert_eq!(account.this_month, account.total);
    }

    #[test]
    fn a_new_month_begins_with_what_is_moved_from_then_on() {
        let mut account = Account::default();
        account.enter(at(DECEMBER - 1), at(1), moved(100));
        account.enter(at(DECEMBER), at(1), moved(160));
        assert_eq!(account.month.unwrap().to_string(), "2026-12");
        assert_eq!(account.this_month.received_bytes, 60);
        assert_eq!(account.last_month.received_bytes, 100);
        assert_eq!(account.total.received_bytes, 160);
        // A clock that is set back takes nothing away.
        account.enter(at(NOVEMBER), at(1), moved(170));
        assert_eq!(account.this_month.received_bytes, 70);
        // Two months later the last one was one without any.
        account.turn(at(DECEMBER + 70 * 86_400));
        assert_eq!((account.this_month, account.last_month), Default::default());
        assert_eq!(account.total.received_bytes, 170);
    }

    #[test]
    fn an_account_is_read_as_written_and_a_damaged_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("traffic");
        let mut account = Account::read(&path).unwrap();
        assert_eq!(account, Account::default());
        account.write(&path).unwrap();
        assert_eq!(Account::read(&path).unwrap(), account);
        account.enter(at(NOVEMBER), at(1), moved(100));
        account.held = true;
        account.write(&path).unwrap();
        assert_eq!(Account::read(&path).unwrap(), account);
        let line = account.to_line();
        for damaged in [
            line.replace("2026-11", "2026-13"),
            line.replace("total 100", "total x"),
            line.replace("this", "that"),
            line.replace("held", "held held"),
            line.trim_end().to_owned(),
            String::new(),
        ] {
            std::fs::File::create(&path)
                .and_then(|mut file| file.write_all(damaged.as_bytes()))
                .unwrap();
            let refused = Account::read(&path).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{damaged}");
        }
    }

    #[test]
    fn the_last_whole_line_counts_and_the_file_stays_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("traffic");
        let mut account = Account::default();
        for bytes in 0..200 {
            account.enter(at(NOVEMBER), at(1), moved(bytes));
            account.add(&path).unwrap();
            assert_eq!(Account::read(&path).unwrap(), account);
        }
        assert!(path.metadata().unwrap().len() < LONGEST + 512);
        // Half a line, as a disk that was full takes it.
        let half = &account.to_line()[..20];
        OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(half.as_bytes()))
            .unwrap();
        assert_eq!(Account::read(&path).unwrap(), account);
        account.enter(at(NOVEMBER), at(1), moved(500));
        account.add(&path).unwrap();
        assert_eq!(Account::read(&path).unwrap(), account);
    }
}
