//! The keys of what a VE has on disk, and of what is mounted in it.

use std::str::FromStr;

use super::{Setting, one, several, some_list, text};
use crate::document::Parameter;
use crate::{Mount, Schedule, parameter};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::free(
        Parameter::optional("storage.disk", |raw, value| {
            value.set_some(&mut raw.storage.disk, parameter::disk)
        }),
        |config| config.storage.disk.as_ref().and_then(text),
        one("disk", "SIZE", "What it may have on disk, as 10G"),
    ),
    Setting::free(
        Parameter::optional("storage.inodes", |raw, value| {
            value.set_some(&mut raw.storage.inodes, parameter::inodes)?;
            raw.storage.inodes = raw.storage.inodes.filter(|count| *count > 0);
            Ok(())
        }),
        |config| Some(i64::try_from(config.storage.inodes?).ok()?.into()),
        one(
            "inodes",
            "COUNT",
            "How many files and directories it may have",
        ),
    ),
    Setting::free(
        Parameter::optional("storage.mounts", |raw, value| {
            value.set_list(&mut raw.storage.mounts, Mount::from_str)
        }),
        |config| some_list(&config.storage.mounts),
        several(
            "mount",
            "SOURCE:TARGET",
            "Mount, repeatable: /SRC:/DST[:ro][:idmap], tmpfs:/DST[:size=64M]",
        ),
    ),
    Setting::free(
        Parameter::optional("storage.snapshots", |raw, value| {
            value.set_list(&mut raw.storage.snapshots, Schedule::from_str)
        }),
        |config| some_list(&config.storage.snapshots),
        several(
            "snapshots",
            "SCHEDULE",
            "Snapshots, repeatable: hourly keep 24, weekly for 60d, every 6h",
        ),
    ),
];
