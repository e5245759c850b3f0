//! What the shim is given to watch for refusals: a word in its arguments for each
//! descriptor, which says what there is behind it.
//!
//! ```text
//! events:max=processes             lines of a key and a number, which are polled for
//!                                  an urgent condition: it comes when one has grown,
//!                                  and goes with a read
//! look:max=processes               a number that nobody tells of: it is looked at
//!                                  every few seconds
//! alarm                            an eventfd: when it is readable, counts are looked at
//! count:memory                     one number, which is looked at then
//! count:oom_kill=out-of-memory     a number among lines of a key and a number, likewise
//! value:processes                  the value of a limit; no number where it has none
//! ```
//!
//! Files of counts and values are given by path descriptors, which cost the kernel
//! less while nobody reads: they are opened anew for each read.

use std::fmt;
use std::str::FromStr;

use crate::limit::Limit;

/// A number in a file, and the limit whose refusals it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The word before the number; nothing where it is all that the file has.
    pub key: Option<String>,
    /// The limit.
    pub limit: Limit,
}

/// What is behind a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// A file to poll, with these numbers.
    Events(Vec<Key>),
    /// A file with a number that is looked at every few seconds.
    Look(Key),
    /// An eventfd.
    Alarm,
    /// A file with a number that is looked at when an alarm has come.
    Count(Key),
    /// A file with the value of a limit.
    Value(Limit),
}

/// A word that is not a [`Watched`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotWatched;

const EVENTS: &str = "events:";
const LOOK: &str = "look:";
const ALARM: &str = "alarm";
const COUNT: &str = "count:";
const VALUE: &str = "value:";

impl Watched {
    /// The numbers that are in its file.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        match self {
            Self::Events(keys) => keys,
            Self::Look(key) | Self::Count(key) => std::slice::from_ref(key),
            Self::Alarm | Self::Value(_) => &[],
        }
    }

    /// Whether nobody tells of it.
    #[must_use]
    pub fn is_looked_at(&self) -> bool {
        match self {
            Self::Look(_) => true,
            Self::Events(_) | Self::Alarm | Self::Count(_) | Self::Value(_) => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{key}=")?;
        }
        write!(f, "{}", self.limit)
    }
}

impl FromStr for Key {
    type Err = NotWatched;

    fn from_str(text: &str) -> Result<Self, NotWatched> {
        let (key, limit) = match text.split_once('=') {
            Some(("", _)) => return Err(NotWatched),
            Some((key, limit)) => (Some(key.to_owned()), limit),
            None => (None, text),
        };
        let limit = limit.parse().map_err(|_| NotWatched)?;
        Ok(Self { key, limit })
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(keys) => {
                for (number, key) in keys.iter().enumerate() {
                    let before = if number == 0 { EVENTS } else { "," };
                    write!(f, "{before}{key}")?;
                }
                Ok(())
            }
            Self::Look(key) => write!(f, "{LOOK}{key}"),
            Self::Alarm => f.write_str(ALARM),
            Self::Count(key) => write!(f, "{COUNT}{key}"),
            Self::Value(limit) => write!(f, "{VALUE}{limit}"),
        }
    }
}

impl FromStr for Watched {
    type Err = NotWatched;

    fn from_str(text: &str) -> Result<Self, NotWatched> {
        if text == ALARM {
            Ok(Self::Alarm)
        } else if let Some(keys) = text.strip_prefix(EVENTS) {
            let keys: Result<_, _> = keys.split(',').map(str::parse).collect();
            keys.map(Self::Events)
        } else if let Some(key) = text.strip_prefix(LOOK) {
            key.parse().map(Self::Look)
        } else if let Some(key) = text.strip_prefix(COUNT) {
            key.parse().map(Self::Count)
        } else if let Some(limit) = text.strip_prefix(VALUE) {
            limit.parse().map(Self::Value).map_err(|_| NotWatched)
        } else {
            Err(NotWatched)
        }
    }
}

impl fmt::Display for NotWatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the word for something to watch")
    }
}

impl std::error::Error for NotWatched {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_what_wrote_them() {
        let key = |key: &str, limit| Key {
            key: Some(key.to_owned()),
            limit,
        };
        let whole = Key {
            key: None,
            limit: Limit::Memory,
        };
        let table = [
            (
                Watched::Events(vec![
                    key("max", Limit::Memory),
                    key("oom_kill", Limit::OutOfMemory),
                ]),
                "events:max=memory,oom_kill=out-of-memory",
            ),
            (
                Watched::Look(key("max", Limit::Processes)),
                "look:max=processes",
            ),
            (Watched::Alarm, "alarm"),
            (Watched::Count(whole), "count:memory"),
            (
                Watched::Count(key("oom_kill", Limit::OutOfMemory)),
                "count:oom_kill=out-of-memory",
            ),
            (Watched::Value(Limit::Processes), "value:processes"),
        ];
        for (watched, word) in table {
            assert_eq!(watched.to_string(), word);
            assert_eq!(word.parse(), Ok(watched));
        }
        for word in [
            "",
            "alarms",
            "events:",
            "events:max=",
            "events:=memory",
            "count:",
            "value:max=memory",
            "count:max=memory,max=swap",
            "700",
        ] {
            assert_eq!(word.parse::<Watched>(), Err(NotWatched), "{word:?}");
        }
    }
}
