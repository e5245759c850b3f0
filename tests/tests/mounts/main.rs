//! What an administrator mounts in a VE: at its start, while it runs, and against its will.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator would"
)]

mod hostile;
mod live;
mod refused;
mod start;

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Host, Ve};

/// A directory of the host's that everybody may look into, with one file in it.
pub(crate) fn shared(host: &Host, name: &str) -> PathBuf {
    let directory = host.directory().join(format!("shared-{name}"));
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("file"), format!("of {name}\n")).unwrap();
    directory
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The lines of the VE's mount table that are of this place.
pub(crate) fn mounted(ve: &Ve<'_>, target: &str) -> Vec<String> {
    let table = ve.exec(["cat", "/proc/self/mountinfo"]).ok().stdout;
    let lines = table.lines().filter(|line| {
        let place = line.split(' ').nth(4);
        place == Some(target)
    });
    lines.map(str::to_owned).collect()
}

pub(crate) fn set(ve: &Ve<'_>, what: &str) {
    ve.veld("set", [what]).done();
}

/// Says why a test cannot be here.
pub(crate) fn skipped(reason: &str) {
    #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
    {
        eprintln!("skipped: {reason}");
    }
}
