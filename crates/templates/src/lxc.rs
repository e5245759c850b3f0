//! Images of LXC and Incus: a root directory and a file that says what it is.
//!
//! ```text
//!  one archive:  metadata.yaml  rootfs/…  templates/…
//!  or split:     metadata.yaml  templates/…     and the root beside it
//! ```
//!
//! Of metadata.yaml only the architecture matters, and only to refuse the image on
//! another machine. Its templates would be files of the guest written by the host;
//! they are not applied, since nothing in an image is configuration of the host.

use std::io::BufRead;

use crate::archive::{Archive, Kind};
use crate::error::Error;
use crate::image::check_machine;
use crate::limits::{Budget, Limits};

/// The file.
pub(crate) const METADATA: &str = "metadata.yaml";
/// Bytes of it.
pub(crate) const MAX_METADATA: u64 = 1024 * 1024;

/// Names of architectures in Incus besides those that uname(1) has.
const NAMES: [(&str, &str); 8] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("i386", "i686"),
    ("armv6l", "arm"),
    ("armv7l", "arm"),
    ("armv8l", "arm"),
    ("armhf", "arm"),
    ("ppc64el", "ppc64le"),
];

/// The architecture that a metadata.yaml says, as uname(1) names it.
///
/// # Format
/// YAML, of which images use a mapping at the top whose values are plain or quoted
/// words, or JSON, which is YAML too.
pub(crate) fn architecture(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let found = match text.trim_start().starts_with('{') {
        true => {
            let whole: serde_json::Value = serde_json::from_str(&text).ok()?;
            whole.get("architecture")?.as_str()?.to_owned()
        }
        false => text.lines().find_map(value_of_line)?,
    };
    let known = NAMES.iter().find(|(name, _)| *name == found);
    Some(known.map_or(found, |(_, machine)| (*machine).to_owned()))
}

fn value_of_line(line: &str) -> Option<String> {
    let (key, value) = line.split_once(':')?;
    if key.trim_end().trim_matches(['"', '\'']) != "architecture" || key.starts_with([' ', '\t']) {
        return None;
    }
    let value = value.split(" #").next().unwrap_or_default().trim();
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// Refuses metadata of another machine.
///
/// # Errors
/// [`Error::Architecture`].
pub(crate) fn check(text: &[u8]) -> Result<(), Error> {
    match architecture(text) {
        Some(found) if !found.is_empty() && found != "all" => check_machine(&found),
        _ => Ok(()),
    }
}

/// The text of metadata.yaml in the metadata archive of a split image.
///
/// # Errors
/// [`Error::Image`] where it has none; those of an archive.
pub(crate) fn read_metadata(input: impl BufRead, limits: Limits) -> Result<Vec<u8>, Error> {
    let mut archive = Archive::new(input);
    let mut budget = Budget::new(limits);
    let mut found = None;
    while let Some(entry) = archive.next(&mut budget)? {
        let Kind::File(map) = &entry.kind else {
            continue;
        };
        if entry.path.as_bytes() != METADATA.as_bytes() || map.size > MAX_METADATA {
            continue;
        }
        let mut text = Vec::new();
        loop {
            let data = archive.data()?;
            if data.is_empty() {
                break;
            }
            text.extend_from_slice(data);
            let length = data.len();
            archive.consume(length);
        }
        found = Some(text);
    }
    found.ok_or_else(|| Error::Image {
        flaw: format!("has no {METADATA} in its metadata"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_architecture_is_found_in_yaml_and_json() {
        for (text, machine) in [
            ("architecture: x86_64\ncreation_date: 1\n", Some("x86_64")),
            ("properties:\n  architecture: arm64\n", None),
            ("architecture: \"amd64\" # ours\n", Some("x86_64")),
            ("'architecture': 'armv7l'\n", Some("arm")),
            ("{\"architecture\": \"aarch64\"}", Some("aarch64")),
            ("{\"architecture\": 7}", None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(architecture(text.as_bytes()).as_deref(), machine, "{text}");
        }
        assert!(check(b"architecture: vax\n").is_err());
        assert!(check(b"architecture: all\n").is_ok());
    }
}
