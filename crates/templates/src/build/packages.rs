//! What goes into a built template, as arguments of mmdebstrap.

use std::path::Path;

use crate::error::Error;

use super::BuildOptions;

/// What every template has beyond the packages that Debian marks as required, apt
/// and the init: enough to log in, see what runs, reach the network and read a
/// file. No kernel, boot loader, udev, ssh or locales: the first three have no use
/// in a VE, the others are a choice.
const PACKAGES: [&str; 13] = [
    "adduser",
    "login",
    "passwd",
    "procps",
    "iproute2",
    "iputils-ping",
    "netbase",
    "ca-certificates",
    "tzdata",
    "less",
    "nano",
    "cron",
    "logrotate",
];

/// Debian's own keys where the host has them. The host's apt may trust them for
/// its own sources only, which says nothing of other suites.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Refuses what could be taken for an option or for more than one value.
pub(super) fn check(options: &BuildOptions) -> Result<(), Error> {
    let bad = |what, value: &str| {
        let value = value.to_owned();
        Err(Error::BadOption { what, value })
    };
    let starts_well = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let suite = &options.suite;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if !starts_well(suite) || !suite.chars().all(fits) {
        return bad("suite", suite);
    }
    for package in &options.include {
        let fits = |c: char| c.is_ascii_alphanumeric() || "+-.:=~".contains(c);
        if !starts_well(package) || !package.chars().all(fits) {
            return bad("package name", package);
        }
    }
    match &options.mirror {
        Some(mirror) if !starts_well(mirror) || mirror.contains(char::is_control) => {
            bad("mirror", mirror)
        }
        _ => Ok(()),
    }
}

/// Says in one line what apt says of a package that a suite does not have.
pub(super) fn explain(error: Error, suite: &str) -> Error {
    let Error::Builder { lines, .. } = &error else {
        return error;
    };
    let first = lines.split("; ").next().unwrap_or_default();
    let unknown = first.split_once(" locate package ");
    let package = unknown.map(|(_, package)| package).or_else(|| {
        let rest = first.strip_prefix("Package '")?;
        rest.strip_suffix("' has no installation candidate")
    });
    match package {
        Some(package) => Error::NoPackage {
            suite: suite.to_owned(),
            package: package.to_owned(),
        },
        None => error,
    }
}

/// The whole command line but the program.
pub(super) fn arguments(options: &BuildOptions, sources: &[String]) -> Vec<String> {
    let suite = options.suite.as_str();
    let packages: Vec<&str> = options
        .init
        .packages(suite)
        .into_iter()
        .chain(PACKAGES)
        .chain(options.include.iter().map(String::as_str))
        .collect();
    let mut arguments = vec![
        "--mode=root".to_owned(),
        "--format=tar".to_owned(),
        "--variant=minbase".to_owned(),
        format!("--include={}", packages.join(",")),
    ];
    if Path::new(KEYRING).exists() {
        arguments.push(format!("--keyring={KEYRING}"));
    }
    if let Some(command) = options.init.customize(suite) {
        arguments.push(format!("--customize-hook={command}"));
    }
    if ["sid", "unstable"].contains(&suite) {
        // A frozen mirror of a suite that changes daily looks expired at once.
        arguments.push("--aptopt=Acquire::Check-Valid-Until \"false\"".to_owned());
    }
    arguments.push(suite.to_owned());
    arguments.push("-".to_owned());
    arguments.extend_from_slice(sources);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_cannot_be_smuggled_in() {
        let suite = |suite: &str| BuildOptions {
            suite: suite.to_owned(),
            ..BuildOptions::default()
        };
        check(&suite("bookworm")).unwrap();
        assert_eq!(
            check(&suite("--hook-dir=/x")).unwrap_err().to_string(),
            "\"--hook-dir=/x\" is not a suite"
        );
        let mut options = suite("sid");
        options.include = vec!["vim,evil".to_owned()];
        assert_eq!(
            check(&options).unwrap_err().to_string(),
            "\"vim,evil\" is not a package name"
        );
        options.include = vec!["g++".to_owned(), "libc6:i386".to_owned()];
        options.mirror = Some("-".to_owned());
        assert_eq!(
            check(&options).unwrap_err().to_string(),
            "\"-\" is not a mirror"
        );
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        let said = |lines: &str| {
            let error = Error::Builder {
                status: "exit status: 1".to_owned(),
                lines: lines.to_owned(),
            };
            explain(error, "bookworm").to_string()
        };
        for lines in [
            "Unable to locate package openrc-init; setup failed: E: apt-get",
            "Package 'openrc-init' has no installation candidate",
        ] {
            let expected = "suite bookworm has no package openrc-init";
            assert_eq!(said(lines), expected);
        }
        assert_eq!(
            said("no space"),
            "mmdebstrap ended with exit status: 1: no space"
        );
    }

    #[test]
    fn sid_is_believed_however_old_its_mirror_is() {
        let options = BuildOptions {
            suite: "sid".to_owned(),
            include: vec!["vim".to_owned()],
            ..BuildOptions::default()
        };
        let arguments = arguments(&options, &["deb file:/mirror sid main".to_owned()]);
        assert!(arguments.contains(&"--aptopt=Acquire::Check-Valid-Until \"false\"".to_owned()));
        assert!(
            arguments
                .iter()
                .any(|text| text.ends_with(",logrotate,vim"))
        );
        assert_eq!(
            arguments[arguments.len() - 3..],
            ["sid", "-", "deb file:/mirror sid main"]
        );
    }
}
