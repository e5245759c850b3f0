//! Which init a built template has: its packages, and what no package does.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The inits that Debian can be built with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildInit {
    /// systemd, with its bus and sessions.
    #[default]
    Systemd,
    /// The init of System V.
    Sysvinit,
    /// OpenRC, run by the inittab of sysvinit.
    Openrc,
    /// OpenRC with its own PID 1.
    OpenrcInit,
    /// runit, which runs the scripts of System V too.
    Runit,
    /// Finit.
    Finit,
    /// BusyBox, with an inittab that runs the scripts of System V.
    Busybox,
    /// No init.
    None,
}

const NAMES: [(&str, BuildInit); 8] = [
    ("systemd", BuildInit::Systemd),
    ("sysvinit", BuildInit::Sysvinit),
    ("openrc", BuildInit::Openrc),
    ("openrc-init", BuildInit::OpenrcInit),
    ("runit", BuildInit::Runit),
    ("finit", BuildInit::Finit),
    ("busybox", BuildInit::Busybox),
    ("none", BuildInit::None),
];

/// The first release with scripts of System V for packages that gave theirs up.
const ORPHANED: &[&str] = &["buster", "bullseye"];
/// Releases that have openrc-init in the package openrc, under that name alone.
const INIT_WITHOUT_PACKAGE: &[&str] = &["buster", "bullseye", "bookworm", "trixie"];

/// Nothing else says what runs at boot in a Debian with BusyBox as its init:
/// these are the services that packages have enabled.
const INITTAB: &str = "\
::sysinit:/bin/run-parts --arg=start --regex=^S /etc/rcS.d
::wait:/bin/run-parts --arg=start --regex=^S /etc/rc2.d
::shutdown:/bin/run-parts --arg=stop --regex=^K /etc/rc0.d";

impl BuildInit {
    /// Packages besides those of all templates; `NAME-` keeps one out.
    pub(super) fn packages(self, suite: &str) -> Vec<&'static str> {
        let mut packages = match self {
            Self::Systemd => return vec!["systemd-sysv", "dbus", "libpam-systemd"],
            Self::Sysvinit => vec!["sysvinit-core", "sysv-rc"],
            Self::Openrc => vec!["sysvinit-core", "openrc"],
            Self::OpenrcInit if INIT_WITHOUT_PACKAGE.contains(&suite) => {
                vec!["openrc", "initscripts"]
            }
            Self::OpenrcInit => vec!["openrc-init", "initscripts"],
            Self::Runit => vec!["runit-init", "sysv-rc"],
            // Its conditions on the network are a plugin.
            Self::Finit => vec!["finit-sysv", "finit-plugins"],
            Self::Busybox => vec!["busybox-static", "sysv-rc"],
            Self::None => Vec::new(),
        };
        if !matches!(self, Self::Finit | Self::None) && !ORPHANED.contains(&suite) {
            packages.push("orphan-sysvinit-scripts");
        }
        // cron takes systemd or one small program of it, and apt the first.
        packages.push("systemd-");
        packages
    }

    /// A shell command that completes the tree in `$1`, as an administrator
    /// would who installs that init.
    pub(super) fn customize(self, suite: &str) -> Option<String> {
        if self == Self::Busybox {
            return Some(format!(
                "set -e; ln -s ../bin/busybox \"$1/sbin/init\"; \
                 printf '%s\\n' '{INITTAB}' >\"$1/etc/inittab\""
            ));
        }
        let bare = self == Self::OpenrcInit && INIT_WITHOUT_PACKAGE.contains(&suite);
        bare.then(|| "ln -s openrc-init \"$1/sbin/init\"".to_owned())
    }
}

impl FromStr for BuildInit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = NAMES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, init)| init).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join(", ");
            Error::BadInit {
                value: text.to_owned(),
                allowed: names.replace(", none", " or none"),
            }
        })
    }
}

impl fmt::Display for BuildInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.into_iter().find(|(_, init)| init == self);
        f.write_str(name.map_or("unknown", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_inits_and_back() {
        for (name, init) in NAMES {
            assert_eq!(name.parse::<BuildInit>().unwrap(), init);
            assert_eq!(init.to_string(), name);
        }
        assert_eq!(
            "s6".parse::<BuildInit>().unwrap_err().to_string(),
            "\"s6\" is not an init to build Debian with: allowed is systemd, sysvinit, openrc, \
             openrc-init, runit, finit, busybox or none"
        );
    }

    #[test]
    fn an_old_release_has_its_scripts_in_the_packages() {
        assert_eq!(
            BuildInit::Sysvinit.packages("bullseye"),
            ["sysvinit-core", "sysv-rc", "systemd-"]
        );
        assert_eq!(
            BuildInit::OpenrcInit.packages("sid"),
            [
                "openrc-init",
                "initscripts",
                "orphan-sysvinit-scripts",
                "systemd-"
            ]
        );
        assert_eq!(BuildInit::OpenrcInit.customize("sid"), None);
        let command = BuildInit::OpenrcInit.customize("trixie").unwrap();
        assert_eq!(command, "ln -s openrc-init \"$1/sbin/init\"");
    }
}
