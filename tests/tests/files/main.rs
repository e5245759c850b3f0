//! Files copied into VEs and out of them, and the roots of VEs looked into.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test, which writes files as an administrator would"
)]

mod copy;
mod full;
mod hostile;
mod look;
mod owners;

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Host, Output};

/// A directory of the host's for files of a test.
pub(crate) fn scratch(host: &Host) -> PathBuf {
    let directory = host.directory().join("scratch");
    fs::create_dir(&directory).unwrap();
    directory
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn cp<S: AsRef<str>>(host: &Host, words: impl IntoIterator<Item = S>) -> Output {
    let words: Vec<String> = words
        .into_iter()
        .map(|word| word.as_ref().to_owned())
        .collect();
    host.veld(["cp".to_owned()].into_iter().chain(words))
}

/// Looks at what a file of a VE has.
pub(crate) fn says(host: &Host, file: &str, content: &str) {
    let said = cp(host, [file, "-"]).ok();
    assert_eq!(said.stdout, content);
}

/// Says why a test cannot be here.
pub(crate) fn skipped(reason: &str) {
    #[allow(clippy::print_stderr, reason = "whoever reads the log wants to know")]
    {
        eprintln!("skipped: {reason}");
    }
}
