//! The keys of what a VE has on disk, and of what is mounted in it.

use std::str::FromStr;

use super::{Setting, several, some_list};
use crate::document::Parameter;
use crate::{Mount, Schedule};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::free(
        Parameter::optional("storage.mounts", |raw, value| {
            value.set_list(&mut raw.storage.mounts, Mount::from_str)
        }),
        |config| some_list(&config.storage.mounts),
        several(
            "mount",
            "SOURCE:TARGET",
            "Mount in it, repeatable: /SRC:/DST[:ro][:idmap], tmpfs:/DST[:size=64M]",
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
            "Make snapshots of it, repeatable: hourly keep 24, weekly for 60d, every 6h keep 8",
        ),
    ),
];
