//! Whether the host is large enough for its VEs, and what is in their way.

use std::path::Path;

use veld_doctor::{Note, Reading};

use crate::error::{Error, chain};
use crate::host::Host;

/// The least number of VEs that a host is looked at for.
const LEAST: u64 = 100;
const ROOT: &str = "/";

/// What a look at the host has shown.
#[derive(Debug, Clone)]
pub struct Checkup {
    /// For how many VEs it was looked at.
    pub ves: u64,
    /// What all VEs share.
    pub limits: Vec<Reading>,
    /// What else an administrator should know.
    pub notes: Vec<Note>,
}

impl Checkup {
    /// Whether it is large enough for so many.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.limits.iter().all(Reading::is_enough)
    }
}

/// Looks at the host for so many VEs: for twice as many as there are, and a hundred at
/// least, unless told. Nothing is changed.
///
/// # Errors
/// A file of the kernel's could not be read.
pub fn checkup(host: &Host, ves: Option<u64>) -> Result<Checkup, Error> {
    let ves = match ves {
        Some(ves) => ves,
        None => {
            let there_are = u64::try_from(host.ves()?.len()).unwrap_or(u64::MAX);
            there_are.saturating_mul(2).max(LEAST)
        }
    };
    let root = Path::new(ROOT);
    let limits = veld_doctor::limits(root, ves)
        .map_err(|failure| Error::action("host", "check", failure))?;
    let prefix = &host.config().network.link_prefix;
    Ok(Checkup {
        ves,
        limits,
        notes: veld_doctor::notes(root, prefix),
    })
}

/// Raises what was found too small, now and for later boots; what could not be raised.
///
/// # Errors
/// The settings for later boots could not be saved.
pub fn enlarge(checkup: &Checkup) -> Result<Vec<String>, Error> {
    let failures = veld_doctor::raise(Path::new(ROOT), &checkup.limits)
        .map_err(|failure| Error::action("host", "save settings of", failure))?;
    Ok(failures.iter().map(|failure| chain(failure)).collect())
}
