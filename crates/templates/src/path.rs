//! Paths of entries: relative, without `.` and `..`, bounded. Only such a path
//! is ever looked up in a tree, one component at a time.

use std::io;

use veld_sys::Failure;

use crate::error::Error;
use crate::limits::{MAX_DEPTH, MAX_PATH};
use crate::refusal::Refusal;

/// `a/b/c`; empty for the root itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct EntryPath(Vec<u8>);

impl EntryPath {
    /// Takes an archive's spelling: `./` in front, `.` in between, double slashes
    /// and one at the end mean nothing.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        if text.len() > MAX_PATH {
            return Err(Refusal::LongName);
        }
        if text.contains(&0) {
            return Err(Refusal::Nul);
        }
        if text.first() == Some(&b'/') {
            return Err(Refusal::Absolute);
        }
        let mut path = Vec::with_capacity(text.len());
        let mut depth = 0;
        for part in text.split(|&byte| byte == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return Err(Refusal::DotDot),
                long if long.len() > 255 => return Err(Refusal::LongName),
                _ => depth += 1,
            }
            if depth > MAX_DEPTH {
                return Err(Refusal::TooDeep(MAX_DEPTH));
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
        }
        Ok(Self(path))
    }

    /// The path of `name` in this directory; `name` comes from the kernel.
    pub(crate) fn join(&self, name: &[u8]) -> Result<Self, Refusal> {
        let mut text = self.0.clone();
        if !text.is_empty() {
            text.push(b'/');
        }
        text.extend_from_slice(name);
        Self::parse(&text)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components of the directory, and the name in it; nothing for the root.
    pub(crate) fn split(&self) -> Option<(&[u8], &[u8])> {
        if self.is_root() {
            return None;
        }
        let slash = self.0.iter().rposition(|&byte| byte == b'/');
        match slash.and_then(|at| self.0.split_at_checked(at)) {
            Some((parent, name)) => Some((parent, name.get(1..)?)),
            None => Some((&[], &self.0)),
        }
    }

    /// The directory that it is in; nothing for the root.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (parent, _) = self.split()?;
        Some(Self(parent.to_vec()))
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> Error {
        Error::Refused {
            entry: self.to_string(),
            refusal,
        }
    }

    /// A failure of the kernel while this entry was made.
    pub(crate) fn failed(&self, cause: impl Into<io::Error>) -> Error {
        Error::Failed(Failure::new(format!("unpack {self}"), cause))
    }
}

impl std::fmt::Display for EntryPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// The components of a parent, as [`EntryPath::split`] gives it.
pub(crate) fn components(parent: &[u8]) -> impl Iterator<Item = &[u8]> {
    parent
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one() {
        for text in [&b"a/b"[..], b"./a/b", b"a//b/", b"./a/./b/."] {
            let path = EntryPath::parse(text).unwrap();
            assert_eq!(path.split(), Some((&b"a"[..], &b"b"[..])));
        }
        for text in [&b""[..], b".", b"./"] {
            assert!(EntryPath::parse(text).unwrap().is_root());
        }
        assert_eq!(
            EntryPath::parse(b"etc").unwrap().split(),
            Some((&b""[..], &b"etc"[..]))
        );
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        assert_eq!(EntryPath::parse(b"/a"), Err(Refusal::Absolute));
        assert_eq!(EntryPath::parse(b"a/../b"), Err(Refusal::DotDot));
        assert_eq!(EntryPath::parse(b".."), Err(Refusal::DotDot));
        assert_eq!(EntryPath::parse(b"a\0b"), Err(Refusal::Nul));
        assert_eq!(EntryPath::parse(&[b'a'; 256]), Err(Refusal::LongName));
        assert_eq!(
            EntryPath::parse("a/".repeat(257).as_bytes()),
            Err(Refusal::TooDeep(256))
        );
    }
}
