//! What a mistyped key was meant to be.

use veld_units::Quoted;

/// A key longer than this resembles none of ours.
const LONGEST: usize = 64;

/// A part of a key as it stands in an error: bare where TOML allows it bare.
pub(crate) fn shown(part: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !part.is_empty() && part.len() <= LONGEST && part.bytes().all(bare) {
        part.to_owned()
    } else {
        Quoted(part).to_string()
    }
}

/// The known key, or section of keys, that `key` was most likely meant to be:
/// the same word in another section, else the fewest slips of a finger away.
pub(crate) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    if key.len() > LONGEST {
        return None;
    }
    let last = |key: &str| key.rsplit('.').next().map(str::to_lowercase);
    let mut same = known.iter().filter(|known| last(known) == last(key));
    if let (Some(only), None) = (same.next(), same.next()) {
        return Some(only);
    }
    let typed = key.to_lowercase();
    let sections = known
        .iter()
        .filter_map(|known| Some(known.split_once('.')?.0));
    known
        .iter()
        .copied()
        .chain(sections)
        .map(|known| (strsim::osa_distance(&typed, known), known))
        .filter(|(slips, known)| *slips <= 1 + known.len() / 8)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, known)| known)
}

/// The names that may stand in a section, in the order of the table.
pub(crate) fn level<'k>(section: &str, known: &[&'k str]) -> Vec<&'k str> {
    let mut names = Vec::new();
    for rest in known.iter().filter_map(|key| key.strip_prefix(section)) {
        let name = rest.split('.').next().unwrap_or(rest);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = [
        "uuid",
        "hostname",
        "resources.ram",
        "resources.swap",
        "start.timeout",
        "stop.timeout",
    ];

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        let table = [
            ("resources.rma", Some("resources.ram")),
            ("resources.Ram", Some("resources.ram")),
            ("ram", Some("resources.ram")),
            ("hostnmae", Some("hostname")),
            ("resource", Some("resources")),
            ("stop.timeuot", Some("stop.timeout")),
            ("timeout", None),
            ("quota", None),
        ];
        for (key, near) in table {
            assert_eq!(nearest(key, &KNOWN), near, "{key}");
        }
        assert_eq!(nearest(&"ram".repeat(1 << 18), &KNOWN), None);
    }

    #[test]
    fn a_level_names_each_section_once() {
        assert_eq!(
            level("", &KNOWN),
            ["uuid", "hostname", "resources", "start", "stop"]
        );
        assert_eq!(level("resources.", &KNOWN), ["ram", "swap"]);
    }
}
