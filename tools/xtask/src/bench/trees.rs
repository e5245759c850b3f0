//! Trees of distributions: templates of veld's, and copies of them for the peers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use crate::place::make_directory;
use crate::run;
use crate::veld::Veld;

/// Makes the template of a Debian with an init, unless it is there, and returns
/// its name. What the suites have built already is not built again.
///
/// # Errors
/// It can be neither imported nor built.
pub(super) fn ensure(bench: &Bench, veld: &Veld, suite: &str, init: &str) -> Result<String> {
    let name = name(suite, init);
    if veld.output(["template", "show", &name]).is_ok() {
        return Ok(name);
    }
    match latest(&bench.made_by_suites, &name) {
        Some(tree) => {
            println!("   import {}", tree.display());
            let tree = tree.to_string_lossy();
            veld.output(["template", "import", "--name", &name, &tree])?;
        }
        None => {
            println!("   build {name}");
            veld.output(["template", "build", &name, "--suite", suite, "--init", init])?;
        }
    }
    Ok(name)
}

/// What a template is called.
pub(super) fn name(suite: &str, init: &str) -> String {
    format!("{suite}-{init}")
}

/// The tree in `NAME-NUMBER` of the highest number, below `directory`.
fn latest(directory: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    let numbered = entries.filter_map(|entry| {
        let found = entry.file_name();
        let number = found.to_str()?.strip_prefix(name)?.strip_prefix('-')?;
        let tree = tree_in(&entry.path())?;
        Some((number.parse::<u32>().ok()?, tree))
    });
    numbered.max().map(|(_, tree)| tree)
}

/// A copy of a template's tree below `target/bench`, with its owners and modes;
/// nothing lies between it and the disk. It is kept for the next benchmark: ext4
/// passes over each inode of a removed tree for half a minute when it makes a file,
/// which would be in the times of both sides.
///
/// # Errors
/// There is no such template, or it cannot be copied.
pub(super) fn copy(bench: &Bench, template: &str) -> Result<PathBuf> {
    let copy = bench.path("roots").join(template);
    if copy.exists() {
        return Ok(copy);
    }
    let directory = bench.templates.join(template);
    let tree = tree_in(&directory).with_context(|| {
        format!(
            "cannot find a root below {}: a run with veld makes it",
            directory.display()
        )
    })?;
    let unfinished = bench.fresh_directory("unfinished-root")?;
    let mut cp = Command::new("cp");
    cp.args(["-a", "--reflink=auto"])
        .arg(tree.join("."))
        .arg(&unfinished);
    run::output(&mut cp)?;
    make_directory(&bench.path("roots"))?;
    fs::rename(&unfinished, &copy)
        .with_context(|| format!("cannot rename {}", unfinished.display()))?;
    Ok(copy)
}

/// The directory that is a distribution's root: this one or one in it.
fn tree_in(directory: &Path) -> Option<PathBuf> {
    let inside = fs::read_dir(directory).ok()?.flatten();
    std::iter::once(directory.to_owned())
        .chain(inside.map(|entry| entry.path()))
        .find(|candidate| candidate.join("usr/lib/os-release").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(at: &Path) -> PathBuf {
        let root = at.join("root");
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        fs::write(root.join("usr/lib/os-release"), "").unwrap();
        root
    }

    #[test]
    fn the_root_is_found_in_the_template() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(tree_in(directory.path()), None);
        let root = root(directory.path());
        assert_eq!(tree_in(directory.path()), Some(root.clone()));
        assert_eq!(tree_in(&root), Some(root));
    }

    #[test]
    fn the_latest_of_a_name_is_taken_and_none_of_a_longer_name() {
        let directory = tempfile::tempdir().unwrap();
        let made = ["a-openrc-2", "a-openrc-10", "a-openrc-init-11"];
        let [_, wanted, other] = made.map(|name| root(&directory.path().join(name)));
        assert_eq!(latest(directory.path(), "a-openrc"), Some(wanted));
        assert_eq!(latest(directory.path(), "a-openrc-init"), Some(other));
        assert_eq!(latest(directory.path(), "a"), None);
    }
}
