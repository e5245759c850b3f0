//! What an administrator should know.

use std::path::Path;

use crate::{feature, firewall, program, switch};

/// One thing that is so, and what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about: `firewall`, `kernel`, `program` or `sysctl`.
    pub kind: &'static str,
    /// Which one.
    pub subject: String,
    /// What is so.
    pub fact: String,
    /// What does not work because of it, or what is to be done.
    pub advice: String,
}

/// Looks at switches, firewalls, programs and the kernel's parts, below `root`, which is
/// `/`; links of ours begin with `link_prefix`, which is the name of our table too.
///
/// What cannot be found out is not told of.
#[must_use]
pub fn notes(root: &Path, link_prefix: &str) -> Vec<Note> {
    let mut notes = switch::notes(root);
    notes.extend(firewall::notes(root, link_prefix));
    notes.extend(program::notes(root));
    notes.extend(feature::notes(root));
    notes
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A directory of plain files: where, and what is in them.
    #[expect(
        clippy::disallowed_methods,
        reason = "a tree for tests is written as it comes"
    )]
    pub(crate) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (file, content) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn kinds_are_those_that_are_promised() {
        for note in notes(Path::new("/"), "veld") {
            let kinds = ["firewall", "kernel", "program", "sysctl"];
            assert!(kinds.contains(&note.kind), "{note:?}");
        }
    }
}
