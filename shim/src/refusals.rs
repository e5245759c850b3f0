//! How often limits of the VE refuse something: told at once, and then at most once
//! a second, however often it happens.
//!
//! ```text
//!          it has happened                     a second has passed
//! Armed ─────────────────────> counted, Quiet ─────────────────────> counted
//!   ^                            ^                                     │ │
//!   │                            └────────────── more of it ───────────┘ │
//!   └──────────────────────── no more, or none to be seen yet ───────────┘
//! ```
//!
//! While a source is quiet the kernel wakes nobody for it. One that the kernel never
//! tells of is always quiet, and longer where nothing comes.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use veld_protocol::event::{Hit, What};
use veld_protocol::limit::Limit;
use veld_protocol::refused::Refused;
use veld_protocol::shim::{MOST_WATCHED, REFUSALS};
use veld_protocol::stamp::Stamp;
use veld_protocol::watched::Watched;

use crate::events;
use crate::run_directory::RunDirectory;

/// How long a source is left alone once it was looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long one that the kernel does not tell of is left alone where nothing came:
/// a look is a system call and a wake-up of the shim, some ten microseconds.
const LOOK: Duration = Duration::from_secs(5);
/// Longer than any of the files; what is looked for stands at their beginning.
const FILE: usize = 512;
/// Longest line of [`REFUSALS`]: a word, two numbers and a point.
const LINE: usize = 96;
/// Most counters that are written down: more than a host has.
const COUNTERS: usize = 16;

/// The number of a source, below [`MOST_WATCHED`].
pub(crate) type Source = usize;

/// What is watched, and what was seen of it.
#[derive(Debug)]
pub(crate) struct Refusals {
    watched: Vec<Descriptor>,
    counters: Vec<Counter>,
}

/// One of the descriptors.
#[derive(Debug)]
struct Descriptor {
    what: Watched,
    file: OwnedFd,
    /// Until when it is left alone, where it woke the loop.
    quiet: Option<Instant>,
}

/// One number among those that descriptors have.
#[derive(Debug)]
struct Counter {
    limit: Limit,
    /// How often it was told of.
    told: u64,
    /// When it was last seen to have grown.
    last: Option<Stamp>,
}

impl Refusals {
    /// Takes no memory after this.
    pub(crate) fn new(given: Vec<(Watched, OwnedFd)>) -> Self {
        let watched: Vec<Descriptor> = given
            .into_iter()
            .take(MOST_WATCHED)
            .map(|(what, file)| Descriptor {
                quiet: what.is_looked_at().then(|| later(LOOK)).flatten(),
                what,
                file,
            })
            .collect();
        let keys = watched.iter().flat_map(|one| one.what.keys());
        let counters = keys.take(COUNTERS).map(|key| Counter::new(key.limit));
        let counters = counters.collect();
        Self { watched, counters }
    }

