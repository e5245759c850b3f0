//! A host with templates of its own, and images of BusyBox to be pulled.

use std::fs;
use std::path::{Path, PathBuf};

use veld_tests::{Cmd, Host, Template};

/// A host whose templates are not those of other tests.
pub(crate) struct Site {
    pub(crate) host: Host,
}

/// What these tests need of the machine and it lacks.
pub(crate) fn lacks(programs: &[&str]) -> Option<String> {
    let mut programs = programs.iter();
    let lacking = programs.find(|program| !Cmd::is_there(program))?;
    Some(format!("no {lacking}"))
}

impl Site {
    pub(crate) fn new(host: Host) -> Self {
        let site = Self { host };
        site.configure("");
        site
    }

    pub(crate) fn templates(&self) -> PathBuf {
        self.host.directory().join("templates")
    }

    /// Writes the config with `more`, and with this host's own templates.
    pub(crate) fn configure(&self, more: &str) {
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
    pub(crate) fn cached(&self) -> Vec<String> {
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

/// A copy of BusyBox's tree, which other tests use meanwhile.
pub(crate) fn tree(directory: &Path) -> PathBuf {
    let tree = directory.join("tree");
    let from = Template::Busybox.root().display().to_string();
    let to = tree.display().to_string();
    fs::create_dir_all(directory).unwrap();
    Cmd::program("cp", ["-a", &from, &to]).run().ok();
    tree
}

/// Writes an archive of what is in a directory.
pub(crate) fn archive(file: &Path, option: &str, directory: &Path, what: &str) {
    let (file, directory) = (file.display().to_string(), directory.display().to_string());
    let words = ["--numeric-owner", option, &file, "-C", &directory, what];
    Cmd::program("tar", words).run().ok();
}

/// An OCI image layout with one image, `1`, of a layer with BusyBox and one with a word.
pub(crate) fn image(directory: &Path, word: &str) -> PathBuf {
    let layout = directory.join("layout");
    let layers = [tree(directory), directory.join("more")];
    fs::create_dir_all(layers[1].join("etc")).unwrap();
    fs::write(layers[1].join("etc/word"), word).unwrap();
    let image = format!("{}:1", layout.display());
    let umoci = |words: &[&str]| Cmd::program("umoci", words).run().ok();
    umoci(&["init", "--layout", &layout.display().to_string()]);
    umoci(&["new", "--image", &image]);
    for tree in layers {
        let file = tree.with_extension("tar");
        archive(&file, "-cf", &tree, ".");
        umoci(&[
            "raw",
            "add-layer",
            "--image",
            &image,
            &file.display().to_string(),
        ]);
    }
    layout
}
