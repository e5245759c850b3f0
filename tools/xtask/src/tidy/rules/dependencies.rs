//! Each dependency is named once, in the root's table, with its reason beside
//! it; the members only say that they use it. Both are sorted.

use std::path::Path;

use super::super::{Finding, Tree};

const ROOT: &str = "Cargo.toml";

/// Finds dependencies without a reason, outside the table, or out of order.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        if !path.ends_with(ROOT) {
            continue;
        }
        let entries = entries(text);
        findings.extend(unsorted(path, &entries));
        let fault = if path == Path::new(ROOT) {
            fault_in_table
        } else {
            fault_in_member
        };
        findings.extend(entries.iter().filter_map(|entry| {
            let what = format!("{} {}", entry.name, fault(entry)?);
            Some(Finding::at(path, entry.line, what))
        }));
    }
    findings
}

/// One line of a table of dependencies.
#[derive(Debug)]
struct Entry<'a> {
    /// Counted from 1.
    line: usize,
    name: &'a str,
    /// From the `=` or the `.` on.
    value: &'a str,
    /// Entries are sorted within a block: tables and empty lines divide them.
    block: usize,
}

/// The entries of all tables of dependencies. An entry is a line that begins
/// with a name; lines that go on with an array begin otherwise.
fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut found = Vec::new();
    let (mut within, mut block) = (false, 0);
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            within = line.trim_end().ends_with("dependencies]");
        }
        if line.starts_with('[') || line.trim().is_empty() {
            block += 1;
        }
        let begins = line.starts_with(|first: char| first.is_ascii_alphabetic());
        let Some(end) = line.find(['.', ' ', '=']).filter(|_| within && begins) else {
            continue;
        };
        let (name, value) = line.split_at(end);
        found.push(Entry {
            line: number + 1,
            name,
            value,
            block,
        });
    }
    found
}

fn fault_in_table(entry: &Entry<'_>) -> Option<&'static str> {
    let ours = entry.value.contains("path = ");
    let reason = entry
        .value
        .rsplit_once('#')
        .map(|(_, reason)| reason.trim());
    let reasoned = reason.is_some_and(|reason| !reason.is_empty());
    (!ours && !reasoned).then_some("has no comment that says what it is for")
}

fn fault_in_member(entry: &Entry<'_>) -> Option<&'static str> {
    let shared = entry.value.contains("workspace = true");
    (!shared).then_some("is not taken from the root's table")
}

fn unsorted(path: &Path, entries: &[Entry<'_>]) -> Vec<Finding> {
    let pairs = entries.iter().zip(entries.iter().skip(1));
    pairs
        .filter(|(one, next)| one.block == next.block && one.name > next.name)
        .map(|(one, next)| {
            let what = format!("{} stands after {}", next.name, one.name);
            Finding::at(path, next.line, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<String> {
        let findings = check(&Tree::of(&[(path, text)]));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_wants_reasons_and_order() {
        let text = "[workspace]\nmembers = []\n\n[workspace.dependencies]\nnix = \"1\" # waits\nlibc = \"2\"\n\nveld-a = { path = \"a\" }\n";
        assert_eq!(
            said("Cargo.toml", text),
            [
                "Cargo.toml:6: libc stands after nix",
                "Cargo.toml:6: libc has no comment that says what it is for",
            ]
        );
    }

    #[test]
    fn members_take_from_the_table() {
        let text = "[package]\nversion.workspace = true\n[dependencies]\nlibc.workspace = true\nnix = \"1\"\n[dev-dependencies]\na = { workspace = true }\n";
        assert_eq!(
            said("crates/a/Cargo.toml", text),
            ["crates/a/Cargo.toml:5: nix is not taken from the root's table"]
        );
    }
}
