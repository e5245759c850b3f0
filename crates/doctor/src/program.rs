//! Programs of others that ours calls.

use std::path::{Path, PathBuf};

use crate::note::Note;

/// Where they are looked for.
const DIRECTORIES: [&str; 6] = [
    "usr/local/sbin",
    "usr/local/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
];

/// A program, and what does not work without it.
const PROGRAMS: [(&str, &str); 3] = [
    (
        "nft",
        "nothing is masqueraded, published or filtered, and sources in IPv6 are not checked",
    ),
    ("dnsmasq", "dns=veld is refused"),
    ("mmdebstrap", "veld template build is refused"),
];

/// Where a program is.
pub(crate) fn find(root: &Path, name: &str) -> Option<PathBuf> {
    let paths = DIRECTORIES.map(|directory| root.join(directory).join(name));
    paths.into_iter().find(|path| path.is_file())
}

pub(crate) fn notes(root: &Path) -> Vec<Note> {
    let missing = PROGRAMS
        .iter()
        .filter(|(name, _)| find(root, name).is_none());
    missing
        .map(|(name, advice)| Note {
            kind: "program",
            subject: (*name).to_owned(),
            fact: "is not installed".to_owned(),
            advice: (*advice).to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::tests::tree;

    #[test]
    fn missing_programs_are_named() {
        let root = tree(&[("usr/sbin/nft", ""), ("bin/mmdebstrap", "")]);
        let notes = notes(root.path());
        let [note] = notes.as_slice() else {
            panic!("{notes:?}");
        };
        assert_eq!(note.subject, "dnsmasq");
    }
}
