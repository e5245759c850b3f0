//! A host with templates of its own.

use std::fs;
use std::path::PathBuf;

use crate::command::Cmd;
use crate::host::Host;

/// A host whose templates are not those of other tests.
#[derive(Debug)]
pub struct Site {
    /// The host.
    pub host: Host,
}

impl Site {
    /// Makes it of a host.
    ///
    /// # Panics
    /// Where its config cannot be written.
    #[must_use]
    pub fn new(host: Host) -> Self {
        let site = Self { host };
        site.configure("");
        site
    }

    /// Where they are.
    #[must_use]
    pub fn templates(&self) -> PathBuf {
        self.host.directory().join("templates")
    }

    /// Writes the config with `more`, and with this host's own templates.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn configure(&self, more: &str) {
        self.host.configure(more);
        let text = fs::read_to_string(self.host.config()).unwrap();
        let own = format!("templates = {:?}", self.templates());
        let line = |line: &str| {
            let is_it = line.starts_with("templates = ");
            if is_it { own.clone() } else { line.to_owned() }
        };
        let lines: Vec<String> = text.lines().map(line).collect();
        fs::write(self.host.config(), lines.join("\n")).unwrap();
    }

    /// Files of the cache that no template is made of: parts, and what is not locks.
    #[must_use]
    pub fn cached(&self) -> Vec<String> {
        let cache = self.templates().join(".cache");
        let found = Cmd::program("find", [&cache.display().to_string(), "-type", "f"]).run();
        let names = found
            .stdout
            .lines()
            .filter_map(|line| line.rsplit('/').next());
        let mut names: Vec<String> = names
            .filter(|name| !name.ends_with("lock"))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }
}
