//! Names in a layer that mean something other than themselves.

use crate::path::EntryPath;
use crate::refusal::Refusal;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const NOTE: &[u8] = b".wh..wh.";

/// What such a name says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// What lower layers have at this path goes.
    Whiteout(EntryPath),
    /// What lower layers have in this directory goes.
    Opaque(EntryPath),
    /// Nothing: a note of a file system to itself.
    Note,
}

/// What a path in a layer says, if it is no path of the tree.
///
/// # Errors
/// For a whiteout of nothing that a directory can hold, and for an entry in one.
pub(crate) fn of(path: &EntryPath) -> Result<Option<Mark>, Refusal> {
    let Some((parent, name)) = path.split() else {
        return Ok(None);
    };
    let mut above = crate::path::components(parent);
    if above.any(|part| part.starts_with(NOTE)) {
        return Ok(Some(Mark::Note));
    }
    if crate::path::components(parent).any(|part| part.starts_with(PREFIX)) {
        return Err(Refusal::BelowWhiteout);
    }
    let directory = path.parent().unwrap_or_default();
    if name == OPAQUE {
        return Ok(Some(Mark::Opaque(directory)));
    }
    if name.starts_with(NOTE) {
        return Ok(Some(Mark::Note));
    }
    let Some(hidden) = name.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    if matches!(hidden, b"" | b"." | b"..") {
        return Err(Refusal::Whiteout);
    }
    directory.join(hidden).map(Mark::Whiteout).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Result<Option<Mark>, Refusal> {
        of(&EntryPath::parse(text.as_bytes()).unwrap())
    }

    fn path(text: &str) -> EntryPath {
        EntryPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn marks_are_told_from_names() {
        assert_eq!(mark("etc/passwd"), Ok(None));
        assert_eq!(mark("."), Ok(None));
        assert_eq!(mark("etc/.whatever"), Ok(None));
        assert_eq!(mark("a/.wh.b"), Ok(Some(Mark::Whiteout(path("a/b")))));
        assert_eq!(mark(".wh..b"), Ok(Some(Mark::Whiteout(path(".b")))));
        assert_eq!(mark("a/.wh..wh..opq"), Ok(Some(Mark::Opaque(path("a")))));
        assert_eq!(mark(".wh..wh..opq"), Ok(Some(Mark::Opaque(path(".")))));
        assert_eq!(mark(".wh..wh.aufs"), Ok(Some(Mark::Note)));
        assert_eq!(mark(".wh..wh.plnk/8.1"), Ok(Some(Mark::Note)));
    }

    #[test]
    fn whiteouts_of_no_name_are_refused() {
        for text in [".wh.", ".wh..", "a/.wh...", ".wh./"] {
            assert_eq!(mark(text), Err(Refusal::Whiteout), "{text}");
        }
        assert_eq!(mark(".wh.a/b"), Err(Refusal::BelowWhiteout));
    }
}
