//! The text files of the checkout.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::source::Source;

/// Every text file below the checkout, but for what is built.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: Vec<(PathBuf, String)>,
}

/// Not ours to check: what is built, and git's own.
const LEFT_OUT: &[&str] = &["target", ".git"];

impl Tree {
    /// Reads all of `root`.
    ///
    /// # Errors
    /// Names the directory or file that cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_below(root, Path::new(""))?;
        tree.files.sort();
        Ok(tree)
    }

    /// A tree of the given files, for tests of rules.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| (PathBuf::from(path), (*text).to_owned());
        Self {
            files: files.iter().map(owned).collect(),
        }
    }

    /// Paths from the top of the checkout, and contents.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// The content of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files()
            .find_map(|(other, text)| (other == Path::new(path)).then_some(text))
    }

    /// The Rust files, taken apart.
    pub(crate) fn sources(&self) -> Vec<Source> {
        self.files()
            .filter(|(path, _)| path.extension().is_some_and(|end| end == "rs"))
            .map(|(path, text)| Source::parse(path, text))
            .collect()
    }

    fn read_below(&mut self, root: &Path, below: &Path) -> Result<()> {
        let directory = root.join(below);
        let cannot = || format!("cannot read {}", directory.display());
        for entry in fs::read_dir(&directory).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let name = entry.file_name();
            let path = below.join(&name);
            let kind = entry.file_type().with_context(cannot)?;
            if kind.is_dir() && !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                self.read_below(root, &path)?;
            }
            if kind.is_file() {
                let content = fs::read(root.join(&path))
                    .with_context(|| format!("cannot read {}", path.display()))?;
                // Pictures, archives and the like are no text and hold no rules.
                if let Ok(text) = String::from_utf8(content) {
                    self.files.push((path, text));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_and_binary_files_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("target")).unwrap();
        fs::create_dir_all(directory.path().join("crates/a")).unwrap();
        fs::write(directory.path().join("target/x.rs"), "x").unwrap();
        fs::write(directory.path().join("crates/a/x.rs"), "y").unwrap();
        fs::write(directory.path().join("picture"), [0xff, 0xfe]).unwrap();
        let tree = Tree::read(directory.path()).unwrap();
        assert_eq!(tree.files().count(), 1);
        assert_eq!(tree.text("crates/a/x.rs"), Some("y"));
        assert_eq!(tree.sources().len(), 1);
    }
}
