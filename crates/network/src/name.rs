//! Which texts may name a link, and which may begin the names of all of ours.

use crate::Error;

/// `IFNAMSIZ` less the NUL.
const LONGEST: usize = 15;
/// Leaves a prefix room for five digits, a point, another digit and a letter behind it.
const LONGEST_PREFIX: usize = 7;

/// Refuses what the kernel would not take as a link's name, and what it would
/// take for a pattern.
pub(crate) fn check_link(name: &str) -> Result<(), Error> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST {
        "it is longer than 15 bytes"
    } else if name == "." || name == ".." {
        "it is a directory's"
    } else if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        "it has a character that is not printable ASCII"
    } else if name.contains(['/', ':', '%']) {
        "it has a slash, colon or per cent sign"
    } else {
        return Ok(());
    };
    Err(bad(name, reason))
}

/// Refuses a prefix that nft could not match or would read as something else.
///
/// It becomes the nftables table's name too, so a prefix is all that a rule text
/// holds of what a person chose.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    let reason = if prefix.is_empty() {
        "it is empty"
    } else if prefix.len() > LONGEST_PREFIX {
        "a prefix has 7 letters at most"
    } else if !prefix.bytes().all(|byte| byte.is_ascii_lowercase()) {
        "a prefix has lower-case letters only"
    } else {
        return Ok(());
    };
    Err(bad(prefix, reason))
}

fn bad(name: &str, reason: &'static str) -> Error {
    Error::BadName {
        name: name.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_take_what_the_kernel_takes() {
        for good in ["veld101", "eth0", "a", "br-1.2", "fifteen-letters"] {
            assert!(check_link(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            ".",
            "..",
            "sixteen--letters",
            "a b",
            "a/b",
            "eth%d",
            "a:1",
            "é",
        ] {
            assert!(check_link(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn prefixes_are_letters() {
        assert!(check_prefix("veld").is_ok());
        for wrong in ["", "ve1", "eightlet", "ve ld", "ve\"", "Veld", "ve*"] {
            assert!(check_prefix(wrong).is_err(), "{wrong}");
        }
    }
}
