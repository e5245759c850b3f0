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
    /// Debian 12: systemd 252.
    Debian,
    /// Debian 13: systemd 257.
    DebianTrixie,
}

/// A Debian template takes half a minute on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(240);

impl Template {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Busybox => format!("busybox-{}", busybox::RECIPE),
            Self::NoInit => format!("noinit-{}", busybox::RECIPE),
            Self::Debian => "debian".to_owned(),
            Self::DebianTrixie => "trixie".to_owned(),
        }
    }

    /// Its tree, as it is on the machine.
    #[must_use]
    pub fn root(self) -> PathBuf {
        directory().join(self.name()).join("root")
    }

    /// What this machine lacks to make it.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            _ if self.root().is_dir() => None,
            Self::Busybox | Self::NoInit => {
                let there = Path::new(busybox::PROGRAM).exists();
                (!there).then(|| format!("no {} (package busybox-static)", busybox::PROGRAM))
            }
            Self::Debian | Self::DebianTrixie => {
                (!Cmd::is_there("mmdebstrap")).then(|| "no mmdebstrap".to_owned())
            }
        }
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
        match self {
            Self::Busybox => self.import(true),
            Self::NoInit => self.import(false),
            Self::Debian => self.build("bookworm"),
            Self::DebianTrixie => self.build("trixie"),
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

    fn build(self, suite: &str) {
        veld(["template", "build", &self.name(), "--suite", suite]);
    }
}

/// Where all tests find their templates.
pub(crate) fn directory() -> PathBuf {
    cache().join("templates")
}

/// Runs a command on templates: it needs none of what a test's host has.
fn veld<const N: usize>(words: [&str; N]) {
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
