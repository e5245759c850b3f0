//! OpenVZ's words for keys that are called otherwise here.

use crate::{Invalid, parameter};

/// A word and what it is here.
pub const OPENVZ_WORDS: [(&str, &str); 2] = [("diskspace", "disk"), ("diskinodes", "inodes")];

/// What an assignment by such a word is by the key's own: its word and its value; nothing
/// where the word is none of them.
pub(super) fn translated(
    word: &str,
    value: &str,
) -> Option<Result<(&'static str, String), Invalid>> {
    let (openvz, own) = OPENVZ_WORDS
        .into_iter()
        .find(|(openvz, _)| *openvz == word)?;
    if value.is_empty() {
        return Some(Ok((own, String::new())));
    }
    let said = match own {
        "disk" => parameter::diskspace(value).map(text),
        _ => parameter::diskinodes(value).map(text),
    };
    let said = said.map_err(|error| Invalid::Value {
        key: openvz,
        what: error.to_string(),
    });
    Some(said.map(|said| (own, said)))
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
