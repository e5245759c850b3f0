//! What must be different for tests that run at once, handed out by file locks.
//!
//! A lock goes with its holder, however that ends: a slot is free again, and the
//! directory of a host whose test was killed can be told from one in use.

use std::fs::{self, File};
use std::path::Path;

/// Ids of VEs that one slot has room for: they are given out from 101 on.
const RANGES: u32 = 128;
/// The first range of host ids, in units of 65,536, that slots begin with.
const FIRST: u32 = 1;
/// Slots stay below the ids of VEs that are no test's.
const SLOTS: u32 = 180;

/// A number that no other test has while this exists.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u32,
    _lock: File,
}

impl Slot {
    /// Takes a free slot.
    pub(crate) fn take(directory: &Path) -> Self {
        fs::create_dir_all(directory).unwrap();
        // Not all begin to look at the same place.
        let start = std::process::id() % SLOTS;
        let numbers = (start..SLOTS).chain(0..start);
        let found = numbers.into_iter().find_map(|number| {
            let lock = lock(&directory.join(number.to_string()))?;
            Some(Self {
                number,
                _lock: lock,
            })
        });
        found.unwrap_or_else(|| panic!("{SLOTS} tests run at once"))
    }

    /// The first host id of the first VE, as `ids.first` has it.
    pub(crate) fn first_id(&self) -> u32 {
        (FIRST + self.number * RANGES) * 65_536
    }
}

/// The lock on a file, which is made where it is missing; nothing where
/// somebody has it.
pub(crate) fn lock(path: &Path) -> Option<File> {
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(false);
    let file = options.open(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}
