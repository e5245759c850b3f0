//! Where this host gets Debian from: asked of apt, else read from its files. No
//! host name is known here.

use std::path::Path;
use std::process::Command;

use crate::error::Error;

/// apt's own program to fetch one file, with its proxies and transports.
const HELPER: &str = "/usr/lib/apt/apt-helper";
const SOURCES_LIST: &str = "/etc/apt/sources.list";
const SOURCES_DIR: &str = "/etc/apt/sources.list.d";

/// The addresses of one host's apt.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mirrors {
    debian: Option<String>,
    security: Option<String>,
}

/// Lines of sources.list for a suite: the suite itself, and its updates and
/// security updates if the mirror has them.
///
/// # Errors
/// [`Error::NoMirror`].
pub(super) fn sources(suite: &str, scratch: &Path) -> Result<Vec<String>, Error> {
    let found = ask_apt().or_else(read_files).ok_or(Error::NoMirror)?;
    let debian = found.debian.ok_or(Error::NoMirror)?;
    let mut lines = vec![format!("deb {debian} {suite} main")];
    let pockets = [
        (Some(&debian), format!("{suite}-updates")),
        (found.security.as_ref(), format!("{suite}-security")),
    ];
    for (address, pocket) in pockets {
        if let Some(address) = address.filter(|address| has_suite(address, &pocket, scratch)) {
            lines.push(format!("deb {address} {pocket} main"));
        }
    }
    Ok(lines)
}

/// What apt knows of the packages lists that it has fetched.
#[expect(
    clippy::disallowed_methods,
    reason = "only apt knows what its configuration comes to"
)]
fn ask_apt() -> Option<Mirrors> {
    let format = "$(REPO_URI)|$(ORIGIN)|$(LABEL)";
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", format, "Created-By: Packages"])
        .output()
        .ok()?;
    let found = parse_targets(&String::from_utf8_lossy(&output.stdout));
    found.debian.is_some().then_some(found)
}

fn parse_targets(text: &str) -> Mirrors {
    let mut found = Mirrors::default();
    for line in text.lines() {
        let mut fields = line.splitn(3, '|');
        let address = fields.next().unwrap_or_default();
        match (fields.next(), fields.next()) {
            (Some("Debian"), Some("Debian")) => keep(&mut found.debian, address),
            (Some("Debian"), Some("Debian-Security")) => keep(&mut found.security, address),
            _ => {}
        }
    }
    found
}

fn keep(place: &mut Option<String>, address: &str) {
    if place.is_none() && address.contains(':') {
        *place = Some(address.to_owned());
    }
}

/// What the configuration says where apt has not fetched any list yet.
fn read_files() -> Option<Mirrors> {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let mut found = Mirrors::default();
    parse_one_line(&read(Path::new(SOURCES_LIST)), &mut found);
    let mut files: Vec<_> = std::fs::read_dir(SOURCES_DIR)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.sort();
    for path in files {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => parse_one_line(&read(&path), &mut found),
            Some("sources") => parse_deb822(&read(&path), &mut found),
            _ => {}
        }
    }
    found.debian.is_some().then_some(found)
}

/// `deb [options] ADDRESS SUITE COMPONENT…`
fn parse_one_line(text: &str, found: &mut Mirrors) {
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let rest = rest.trim_start();
        let rest = match rest.strip_prefix('[') {
            Some(options) => options.split_once(']').map_or("", |(_, rest)| rest),
            None => rest,
        };
        if let Some(address) = rest.split_whitespace().next() {
            keep_by_path(address, found);
        }
    }
}

/// Paragraphs of `Field: value`; `URIs` may hold several addresses.
fn parse_deb822(text: &str, found: &mut Mirrors) {
    for paragraph in text.split("\n\n") {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let off = field("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
        let types = field("Types").unwrap_or_default();
        if off || !types.split_whitespace().any(|kind| kind == "deb") {
            continue;
        }
        for address in field("URIs").unwrap_or_default().split_whitespace() {
            keep_by_path(address, found);
        }
    }
}

/// Without apt's lists nobody says whose packages these are but the path, which
/// all mirrors of Debian have in common.
fn keep_by_path(address: &str, found: &mut Mirrors) {
    let path = address.trim_end_matches('/');
    if path.ends_with("/debian") {
        keep(&mut found.debian, address);
    } else if path.ends_with("/debian-security") {
        keep(&mut found.security, address);
    }
}

/// Whether there is a signed index of the suite at the address.
#[expect(
    clippy::disallowed_methods,
    reason = "apt fetches as it is configured to: proxies, certificates, transports"
)]
fn has_suite(address: &str, suite: &str, scratch: &Path) -> bool {
    let index = format!("{}/dists/{suite}/InRelease", address.trim_end_matches('/'));
    Command::new(HELPER)
        .arg("download-file")
        .arg(index)
        .arg(scratch.join("InRelease"))
        .output()
        .is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(debian: &str, security: &str) -> Mirrors {
        Mirrors {
            debian: Some(debian.to_owned()),
            security: Some(security.to_owned()),
        }
    }

    #[test]
    fn apt_names_the_origin_of_each_list() {
        let text = "http://m.test/other/|Other|Debian\nhttp://m.test/debian/|Debian|Debian\n\
                    http://n.test/debian/|Debian|Debian\nhttp://s.test/sec/|Debian|Debian-Security\n";
        assert_eq!(
            parse_targets(text),
            both("http://m.test/debian/", "http://s.test/sec/")
        );
        assert_eq!(parse_targets("|Debian|Debian\nx"), Mirrors::default());
    }

    #[test]
    fn both_forms_of_source_files_are_read() {
        let mut found = Mirrors::default();
        parse_one_line(
            "# deb http://old.test/debian x main\n\
             deb-src http://src.test/debian x main\n\
             deb [arch=amd64 signed-by=/k] http://m.test/debian bookworm main\n\
             deb http://m.test/debian-security/ bookworm-security main",
            &mut found,
        );
        let expected = both("http://m.test/debian", "http://m.test/debian-security/");
        assert_eq!(found, expected);

        let mut found = Mirrors::default();
        parse_deb822(
            "Types: deb\nURIs: http://off.test/debian\nEnabled: no\n\n\
             # Comment\nTypes: deb deb-src\nURIs: http://m.test/debian\nSuites: x\n\n\
             Types: deb\nURIs: http://m.test/debian-security/\n",
            &mut found,
        );
        assert_eq!(found, expected);
    }
}
