//! The events of a VE: lines of the file [`crate::shim::EVENTS`].
//!
//! ```text
//! 1700000000.123000000 started 0             by a command, or the how manyeth time
//!                                            in a row by itself
//! … up
//! … degraded ssh cron                        services that do not run
//! … stopping asked|killed|inside             by a command, or from inside
//! … stopped poweroff asked 1700000000.5      a line of [`Ended`]
//! … restarting 3 1700000009.5                number of the start, and when it is
//! … start-failed cannot mount overlay: …
//! … limit-hit processes 2000 12 40           limit, its value or -, how often since
//!                                            the last such line, how often in all
//! … oom - 1 3                                processes killed inside, in the same way
//! … traffic-slowed 500000000000               the bytes of a month that are used up
//! … traffic-cut 500000000000
//! … traffic-restored
//! … paused
//! … resumed
//! … set ram 512M                             what was set
//! ```
//!
//! Lines are appended whole by one write, so that several may write. A reader
//! passes over what it does not know.

use std::fmt;

use crate::ending::Ended;
use crate::limit::Limit;
use crate::stamp::Stamp;

/// Longest line with its newline, in bytes: longer words are cut.
pub const LINE: usize = 512;
/// What a free text may take of a line.
const TEXT: usize = LINE - 64;

/// Something that happened to a VE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// When, by the host's wall clock.
    pub at: Stamp,
    /// What.
    pub what: What<'a>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What<'a> {
    /// Its PID 1 runs: by a command, or by itself the how manyeth time in a row.
    Started(u32),
    /// Its services are up, or those that were not are again.
    Up,
    /// These services do not run as they should.
    Degraded(&'a str),
    /// It goes down.
    Stopping(Cause),
    /// It has ended.
    Stopped(Ended),
    /// It is to be started again.
    Restarting {
        /// The how manyeth start in a row that will be.
        number: u32,
        /// When.
        due: Stamp,
    },
    /// It could not be started, for this reason.
    StartFailed(&'a str),
    /// A limit refused something, or processes were killed for want of memory.
    Hit(Hit),
    /// Its traffic of this month, so many bytes, is used up: its links are slow.
    TrafficSlowed(u64),
    /// Likewise: nothing goes over its links.
    TrafficCut(u64),
    /// Its links are as fast as ever again.
    TrafficRestored,
    /// Its processes are frozen.
    Paused,
    /// They run on.
    Resumed,
    /// A parameter was set.
    Set(&'a str),
}

/// Why a VE goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A command asked PID 1 to shut down.
    Asked,
    /// A command kills it.
    Killed,
    /// PID 1 says so.
    Inside,
}

/// Refusals of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Which.
    pub limit: Limit,
    /// Its value then, in bytes or processes.
    pub value: Option<u64>,
    /// How often since the last event of this limit.
    pub times: u64,
    /// How often since the VE was started.
    pub total: u64,
}

impl Event<'_> {
    /// What happened, as it happens.
    #[must_use]
    pub fn now(what: What<'_>) -> Event<'_> {
        let at = Stamp::now();
        Event { at, what }
    }
}

impl What<'_> {
    /// The word for the kind of event.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Up => "up",
            Self::Degraded(_) => "degraded",
            Self::Stopping(_) => "stopping",
            Self::Stopped(_) => "stopped",
            Self::Restarting { .. } => "restarting",
            Self::StartFailed(_) => "start-failed",
            Self::Hit(hit) if hit.limit == Limit::OutOfMemory => "oom",
            Self::Hit(_) => "limit-hit",
            Self::TrafficSlowed(_) => "traffic-slowed",
            Self::TrafficCut(_) => "traffic-cut",
            Self::TrafficRestored => "traffic-restored",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Set(_) => "set",
        }
    }
}

impl Cause {
    const ALL: [Self; 3] = [Self::Asked, Self::Killed, Self::Inside];

    fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Killed => "killed",
            Self::Inside => "inside",
        }
    }
}

/// The line without its newline.
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.what.kind())?;
        match self.what {
            What::Up | What::Paused | What::Resumed | What::TrafficRestored => Ok(()),
            What::TrafficSlowed(bytes) | What::TrafficCut(bytes) => write!(f, " {bytes}"),
            What::Started(number) => write!(f, " {number}"),
            What::Degraded(text) | What::StartFailed(text) | What::Set(text) => {
                f.write_str(" ")?;
                plain(f, text)
            }
            What::Stopping(cause) => write!(f, " {}", cause.word()),
            What::Stopped(ended) => write!(f, " {ended}"),
            What::Restarting { number, due } => write!(f, " {number} {due}"),
            What::Hit(hit) => {
                if hit.limit != Limit::OutOfMemory {
                    write!(f, " {}", hit.limit)?;
                }
                match hit.value {
                    Some(value) => write!(f, " {value}")?,
                    None => f.write_str(" -")?,
                }
                write!(f, " {} {}", hit.times, hit.total)
            }
        }
    }
}

/// As much of a text as a line has room for, without control characters.
fn plain(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut room = TEXT;
    for character in text.trim_end().chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        room = match room.checked_sub(character.len_utf8()) {
            Some(room) => room,
            None => return Ok(()),
        };
        fmt::Write::write_char(f, character)?;
    }
    Ok(())
}

impl<'a> Event<'a> {
    /// The event of a line, with or without its newline; nothing where it makes no
    /// sense, as one of a newer veld's.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let (at, rest) = line.split_once(' ')?;
        let (kind, rest) = match rest.split_once(' ') {
            Some((kind, rest)) => (kind, rest),
            None => (rest, ""),
        };
        let what = match (kind, rest) {
            ("up", "") => What::Up,
            ("paused", "") => What::Paused,
            ("resumed", "") => What::Resumed,
            ("traffic-restored", "") => What::TrafficRestored,
            ("traffic-slowed", bytes) => What::TrafficSlowed(bytes.parse().ok()?),
            ("traffic-cut", bytes) => What::TrafficCut(bytes.parse().ok()?),
            ("started", number) => What::Started(number.parse().ok()?),
            ("degraded", text) => What::Degraded(text),
            ("start-failed", text) => What::StartFailed(text),
            ("set", text) => What::Set(text),
            ("stopping", word) => {
                What::Stopping(Cause::ALL.into_iter().find(|cause| cause.word() == word)?)
            }
            ("stopped", ended) => What::Stopped(ended.parse().ok()?),
            ("restarting", rest) => {
                let (number, due) = rest.split_once(' ')?;
                What::Restarting {
                    number: number.parse().ok()?,
                    due: due.parse().ok()?,
                }
            }
            ("limit-hit", rest) => {
                let (limit, numbers) = rest.split_once(' ')?;
                hit(limit.parse().ok()?, numbers)?
            }
            ("oom", numbers) => hit(Limit::OutOfMemory, numbers)?,
            _ => return None,
        };
        let at = at.parse().ok()?;
        Some(Self { at, what })
    }
}

fn hit(limit: Limit, numbers: &str) -> Option<What<'_>> {
    let mut words = numbers.split(' ');
    let value = match words.next()? {
        "-" => None,
        value => Some(value.parse().ok()?),
    };
    let (times, total) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let hit = Hit {
        limit,
        value,
        times,
        total,
    };
    words.next().is_none().then_some(What::Hit(hit))
}

#[cfg(test)]
mod tests;
