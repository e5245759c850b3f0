//! An image by its alias, for this machine.

use super::index::{Files, Product, Products};
use crate::error::Error;

/// How many aliases are offered where there is none.
const OFFERED: usize = 5;

/// An image that a server has for this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The shortest that it may be called by.
    pub name: String,
    /// All that it may be called by.
    pub aliases: Vec<String>,
    /// What it is: system, release, variant.
    pub title: String,
    /// When it was built, as the server writes it.
    pub version: String,
    /// Of its files, in bytes.
    pub size: u64,
}

/// The newest build of an image.
#[derive(Debug)]
pub(super) struct Newest {
    pub(super) version: String,
    pub(super) files: Files,
}

/// What a server of simplestreams calls this machine.
pub(super) fn machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "i386",
        "aarch64" => "arm64",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        "loongarch64" => "loong64",
        same => same,
    }
}

/// All images for a machine, by name.
pub(super) fn all(products: &[Products], machine: &str) -> Vec<Found> {
    let products = products.iter().flat_map(|file| file.products.values());
    let mut found: Vec<Found> = products
        .filter(|product| product.arch == machine)
        .filter_map(|product| {
            let newest = newest(product)?;
            let aliases = product.names();
            Some(Found {
                name: aliases.first()?.clone(),
                aliases,
                title: product.title(),
                version: newest.version,
                size: newest.files.size(),
            })
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// The newest build of the image that `alias` means.
///
/// # Errors
/// [`Error::OtherPlatform`] where it is there for other machines, [`Error::NoImage`].
pub(super) fn by_alias(
    products: &[Products],
    alias: &str,
    machine: &str,
    remote: &str,
) -> Result<Newest, Error> {
    let named: Vec<(&Product, String)> = products
        .iter()
        .flat_map(|file| file.products.values())
        .filter(|product| is_called(product, alias))
        .map(|product| (product, product.arch.clone()))
        .collect();
    let mut here = named.iter().filter(|(_, arch)| arch == machine);
    if let Some(newest) = here.find_map(|(product, _)| newest(product)) {
        return Ok(newest);
    }
    let mut there: Vec<String> = named.into_iter().map(|(_, arch)| arch).collect();
    there.retain(|arch| arch != machine);
    there.sort();
    there.dedup();
    if there.is_empty() {
        return Err(Error::NoImage {
            remote: remote.to_owned(),
            image: alias.to_owned(),
            near: near(products, alias, machine),
        });
    }
    Err(Error::OtherPlatform {
        image: alias.to_owned(),
        wanted: machine.to_owned(),
        there,
    })
}

/// With the machine at its end, or without.
fn is_called(product: &Product, alias: &str) -> bool {
    let alias = alias.to_lowercase();
    let bare = alias.strip_suffix(&format!("/{}", product.arch));
    let names = product.names();
    names
        .iter()
        .any(|name| *name == alias || Some(name.as_str()) == bare)
}

/// The last build that has files for a container.
fn newest(product: &Product) -> Option<Newest> {
    let versions = product.versions.iter().rev();
    versions
        .filter_map(|(version, build)| {
            Some(Newest {
                version: version.clone(),
                files: build.files()?,
            })
        })
        .next()
}

/// Images of the same system.
fn near(products: &[Products], alias: &str, machine: &str) -> Vec<String> {
    let system = alias.split('/').next().unwrap_or_default().to_lowercase();
    let names = all(products, machine).into_iter().map(|found| found.name);
    names
        .filter(|name| name.split('/').next() == Some(system.as_str()))
        .take(OFFERED)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn products() -> Vec<Products> {
        let items = r#"{"incus.tar.xz": {"ftype": "incus.tar.xz", "size": 1, "sha256": "a", "path": "m",
                "combined_rootxz_sha256": "x", "combined_squashfs_sha256": "s"},
            "rootfs.squashfs": {"ftype": "squashfs", "size": 2, "sha256": "b", "path": "s"},
            "root.tar.xz": {"ftype": "root.tar.xz", "size": 4, "sha256": "c", "path": "r"}}"#;
        let product = |release: &str, variant: &str, arch: &str| {
            format!(
                r#""debian:{release}:{arch}:{variant}": {{"os": "Debian", "release": "{release}",
                    "release_title": "{release}", "variant": "{variant}", "arch": "{arch}",
                    "aliases": "debian/12/{variant},debian/{release}/{variant}",
                    "versions": {{"20260101_05:24": {{"items": {items}}},
                        "20260102_05:24": {{"items": {items}}},
                        "20260103_05:24": {{"items": {{"disk.qcow2": {{"ftype": "disk-kvm.img"}}}}}}}}}}"#
            )
        };
        let text = format!(
            "{{\"products\": {{{}, {}, {}}}}}",
            product("bookworm", "default", "amd64"),
            product("bookworm", "cloud", "amd64"),
            product("bookworm", "default", "arm64")
        );
        vec![serde_json::from_str(&text).unwrap()]
    }

    fn said(alias: &str, machine: &str) -> String {
        let found = by_alias(&products(), alias, machine, "https://i.test/");
        match found {
            Ok(newest) => format!("{} {}", newest.version, newest.files.root.path),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_alias_finds_the_newest_that_is_no_virtual_machine() {
        for alias in [
            "debian/bookworm",
            "debian/12/default",
            "Debian/bookworm/default",
            "debian/bookworm/amd64",
            "debian/12/cloud",
        ] {
            assert_eq!(said(alias, "amd64"), "20260102_05:24 r", "{alias}");
        }
        assert_eq!(said("debian/bookworm/arm64", "arm64"), "20260102_05:24 r");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        assert_eq!(
            said("debian/bookworm", "s390x"),
            "debian/bookworm is not for s390x: it is for amd64, arm64"
        );
        assert_eq!(
            said("debian/bookworm/arm64", "amd64"),
            "debian/bookworm/arm64 is not for amd64: it is for arm64"
        );
        assert_eq!(
            said("debian/13", "amd64"),
            "https://i.test/ has no image debian/13: there is debian/12/cloud, debian/bookworm"
        );
        assert_eq!(
            said("plan/9", "amd64"),
            "https://i.test/ has no image plan/9"
        );
    }

    #[test]
    fn a_list_has_what_runs_here() {
        let names: Vec<String> = all(&products(), "amd64")
            .into_iter()
            .map(|found| found.name)
            .collect();
        assert_eq!(names, ["debian/12/cloud", "debian/bookworm"]);
        assert_eq!(all(&products(), "amd64")[1].size, 5);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,80}", alias in ".{0,20}") {
            let _ = serde_json::from_str::<Products>(&text);
            let _ = said(&alias, "amd64");
        }
    }
}
