//! What a distribution says of itself.
//!
//! # Format
//! os-release(5): shell assignments, one in a line, without any expansion.

use std::os::fd::BorrowedFd;

use serde::{Deserialize, Serialize};

use crate::root;

const MAX_FILE: u64 = 64 * 1024;
const MAX_VALUE: usize = 256;

/// The fields of os-release that veld shows; empty where the file has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OsRelease {
    /// `debian`.
    pub id: String,
    /// `12`; rolling distributions have none.
    pub version_id: String,
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: String,
}

impl OsRelease {
    /// Reads etc/os-release or usr/lib/os-release of a root; empty without both.
    #[must_use]
    pub fn read(root: BorrowedFd<'_>) -> Self {
        ["etc/os-release", "usr/lib/os-release"]
            .into_iter()
            .find_map(|path| root::read_start(root, path, MAX_FILE).ok())
            .map_or_else(Self::default, |text| Self::parse(&text))
    }

    /// Takes the last assignment of each field; lines that are none mean nothing.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut found = Self::default();
        for line in String::from_utf8_lossy(text).lines() {
            let Some((key, value)) = line.trim().split_once('=') else {
                continue;
            };
            match key {
                "ID" => found.id = unquote(value),
                "VERSION_ID" => found.version_id = unquote(value),
                "PRETTY_NAME" => found.pretty_name = unquote(value),
                _ => {}
            }
        }
        found
    }
}

/// A value as a shell would take it, cut at 256 characters, without control
/// characters.
fn unquote(text: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut letters = text.chars();
    let mut length = 0;
    while let Some(letter) = letters.next() {
        let plain = match (quote, letter) {
            (None, '"' | '\'') => {
                quote = Some(letter);
                continue;
            }
            (Some(open), close) if open == close => {
                quote = None;
                continue;
            }
            (None, ' ' | '\t' | '#') => break,
            (None | Some('"'), '\\') => letters.next(),
            _ => Some(letter),
        };
        if let Some(plain) = plain.filter(|plain| !plain.is_control()) {
            value.push(plain);
            length += 1;
        }
        if length == MAX_VALUE {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_unquoted_as_a_shell_would() {
        let text = b"# Comment\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='A \"b\" c'\nID_LIKE=x\n";
        let found = OsRelease::parse(text);
        assert_eq!(found.id, "debian");
        assert_eq!(found.version_id, "12");
        assert_eq!(found.pretty_name, "A \"b\" c");
        assert_eq!(unquote(r#""a\$\"\\b" c"#), r#"a$"\b"#);
    }

    #[test]
    fn hostile_values_are_bounded() {
        assert_eq!(unquote("\"a\u{1b}[2Jb\""), "a[2Jb");
        assert_eq!(unquote(&"x".repeat(100_000)).len(), 256);
        assert_eq!(OsRelease::parse(b"ID=\"open\n\xff\xfe=\n="), {
            OsRelease {
                id: "open".to_owned(),
                ..OsRelease::default()
            }
        });
    }
}
