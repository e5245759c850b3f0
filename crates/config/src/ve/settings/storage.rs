//! The keys of what a VE has on disk, and of what is mounted in it.

use std::str::FromStr;

use veld_units::Error;

use super::{Setting, one, several, some_list, text};
use crate::document::Parameter;
use crate::{Mount, Schedule, parameter};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::free(
        Parameter::optional("storage.disk", |raw, value| {
            let said = raw.storage.disk.is_some();
            value.set_some(&mut raw.storage.disk, |text| {
                only_one(said, parameter::disk(text))
            })
        }),
        |config| config.storage.disk.as_ref().and_then(text),
        one(
            "disk",
            "SIZE",
            "What it may have on disk, as 10G; OpenVZ's diskspace, in KiB",
        ),
    ),
    Setting::free(
        Parameter::optional("storage.inodes", |raw, value| {
            let said = raw.storage.inodes.is_some();
            value.set_some(&mut raw.storage.inodes, |text| {
                only_one(said, parameter::inodes(text))
            })?;
            raw.storage.inodes = raw.storage.inodes.filter(|count| *count > 0);
            Ok(())
        }),
        |config| Some(i64::try_from(config.storage.inodes?).ok()?.into()),
        one(
            "inodes",
            "COUNT",
            "How many files and directories it may have; OpenVZ's diskinodes",
        ),
    ),
    // OpenVZ's words: a file that is saved has ours.
    Setting::fixed(
        Parameter::optional("storage.diskspace", |raw, value| {
            let said = raw.storage.disk.is_some();
            value.set(&mut raw.storage.disk, |text| {
                only_one(said, parameter::diskspace(text))
            })
        }),
        |_| None,
    ),
    Setting::fixed(
        Parameter::optional("storage.diskinodes", |raw, value| {
            let said = raw.storage.inodes.is_some();
            value.set(&mut raw.storage.inodes, |text| {
                only_one(said, parameter::diskinodes(text))
            })
        }),
        |_| None,
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

/// What two keys would say is refused.
fn only_one<T>(said: bool, value: Result<T, Error>) -> Result<T, String> {
    match value {
        Ok(_) if said => Err("another key says it already".to_owned()),
        value => value.map_err(|error| error.to_string()),
    }
}