    /// What wakes the loop, with the source's number and whether by urgent data.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (Source, BorrowedFd<'_>, bool)> {
        let sources = self.watched.iter().enumerate();
        sources.filter_map(|(source, one)| {
            let by_urgency = match one.what {
                Watched::Events(_) => true,
                Watched::Alarm => false,
                Watched::Look(_) | Watched::Count(_) | Watched::Value(_) => return None,
            };
            Some((source, one.file.as_fd(), by_urgency))
        })
    }

    /// A source has woken the loop: counts, and leaves it alone for a while.
    pub(crate) fn woken(&mut self, source: Source, directory: &RunDirectory) {
        self.count(source, directory);
        if let Some(one) = self.watched.get_mut(source) {
            one.quiet = later(INTERVAL);
        }
    }

    /// How long until a source is to be looked at again, where one is quiet.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        let now = Instant::now();
        let quiet = self.watched.iter().filter_map(|one| one.quiet);
        quiet
            .map(|until| until.saturating_duration_since(now))
            .min()
    }

    /// Counts anew at the next source whose time is over, if there is one; the
    /// source, where it may wake the loop again.
    pub(crate) fn next_due(&mut self, directory: &RunDirectory) -> Option<(Source, bool)> {
        let now = Instant::now();
        let is_due = |one: &Descriptor| one.quiet.is_some_and(|until| until <= now);
        let source = self.watched.iter().position(is_due)?;
        let grew = self.count(source, directory);
        let one = self.watched.get_mut(source)?;
        one.quiet = match (grew, one.what.is_looked_at()) {
            (true, _) => later(INTERVAL),
            (false, true) => later(LOOK),
            (false, false) => None,
        };
        Some((source, one.quiet.is_none()))
    }

    /// Counts everything once more, for the VE has ended.
    pub(crate) fn count_all(&mut self, directory: &RunDirectory) {
        for source in 0..self.watched.len() {
            self.count(source, directory);
        }
    }

    /// Reads what there is behind a source and tells what has grown; whether any has.
    fn count(&mut self, source: Source, directory: &RunDirectory) -> bool {
        let Some(one) = self.watched.get(source) else {
            return false;
        };
        let mut grew = false;
        match &one.what {
            Watched::Events(_) | Watched::Look(_) => grew = self.count_in(source, directory),
            Watched::Alarm => {
                // It says how often it was signalled, which is nobody's number.
                let _ = rustix::io::read(&one.file, &mut [0; 8]);
                for file in 0..self.watched.len() {
                    let one = self.watched.get(file);
                    if one.is_some_and(|one| matches!(one.what, Watched::Count(_))) {
                        grew |= self.count_in(file, directory);
                    }
                }
            }
            Watched::Count(_) | Watched::Value(_) => {}
        }
        if grew {
            self.write(directory);
        }
        grew
    }

    /// Compares the numbers in one file with what was told.
    fn count_in(&mut self, file: usize, directory: &RunDirectory) -> bool {
        let Some(one) = self.watched.get(file) else {
            return false;
        };
        let mut buffer = [0; FILE];
        let read = match &one.what {
            // From its beginning: only then does the kernel take it for seen.
            Watched::Events(_) | Watched::Look(_) => rustix::io::pread(&one.file, &mut buffer, 0),
            Watched::Count(_) => read_anew(&one.file, &mut buffer),
            Watched::Alarm | Watched::Value(_) => return false,
        };
        let text = buffer.get(..read.unwrap_or(0)).unwrap_or_default();
        let mut grew = false;
        for key in one.what.keys() {
            let Some(now) = number(text, key.key.as_deref()) else {
                continue;
            };
            let value = self.value(key.limit);
            let counter = self.counters.iter_mut();
            let counter = counter
                .into_iter()
                .find(|counter| counter.limit == key.limit);
            if let Some(hit) = counter.and_then(|counter| counter.grow(now, value)) {
                events::tell(directory, What::Hit(hit));
                grew = true;
            }
        }
        grew
    }

    /// The value of a limit at this moment.
    fn value(&self, limit: Limit) -> Option<u64> {
        let mut watched = self.watched.iter();
        let of = watched.find(|one| one.what == Watched::Value(limit))?;
        let mut buffer = [0; FILE];
        let length = read_anew(&of.file, &mut buffer).ok()?;
        // The memory controller of v1 has a number of this size for none.
        number(buffer.get(..length)?, None).filter(|value| *value < 1 << 62)
    }

    fn write(&self, directory: &RunDirectory) {
        let mut text = [0; LINE * COUNTERS];
        let room = text.len();
        let mut rest = &mut text[..];
        for counter in &self.counters {
            if let Some(last) = counter.last {
                let refused = Refused {
                    limit: counter.limit,
                    times: counter.told,
                    last,
                };
                let _ = writeln!(rest, "{refused}");
            }
        }
        let length = room - rest.len();
        // On a full disk the kernel still has the numbers.
        let _ = directory.replace(REFUSALS, text.get(..length).unwrap_or_default());
    }
}

impl Counter {
    fn new(limit: Limit) -> Self {
        Self {
            limit,
            told: 0,
            last: None,
        }
    }

    /// What to tell where it has grown to `now`.
    fn grow(&mut self, now: u64, value: Option<u64>) -> Option<Hit> {
        let times = now.checked_sub(self.told).filter(|times| *times > 0)?;
        self.told = now;
        self.last = Some(Stamp::now());
        Some(Hit {
            limit: self.limit,
            value,
            times,
            total: now,
        })
    }
}

fn later(by: Duration) -> Option<Instant> {
    Instant::now().checked_add(by)
}

/// Reads a file from its beginning that there is only a path descriptor of.
///
/// # Kernel
/// open(2), `O_PATH`; proc_pid_fd(5).
fn read_anew(path: &OwnedFd, buffer: &mut [u8]) -> rustix::io::Result<usize> {
    let mut name = [0; 32];
    let room = name.len();
    let mut rest = &mut name[..];
    let _ = write!(rest, "/proc/self/fd/{}", path.as_raw_fd());
    let length = room - rest.len();
    let name = name.get(..length).unwrap_or_default();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(name, flags, Mode::empty())?;
    rustix::io::read(file, buffer)
}

/// The number behind `key` and a blank in its line, or that of the whole text.
fn number(text: &[u8], key: Option<&str>) -> Option<u64> {
    let mut lines = text.split(|&byte| byte == b'\n');
    let number = match key {
        None => lines.next()?,
        Some(key) => {
            lines.find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b" "))?
        }
    };
    std::str::from_utf8(number).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_whole_keys() {
        let text = b"low 0\nmax 7\noom 1\noom_kill 3\n";
        assert_eq!(number(text, Some("oom")), Some(1));
        assert_eq!(number(text, Some("oom_kill")), Some(3));
        assert_eq!(number(text, Some("kill")), None);
        assert_eq!(number(b"175\n", None), Some(175));
        for text in [&b"max\n"[..], b"", b"-1", b"\xff"] {
            assert_eq!(number(text, None), None);
        }
    }

    #[test]
    fn a_counter_tells_what_is_new() {
        let mut counter = Counter::new(Limit::Processes);
        let told = |hit: Option<Hit>| hit.map(|hit| (hit.times, hit.total));
        assert_eq!(told(counter.grow(0, None)), None);
        assert_eq!(told(counter.grow(3, Some(40))), Some((3, 3)));
        assert_eq!(told(counter.grow(3, None)), None);
        assert_eq!(told(counter.grow(10, None)), Some((7, 10)));
        assert_eq!(told(counter.grow(2, None)), None);
    }
}
