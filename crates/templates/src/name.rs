//! Names of templates: safe as a file name, apart from every name of ours that
//! starts with a dot.

use crate::error::Error;

const MAX_BYTES: usize = 63;

/// Whether `name` follows `[a-z0-9][a-z0-9.-]{0,62}`.
///
/// # Errors
/// [`Error::BadName`] with the rule that it breaks.
pub fn check(name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let why = match name.as_bytes() {
        [] => "it is empty",
        bytes if bytes.len() > MAX_BYTES => "it is longer than 63 bytes",
        [first, ..] if !plain(*first) => "it must start with a-z or 0-9",
        [_, rest @ ..] if rest.iter().all(|&b| plain(b) || b == b'.' || b == b'-') => {
            return Ok(());
        }
        _ => "only a-z, 0-9, '.' and '-' are allowed",
    };
    Err(Error::BadName {
        name: name.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["debian", "debian-12", "0", "alpine3.20", &"a".repeat(63)] {
            check(good).unwrap();
        }
        for (bad, text) in [
            ("", "\"\" is not a template name: it is empty"),
            (
                ".debian",
                "\".debian\" is not a template name: it must start with a-z or 0-9",
            ),
            (
                "..",
                "\"..\" is not a template name: it must start with a-z or 0-9",
            ),
            (
                "a/b",
                "\"a/b\" is not a template name: only a-z, 0-9, '.' and '-' are allowed",
            ),
            (
                "a\0",
                "\"a\\0\" is not a template name: only a-z, 0-9, '.' and '-' are allowed",
            ),
        ] {
            assert_eq!(check(bad).unwrap_err().to_string(), text);
        }
        assert!(check(&"a".repeat(64)).is_err());
    }
}
