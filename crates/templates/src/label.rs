//! What the name of a file says: a name for the template, and maybe a machine, as
//! the caches of OpenVZ have it: `debian-12-x86_64.tar.gz`.
//!
//! It is believed for nothing else. The machine is only held against the one that
//! the programs are for.

use std::path::Path;

use crate::error::Error;

/// Endings of archives, the longest first.
const ENDINGS: [&str; 17] = [
    ".tar.zst",
    ".tar.gz",
    ".tar.xz",
    ".tar.lzo",
    ".tar.bz2",
    ".tar.lz4",
    ".squashfs",
    ".sqfs",
    ".tzst",
    ".tgz",
    ".txz",
    ".tar",
    ".vma",
    ".zst",
    ".gz",
    ".xz",
    ".img",
];

/// Endings of names that are machines, and what uname(1) calls them.
const MACHINES: [(&str, &str); 12] = [
    ("x86_64", "x86_64"),
    ("amd64", "x86_64"),
    ("i386", "i686"),
    ("i686", "i686"),
    ("x86", "i686"),
    ("aarch64", "aarch64"),
    ("arm64", "aarch64"),
    ("armhf", "arm"),
    ("ppc64le", "ppc64le"),
    ("ppc64el", "ppc64le"),
    ("s390x", "s390x"),
    ("riscv64", "riscv64"),
];

/// A name for the template that is made of a file or directory, where its own gives
/// a valid one: without endings and machine, in lower case, `_` as `-`.
#[must_use]
pub fn default_name(source: &Path) -> Option<String> {
    let name = source.file_name()?.to_str()?;
    let stem = without_machine(without_ending(name));
    let name = stem.to_ascii_lowercase().replace('_', "-");
    crate::name::check(&name).is_ok().then_some(name)
}

/// Refuses a file whose name promises another machine than its programs are for.
///
/// # Errors
/// [`Error::Mislabelled`].
pub(crate) fn check_file_name(name: Option<&str>, architecture: &str) -> Result<(), Error> {
    let Some(name) = name else {
        return Ok(());
    };
    match machine_of(without_ending(name)) {
        Some((_, told)) if told != architecture => Err(Error::Mislabelled {
            name: name.to_owned(),
            told: told.to_owned(),
            found: architecture.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn without_ending(name: &str) -> &str {
    let mut endings = ENDINGS.iter();
    endings
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

fn without_machine(stem: &str) -> &str {
    match machine_of(stem) {
        Some((rest, _)) => rest,
        None => stem,
    }
}

/// The rest of a name and the machine that it ends in.
fn machine_of(stem: &str) -> Option<(&str, &'static str)> {
    MACHINES.iter().find_map(|(ending, machine)| {
        let rest = stem.strip_suffix(ending)?;
        let rest = rest.strip_suffix(['-', '_', '.'])?;
        (!rest.is_empty()).then_some((rest, *machine))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_give_names() {
        for (file, name) in [
            ("debian-12-x86_64.tar.gz", Some("debian-12")),
            (
                "/var/lib/vz/template/cache/centos-7-x86.tar.xz",
                Some("centos-7"),
            ),
            ("Alpine_3.20_amd64.tar.zst", Some("alpine-3.20")),
            ("rootfs.squashfs", Some("rootfs")),
            ("layout", Some("layout")),
            (
                "vzdump-lxc-101-2024_01_02-03_04_05.tar.zst",
                Some("vzdump-lxc-101-2024-01-02-03-04-05"),
            ),
            ("é.tar", None),
            (".tar", None),
            ("x86_64.tar", Some("x86-64")),
            ("/", None),
        ] {
            assert_eq!(default_name(Path::new(file)).as_deref(), name, "{file}");
        }
    }

    #[test]
    fn a_promised_machine_is_held_against_the_found_one() {
        check_file_name(Some("debian-12-x86_64.tar.gz"), "x86_64").unwrap();
        check_file_name(Some("debian-12.tar.gz"), "x86_64").unwrap();
        check_file_name(None, "x86_64").unwrap();
        assert_eq!(
            check_file_name(Some("debian-12-x86.tar.gz"), "x86_64")
                .unwrap_err()
                .to_string(),
            "debian-12-x86.tar.gz is named for i686, and its programs are for x86_64"
        );
    }
}
