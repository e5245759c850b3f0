//! Limits that each process has by itself, one row for each of getrlimit(2).

use super::{Setting, one, text};
use crate::document::Parameter;
use crate::parameter::Rlimit;

/// A row: `soft:hard`, or one number for both.
macro_rules! limit {
    ($name:literal, $read:path, $value:literal, $help:literal) => {
        Setting::free(
            Parameter::optional(concat!("rlimits.", $name), |raw, value| {
                let mut limit = None;
                value.set_some(&mut limit, $read)?;
                raw.rlimits.extend(limit.map(|limit| ($name, limit)));
                Ok(())
            }),
            |config| config.rlimits.get($name).and_then(text),
            one(concat!("rlimit-", $name), $value, $help),
        )
    };
}

pub(super) const SETTINGS: &[Setting] = &[
    limit!(
        "as",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "Address space of a process"
    ),
    limit!(
        "core",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "The largest core file"
    ),
    limit!("cpu", Rlimit::of_things, "N[:N]", "Seconds of CPU time"),
    limit!(
        "data",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "Data segment of a process"
    ),
    limit!(
        "fsize",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "The largest file that it writes"
    ),
    limit!(
        "locks",
        Rlimit::of_things,
        "N[:N]",
        "File locks of a process"
    ),
    limit!(
        "memlock",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "Locked memory of a process"
    ),
    limit!(
        "msgqueue",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "POSIX message queues of a user"
    ),
    limit!(
        "nice",
        Rlimit::of_things,
        "N[:N]",
        "The nice value, as 20 less it"
    ),
    limit!(
        "nofile",
        Rlimit::of_things,
        "N[:N]",
        "Open files of a process"
    ),
    limit!(
        "nproc",
        Rlimit::of_things,
        "N[:N]",
        "Processes and threads of a user"
    ),
    limit!("rss", Rlimit::of_bytes, "SIZE[:SIZE]", "Resident memory"),
    limit!("rtprio", Rlimit::of_things, "N[:N]", "Real-time priority"),
    limit!(
        "rttime",
        Rlimit::of_things,
        "N[:N]",
        "Microseconds of real-time CPU time at a stretch"
    ),
    limit!(
        "sigpending",
        Rlimit::of_things,
        "N[:N]",
        "Queued signals of a user"
    ),
    limit!(
        "stack",
        Rlimit::of_bytes,
        "SIZE[:SIZE]",
        "The stack of a process"
    ),
];
