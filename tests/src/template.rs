//! The distributions that VEs are made of, built once and kept in the cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::busybox;
use crate::command::Cmd;
use crate::disposable::{cache, stage};

/// A distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// BusyBox with an inittab: an init that Veld supervises.
    Busybox,
    /// BusyBox's tools and no init at all.
    NoInit,
    /// Debian 11: systemd 247.
    DebianBullseye,
    /// Debian 12: systemd 252.
    Debian,
    /// Debian 13: systemd 257.
    DebianTrixie,
    /// Debian of tomorrow: the latest systemd.
    DebianSid,
    /// Debian 12 with the init of System V.
    Sysvinit,
    /// Debian 12 with OpenRC, run by the init of System V.
    Openrc,
    /// Debian 12 with OpenRC's own init.
    OpenrcInit,
    /// Debian 13 with runit.
    Runit,
    /// Debian 13 with Finit.
    Finit,
    /// Debian 12 with BusyBox as its init, and services of System V.
    BusyboxDebian,
    /// Debian 12 with a web server and the tools of firewalls.
    DebianWeb,
}

/// What [`Template::DebianWeb`] has besides.
const WEB: &str = "nginx-light,curl,nftables,iptables";

/// Raised whenever built templates are to be built again: their name has it.
const RECIPE: u32 = 2;

/// A Debian template takes half a minute on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(240);

impl Template {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> String {
        match self.debian() {
            Some((suite, init)) if self == Self::DebianWeb => {
                format!("{suite}-{init}-web-{RECIPE}")
            }
            Some((suite, init)) => format!("{suite}-{init}-{RECIPE}"),
            None if self == Self::Busybox => format!("busybox-{}", busybox::RECIPE),
            None => format!("noinit-{}", busybox::RECIPE),
        }
    }

    /// The suite and the init of one that is built; the others are imported.
    fn debian(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Busybox | Self::NoInit => return None,
            Self::DebianBullseye => ("bullseye", "systemd"),
            Self::Debian | Self::DebianWeb => ("bookworm", "systemd"),
            Self::DebianTrixie => ("trixie", "systemd"),
            Self::DebianSid => ("sid", "systemd"),
            Self::Sysvinit => ("bookworm", "sysvinit"),
            Self::Openrc => ("bookworm", "openrc"),
            Self::OpenrcInit => ("bookworm", "openrc-init"),
            Self::Runit => ("trixie", "runit"),
            Self::Finit => ("trixie", "finit"),
            Self::BusyboxDebian => ("bookworm", "busybox"),
        })
    }

    /// Its tree, as it is on the machine.
    #[must_use]
    pub fn root(self) -> PathBuf {
        directory().join(self.name()).join("root")
    }

    /// What this machine lacks to make it.
    pub(crate) fn missing(self) -> Option<String> {
        if self.root().is_dir() {
            return None;
        }
        let (there, lacking) = match self.debian() {
            Some(_) => (Cmd::is_there("mmdebstrap"), "no mmdebstrap".to_owned()),
            None => (
                Path::new(busybox::PROGRAM).exists(),
                format!("no {} (package busybox-static)", busybox::PROGRAM),
            ),
        };
        (!there).then_some(lacking)
    }

    /// Makes it, unless it is there; whoever needs it meanwhile waits.
    pub(crate) fn ensure(self) {
        if self.root().is_dir() {
            return;
        }
        fs::create_dir_all(directory()).unwrap();
        let lock = File::create(cache().join(format!("{}.lock", self.name()))).unwrap();
        lock.lock().unwrap();
        if self.root().is_dir() {
            return;
        }
        match self.debian() {
            Some((suite, init)) => self.build(suite, init),
            None => self.import(self == Self::Busybox),
        }
        assert!(self.root().is_dir(), "no template {}", self.name());
    }

    fn import(self, init: bool) {
        let made = tempfile::tempdir_in(cache()).unwrap();
        let tree = made.path().join("tree");
        busybox::make(&tree, init);
        let tree = tree.display().to_string();
        veld(["template", "import", &tree, "--name", &self.name()]);
    }

    fn build(self, suite: &str, init: &str) {
        let name = self.name();
        let words = ["template", "build", &name, "--suite", suite, "--init", init];
        if self == Self::DebianWeb {
            veld(words.into_iter().chain(["--include", WEB]));
        } else {
            veld(words);
        }
    }
}

/// Where all tests find their templates.
pub(crate) fn directory() -> PathBuf {
    cache().join("templates")
}

/// Runs a command on templates: it needs none of what a test's host has.
fn veld<'a>(words: impl IntoIterator<Item = &'a str>) {
    let config = cache().join("templates.toml");
    let text = format!(
        "[paths]\ndata = {:?}\nrun = {:?}\ntemplates = {:?}\n",
        cache().join("templates-data"),
        cache().join("templates-run"),
        directory()
    );
    fs::write(&config, text).unwrap();
    Cmd::program(stage().join("bin/veld"), words)
        .env("VELD_CONFIG", &config)
        .within(PATIENCE)
        .run()
        .ok();
}
