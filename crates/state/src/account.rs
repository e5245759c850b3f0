//! What a VE has moved over its links: this month, and since it was created.
//!
//! Each run counts from its start, so the account knows how much of which run is in it:
//! the same counts may be entered any number of times, and what is entered is entered
//! once, whatever is killed in between. Months are those of UTC.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use veld_durable::Life;
use veld_protocol::stamp::Stamp;
use veld_protocol::traffic::Counts;
use veld_sys::{Context, Failure};

mod month;

pub use month::Month;

/// The account of one VE: lines of `key value`, kept in its directory.
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
        Self::parse(&text)
            .ok_or_else(damaged)
            .context(|| format!("parse {}", path.display()))
    }

    /// Writes the account to `path`; it is on disk when this returns.
    ///
    /// # Errors
    /// Names the path.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        veld_durable::replace(path, self.to_text().as_bytes(), Life::Durable)
    }

    /// Enters what the run that was started at `run` has moved since its start. What
    /// of it is in here already is not entered again.
    ///
    /// What was moved since the last entry counts for the month of `now`. A clock that
    /// was set back leaves the month as it is.
    pub fn enter(&mut self, now: Stamp, run: Stamp, moved: Counts) {
        self.turn(now);
        let before = match self.run {
            Some((same, before)) if same == run => before,
            _ => Counts::default(),
        };
        let new = moved.since(before);
        self.this_month = self.this_month.plus(new);
        self.total = self.total.plus(new);
        self.run = Some((run, moved));
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

    fn to_text(self) -> String {
        let mut text = String::new();
        if let Some(month) = self.month {
            text += &format!("month {month}\n");
        }
        text += &format!(
            "this-month {}\nlast-month {}\ntotal {}\n",
            self.this_month, self.last_month, self.total
        );
        if let Some((run, moved)) = self.run {
            text += &format!("run {run}\nof-run {moved}\n");
        }
        if self.held {
            text += "held yes\n";
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let pairs: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect();
        let counts = |key| pairs.get(key)?.parse::<Counts>().ok();
        let month = match pairs.get("month") {
            Some(month) => Some(month.parse().ok()?),
            None => None,
        };
        let run = match pairs.get("run") {
            Some(run) => Some((run.parse().ok()?, counts("of-run")?)),
            None => None,
        };
        Some(Self {
            month,
            this_month: counts("this-month")?,
            last_month: counts("last-month")?,
            total: counts("total")?,
            run,
            held: pairs.get("held") == Some(&"yes"),
        })
    }
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
        let text = account.to_text();
        for damaged in [
            text.replace("2026-11", "2026-13"),
            text.replace("total 100", "total x"),
            text.replace("of-run", "of"),
            String::new(),
        ] {
            assert_eq!(Account::parse(&damaged), None, "{damaged}");
        }
    }
}
