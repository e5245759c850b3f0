//! The keys of what a VE has on disk, and of what is mounted in it.

use std::str::FromStr;

use super::{Setting, several, some_list};
use crate::Mount;
use crate::document::Parameter;

pub(super) const SETTINGS: &[Setting] = &[Setting::free(
    Parameter::optional("storage.mounts", |raw, value| {
        value.set_list(&mut raw.storage.mounts, Mount::from_str)
    }),
    |config| some_list(&config.storage.mounts),
    several(
        "mount",
        "SOURCE:TARGET",
        "Mount, repeatable: /SRC:/DST[:ro][:idmap], tmpfs:/DST[:size=64M]",
    ),
)];
